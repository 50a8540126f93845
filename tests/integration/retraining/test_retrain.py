"""Retraining against a real MongoDB: from interactions to a live model, and every way in which it may not become one."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.support import retraining, tastes
from tests.support.retraining import as_frame, begin, job, retrain, store_interactions
from tidemark.charts import retraining as retraining_charts
from tidemark.console import first_page, page_rows
from tidemark.contracts import conformance
from tidemark.errors import NoChampionError, NotEnoughDataError, SettingError
from tidemark.local import model_summary
from tidemark.models.baselines import BASELINES
from tidemark.models.popularity import Popularity
from tidemark.registry import champion, entries
from tidemark.retraining import publish, report
from tidemark.storage import artifacts, mongo

pytestmark = pytest.mark.usefixtures("spark", "mongo_db")

SEARCHED: dict[str, Any] = {"factors": 8, "regularization": None, "alpha": None}


@pytest.fixture
def table():
    return as_frame(tastes.tastes())


def live():
    """The champion's id and its recommendations by user."""
    db = mongo.connect()
    model = champion.live(db)
    assert model is not None
    return model["_id"], {d["_id"]: d for d in db[mongo.recommendations(model["_id"])].find()}


def test_interactions_become_recommendations_with_figures_and_reasons(table):
    store_interactions(table)
    decided = retrain("first", stars=True, **SEARCHED)
    assert decided["publish"]
    model_id, lists = live()
    db = mongo.connect()
    model = entries.get(db, model_id)
    had = table.groupby("user_id")["item_id"].agg(set)
    assert model["users_served"] == len(lists) == len(had)
    for user, document in lists.items():
        assert conformance.reasons("recommendation", document) == []
        items, scores = zip(*((i["item_id"], i["score"]) for i in document["items"]), strict=True)
        assert len(set(items)) == 10
        assert not had[user] & set(items)
        assert list(scores) == sorted(scores, reverse=True)
    assert conformance.reasons("model", model) == []
    assert (model["status"], model["engine"]) == ("champion", "implicit")
    blended = [f"member_{member['name']}" for member in model["params"]["settings"].get("members", ())]
    others = {"popularity", "popularity_recent", "item_knn", "ratings"}
    assert set(model["metrics"]) == {"candidate", *blended, *others}
    assert model["search"]["portfolio"]["users"] > 30
    assert set(model["metrics"]["ratings"]) == {"als", "bias", "global_mean"}
    found = model["metrics"]
    assert found["candidate"]["ndcg_at_10"]["low"] > found["popularity"]["ndcg_at_10"]["high"]
    assert len(model["search"]["trials"]) > 5
    small, text = report.of_run(db, decided["run"])
    assert small["published"]
    for word in (model_id, "item-kNN", "RMSE", "candidate is ahead of popularity", f"live for {len(lists):,} users"):
        assert word in text


def test_nothing_new_is_skipped_unless_forced_and_settings_are_remembered(table):
    store_interactions(table)
    first = retrain("first", **SEARCHED)["model"]
    model = entries.get(mongo.connect(), first)
    assert (model["settings_from"], model["search_of"]) == ("searched", first)
    _, reason = begin("second", 1)
    assert reason is not None
    assert "nothing is new" in reason
    assert "force" in reason
    decided = retrain("third", 2, force=True, **SEARCHED)
    model = entries.get(mongo.connect(), decided["model"])
    assert (model["search"], model["settings_from"], model["search_of"]) == (None, "remembered", first)
    assert "remembered" in model["why"]["settings"]
    # the same recipe on the same past is the same model: not worse
    assert decided["publish"]
    assert any("recipe" in r for r in decided["reasons"])


def test_the_gate_keeps_a_better_champion_and_roll_back_undoes_a_worse_one(table, monkeypatch):
    monkeypatch.setitem(BASELINES, "item_knn", Popularity())  # in this world it would stand in for the worse one
    store_interactions(table.head(3_000))
    first = retrain("first", **SEARCHED)["model"]
    before = live()
    store_interactions(table.tail(len(table) - 3_000))
    worse = retrain("worse", 1, factors=1, regularization=1e6, alpha=0.0)
    assert not worse["publish"]
    assert any("worse than the champion" in r for r in worse["reasons"])
    assert entries.get(mongo.connect(), worse["model"])["status"] == "rejected"
    small, text = report.of_run(mongo.connect(), worse["run"])
    assert (small["published"], small["users_served"]) == (False, None)
    assert "not published" in text
    assert live() == before
    model = entries.get(mongo.connect(), worse["model"])
    assert model["decision"]["compared_with"] == "champion"
    assert "champion" in model["metrics"]

    forced = retrain("forced", 2, factors=1, regularization=1e6, alpha=0.0, promote="always")["model"]
    db = mongo.connect()
    assert live()[0] == forced
    with pytest.raises(NoChampionError, match=f"kept: {forced}, {first}"):
        champion.roll_back(db, worse["model"], "run")
    assert champion.roll_back(db, None, "run") == (forced, first)
    assert live() == before
    assert champion.roll_back(db, None, "run") == (forced, first)  # the same run again: not one further back
    assert champion.verify(db)["model_id"] == first
    assert entries.get(db, forced)["status"] == "retired"
    with pytest.raises(NoChampionError, match="no model older than the champion"):
        champion.roll_back(db, None, "another run")
    assert champion.roll_back(db, forced, "third run") == (first, forced)


