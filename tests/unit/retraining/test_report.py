"""The report in the task's log: figures with what they rest on, or a sentence in their place; where the seconds went."""

from pathlib import Path
from typing import Any

import pytest

from tests.support import registry_data
from tidemark.retraining import report
from tidemark.storage import artifacts


def model(users: int, ratings: int = 500, **fields: Any) -> dict[str, Any]:
    document = registry_data.model(3)
    document["data"] |= {
        "measured_users": users,
        "measured_ratings": ratings,
        "split": "held out is the newest third",
        "split_rule": "newest_third",
    }
    return document | fields


def test_the_title_says_how_many_users_were_measured_and_on_what():
    text = report.text(model(3_000), [], [])
    assert "3,000 users measured on the newest third; 95 % bootstrap intervals" in text
    assert "500 held-out ratings measured on the newest third" in " ".join(text.split())
    assert "concluded" not in text


@pytest.mark.parametrize("users", [3, 29])
def test_of_few_users_no_table_is_shown(users):
    text = report.text(model(users, decision=registry_data.model(3)["decision"] | {"reasons": []}), [], [])
    assert f"{users} users were measured: nothing can be concluded (30 are needed)" in text
    assert "held out is the newest third" in text
    assert "NDCG" not in text
    assert "RMSE" in text, "500 ratings are enough"
    assert report.small(model(users))["concluded"] is False


def test_of_few_ratings_no_stars_are_shown():
    text = report.text(model(3_000, ratings=4), [], [])
    assert "4 held-out ratings were measured: nothing can be concluded" in text
    assert "RMSE" not in text


def test_where_nobody_was_measured_popularity_is_said_to_be_unproven():
    nobody = model(0, 0, engine="popularity", metrics={})
    nobody["decision"]["contender"] = "popularity"
    text = report.text(nobody, [], [])
    assert "no user was measured" in text
    assert "nothing that was tried could be shown to beat it" in text
    small = report.small(nobody)
    assert (small["ndcg_at_10"], small["rmse"], small["measured_users"]) == ({}, {}, 0)


def test_a_model_of_an_earlier_release_is_reported_with_its_figures():
    document = registry_data.of_earlier_release(registry_data.model(3))
    document["data"]["split"] = "the newest tenth is held out"
    text = report.text(document, [], [])
    assert "4,863 users measured; 95 % bootstrap intervals" in text
    assert "RMSE" in text


def test_it_shows_where_the_seconds_of_each_job_went_as_far_as_they_ran(tmp_path: Path):
    gate = {"phase": "gate", "seconds": 3.14, "cpu_seconds": 2.5}
    artifacts.write_json(f"{tmp_path}/train.json", {"phases": [{**gate, "phase": "start"}, gate]})
    artifacts.write_json(f"{tmp_path}/publish.json", {"phases": [gate]})
    artifacts.write_json(f"{tmp_path}/evaluate.json", {"seconds": 4.0})  # of an earlier release
    took = report.phases(str(tmp_path))
    assert [(row["job"], row["phase"]) for row in took] == [("train", "start"), ("train", "gate"), ("publish", "gate")]
    text = " ".join(report.text(model(3_000), [], took).split())
    assert "train │ gate │ 3.1 │ 2.5" in text


def test_what_more_diverse_lists_cost_is_a_table_where_it_was_measured():
    figure = {"value": 0.1, "low": 0.09, "high": 0.11}
    row = {"at": 0.3, "users": 1_234} | dict.fromkeys(
        ("ndcg_at_10", "cost", "coverage", "novelty", "diversity"), figure
    )
    told = " ".join(report.text(model(3_000), [], [], [row]).split())
    assert "TIDEMARK_DIVERSITY" in told
    assert "1,234 users" in told
    assert "0.1000 (0.0900-0.1100)" in told
    assert "TIDEMARK_DIVERSITY" not in report.text(model(3), [], [], [row])
    assert "TIDEMARK_DIVERSITY" not in report.text(model(3_000), [], [])


def test_what_content_reaches_is_said_with_what_new_items_get():
    found = {"asked": 0.1, "share": 0.1, "why": "lists with new items do not lose: NDCG@10 0.1134 with, 0.1120 without"}
    text = report.text(model(3_000, new_items=found), [], [])
    assert "new items get 10% of the places of a list: lists with new items do not lose: NDCG@10 0.1134" in text
    figure = registry_data.interval(0.5)
    reach = {"reach": figure | {"users": 463, "by_chance": 0.2}, "whole": {"with": figure, "without": figure}}
    text = " ".join(report.text(model(3_000, new_items=found | {"new_items": 38} | reach), [], []).split())
    assert "Of what 463 users took next that nobody had taken before, content reaches 0.5000 (0.4960-0.5040)" in text
    assert "with 20 of 38 new items (recall@20; by chance 0.2000, without it 0)" in text
