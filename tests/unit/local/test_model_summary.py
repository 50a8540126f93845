"""The table at the end: each figure in its row, RMSE with the models of ratings alone."""

from typing import Any

from rich.console import Console

from tidemark.local import model_summary


def figure(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.01, "high": value + 0.03}


def ranking(value: float) -> dict[str, dict[str, float]]:
    return {"ndcg_at_10": figure(value), "recall_at_10": figure(value * 2), "coverage": figure(0.5)}


MODEL: dict[str, Any] = {
    "_id": "20260101T000000-00000000",
    "engine": "implicit",
    "metrics": {
        "candidate": ranking(0.2),
        "popularity": ranking(0.1),
        "ratings": {"als": {"rmse": figure(1.1)}, "global_mean": {"rmse": figure(1.2465)}},
    },
    "decision": {"contender": "candidate"},
}


def lines(model: dict[str, Any]) -> list[str]:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(model_summary.table_of(model))
    return capture.get().splitlines()


def rendered(model: dict[str, object]) -> list[list[str]]:
    rows = [line.strip("│┃").replace("┃", "│").split("│") for line in lines(model)]
    return [[cell.strip() for cell in row] for row in rows if len(row) > 1]


def test_figures_stand_beside_the_baselines() -> None:
    heading, live, popular, als, mean = rendered(MODEL)
    assert heading == ["model", "engine", "NDCG@10", "recall@10", "coverage", "RMSE"]
    assert live == ["live model", "implicit", "0.2000 ±0.0200", "0.4000 ±0.0200", "0.5000 ±0.0200", "-"]
    assert popular[0] == "popularity, all time"
    assert popular[2] == "0.1000 ±0.0200"
    assert als[2:] == ["-", "-", "-", "1.1000 ±0.0200"]
    assert mean[-1] == "1.2465 ±0.0200"


def test_where_popularity_is_live_its_figures_are_shown() -> None:
    live = rendered(MODEL | {"engine": "popularity", "decision": {"contender": "popularity"}})[1]
    assert live[:3] == ["live model", "popularity", "0.1000 ±0.0200"]


def rests_on(users: int, ratings: int) -> dict[str, object]:
    return MODEL | {"data": {"measured_users": users, "measured_ratings": ratings, "split_rule": "newest_third"}}


def test_the_caption_says_how_many_users_were_measured_and_on_what() -> None:
    assert lines(rests_on(3_000, 300))[-1].strip() == "3,000 users measured on the newest third"
    assert len(rendered(rests_on(3_000, 300))) == 5


def test_figures_from_which_nothing_can_be_concluded_are_left_out_and_it_is_said() -> None:
    few = rests_on(3, 300)
    assert " ".join(lines(few)[-1].split()) == "3 users were measured: nothing can be concluded (30 are needed)"
    _, live, als, mean = rendered(few)
    assert live == ["live model", "implicit", "-", "-", "-", "-"]
    assert als[-1] == "1.1000 ±0.0200"
    assert mean[-1] == "1.2465 ±0.0200"
    assert [row[0] for row in rendered(rests_on(3, 29))] == ["model", "live model"]


def test_where_nobody_was_measured_the_live_model_has_a_row_without_figures() -> None:
    nobody = MODEL | {"metrics": {}, "data": {"measured_users": 0, "measured_ratings": 0, "split_rule": "newest_tenth"}}
    assert [row[0] for row in rendered(nobody)] == ["model", "live model"]
    assert "no user was measured" in " ".join(lines(nobody))