def test_popularity_is_published_where_nothing_beats_it():
    generator = np.random.default_rng(5)
    popularity = 1 / np.arange(1, 61)
    item = generator.choice(60, 3_000, p=popularity / popularity.sum())
    rows = [(f"u{u:03}", f"i{i:02}") for u, i in zip(generator.integers(0, 300, 3_000), item, strict=True)]
    store_interactions(tastes.frame(rows))
    decided = retrain("first", regularization=0.001)
    assert decided["publish"]
    assert decided["contender"].startswith("popularity")
    model_id, lists = live()
    model = entries.get(mongo.connect(), model_id)
    assert model["engine"] == decided["contender"]
    assert any(
        "popularity is the contender" in r or "popularity_recent is the contender" in r
        for r in model["decision"]["reasons"]
    )
    assert len(lists) == 300
    # and a better model replaces it, compared with it
    again = retrain("second", 1, force=True, promote="never")
    assert not again["publish"]
    assert entries.get(mongo.connect(), again["model"])["status"] == "candidate"


@pytest.mark.parametrize(
    ("feedback", "asked"), [("implicit", {"factors": 8, "regularization": 0.05}), ("explicit", {})]
)
def test_spark_is_an_engine_for_both_kinds_of_feedback(feedback, asked, table):
    store_interactions(table)
    given = {"factors": 4, "regularization": 0.1, "alpha": 20.0, "iterations": 5, "promote": "always"} | asked
    decided = retrain("spark", engine="spark", feedback=feedback, **given)
    model = entries.get(mongo.connect(), decided["model"])
    assert (model["engine"], model["feedback"], model["status"]) == ("spark", feedback, "champion")
    assert len(live()[1]) == model["users_served"]


def test_only_the_last_models_are_kept_never_without_champion_and_the_one_before(table, monkeypatch):
    store_interactions(table.head(600))
    monkeypatch.setenv("TIDEMARK_KEPT_MODELS", "2")
    retraining.settings.cache_clear()
    models = [retrain(f"run{n}", n, force=True, promote="always")["model"] for n in range(3)]
    db = mongo.connect()
    assert champion.kept(db) == models[:0:-1]
    champion.roll_back(db, models[1], "back")
    assert champion.prune(db, 1) == []
    db[mongo.recommendations("20200101T000000-00000000")].insert_one({"_id": "half written"})
    assert champion.prune(db, 2) == ["20200101T000000-00000000"]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([("one", f"i{n:02}") for n in range(30)], "1 users"),
        ([(f"u{n:02}", "one") for n in range(30)], "1 items"),
        ([("a", "x"), ("b", "y")], "2 pairs"),
    ],
    ids=["one user", "one item", "two pairs"],
)
def test_what_cannot_be_learned_from_is_said_in_one_line(rows, says):
    store_interactions(tastes.frame(rows))
    with pytest.raises(NotEnoughDataError, match=says) as error:
        retrain("first")
    assert "\n" not in str(error.value)
    assert champion.live(mongo.connect()) is None


def once_and(several):
    """Thirty users of one item each, among them `several` who then take a second one."""
    rows = [(f"u{n:02}", f"i{n % 5}") for n in range(30)]
    return tastes.frame([*rows, *((f"u{n:02}", f"i{(n + 1) % 5}") for n in range(several))], rating=4.0)


def draw(run):
    """The task `draw`; gives every word of the charts."""
    retraining_charts.draw(mongo.connect(), run, dag="retrain_recommender", run_id="run")
    return {path.stem: path.read_text() for path in Path(f"{run}/charts").glob("*.svg")}


@pytest.mark.parametrize("asked", [{}, SEARCHED], ids=["settings given", "searched"])
def test_of_three_measured_users_nothing_is_concluded_and_popularity_goes_live(asked):
    store_interactions(once_and(3))
    decided = retrain("first", **asked)
    doubt = "3 users were measured: nothing can be concluded (30 are needed)"
    assert (decided["publish"], decided["contender"]) == (True, "popularity")
    assert decided["reasons"][0] == doubt
    assert not any("beat" in reason or "worse" in reason for reason in decided["reasons"])

    db = mongo.connect()
    model = entries.get(db, live()[0])
    assert conformance.reasons("model", model) == []
    assert model["engine"] == "popularity"
    assert (model["data"]["measured_users"], model["data"]["split_rule"]) == (3, "newest_tenth")
    assert "3 users" in model["data"]["split"]
    assert len(live()[1]) == 30
    small, text = report.of_run(db, decided["run"])
    assert (small["concluded"], small["measured_users"]) == (False, 3)
    assert doubt in text
    assert "NDCG" not in text
    shown = draw(decided["run"])
    for name in ("metrics", "activity", "spread"):
        assert doubt in shown[name]
    metrics = pd.read_csv(f"{decided['run']}/tables/metrics.csv")
    assert set(metrics["measured"]) == {3}  # as many ratings as users
    shown_live = page_rows.live(db)
    assert shown_live is not None
    assert (shown_live.row.doubt, shown_live.row.ndcg) == (doubt, None)


def test_a_champion_that_is_no_popularity_stays_where_nothing_can_be_concluded(table):
    store_interactions(once_and(3))
    first = retrain("first", promote="always")
    assert entries.get(mongo.connect(), first["model"])["engine"] == "implicit"
    later = retrain("later", 1, force=True)
    assert (later["publish"], later["contender"]) == (False, "candidate")
    assert later["reasons"] == ["3 users were measured: nothing can be concluded (30 are needed)", "the champion stays"]
    assert live()[0] == first["model"]
    model = entries.get(mongo.connect(), later["model"])
    assert (model["status"], model["decision"]["compared_with"]) == ("rejected", "recipe")
    assert "not published" in report.of_run(mongo.connect(), later["run"])[1]


def test_where_nobody_can_be_measured_popularity_goes_live_and_is_kept_fresh():
    store_interactions(once_and(0))
    decided = retrain("first", stars=True, **SEARCHED)
    nobody = "no user was measured, as none took two items: nothing can be concluded (30 are needed)"
    assert (decided["publish"], decided["contender"], decided["reasons"][0]) == (True, "popularity", nobody)
    db = mongo.connect()
    model = entries.get(db, live()[0])
    assert conformance.reasons("model", model) == []
    assert set(model["metrics"]) <= {"ratings"}
    assert (model["data"]["measured_users"], model["data"]["split_rule"]) == (0, "newest_tenth")
    assert len(live()[1]) == 30
    small, text = report.of_run(db, decided["run"])
    assert small["ndcg_at_10"] == {}
    assert nobody in text
    shown = draw(decided["run"])
    for name in ("metrics", "activity", "spread"):
        assert nobody in shown[name]
    assert "no model was measured" in shown["history"]
    assert pd.read_csv(f"{decided['run']}/tables/history.csv")["ndcg_at_10"].isna().all()
    assert model_summary.table_of(model).row_count == 1
    first_page.registry(db, 1)

    # New users come: what is live is popularity, so it learns of them, though nothing is measured yet.
    store_interactions(tastes.frame([(f"new{n}", "i5") for n in range(12)], rating=4.0))
    again = retrain("second", 1)
    assert (again["publish"], again["contender"]) == (True, "popularity")
    assert live()[0] == again["model"]
    assert len(live()[1]) == 42


def test_no_interactions_is_said():
    with pytest.raises(NotEnoughDataError, match="run load_reviews first"):
        begin("first")


def test_fewer_interactions_than_factors_are_learned_from_all_the_same():
    store_interactions(as_frame(tastes.checkerboard(8)))
    decided = retrain("first", factors=64, promote="always")
    assert live()[0] == decided["model"]


def test_explicit_feedback_without_ratings_and_wrong_engines_say_what_to_choose(table):
    store_interactions(table.assign(rating=np.nan))
    with pytest.raises(NotEnoughDataError, match="feedback=implicit"):
        retrain("first", feedback="explicit")
    with pytest.raises(SettingError, match="engine=spark or auto"):
        retrain("second", 1, engine="implicit", feedback="explicit")


def test_the_window_is_the_newest_interactions_whatever_their_order(table):
    tied = table.assign(timestamp=table["timestamp"].dt.floor("30D"))
    store_interactions(tied.sample(frac=1, random_state=1))
    run, _ = begin("first", window=1_000)
    job("train").main(run)
    data = artifacts.read_json(f"{run}/train.json")["data"]
    newest = tied.sort_values(["timestamp", "_id"]).tail(1_000)
    assert data["pairs"] == len(newest.drop_duplicates(["user_id", "item_id"]))
    assert data["users"] == newest["user_id"].nunique()


def test_rolling_back_without_a_champion_says_what_to_run():
    with pytest.raises(NoChampionError, match="run load_reviews, then retrain_recommender"):
        champion.roll_back(mongo.connect(), None, "run")


def test_a_champion_whose_recommendations_are_not_whole_is_found_out(table):
    store_interactions(table.head(1_000))
    decided = retrain("first", promote="always")
    db = mongo.connect()
    db[mongo.recommendations(decided["model"])].delete_one({})
    with pytest.raises(NoChampionError, match="another kept model"):
        champion.verify(db)


def test_served_lists_are_those_that_were_gated(table):
    store_interactions(table.head(1_000))
    decided = retrain("first", promote="always")
    from tidemark.models import saved

    pairs = saved.load_pairs(decided["run"])
    fitted, _ = saved.load_model(f"{decided['run']}/model.npz", pairs)
    lists = publish.make(fitted, pairs, 10)
    created = entries.get(mongo.connect(), decided["model"])["created_at"]
    expected = {d["_id"]: d for d in publish.documents(lists, pairs, decided["model"], created)}
    assert live()[1] == expected
