"""A backtest against a real MongoDB: what it fixes, leaves, recommends and draws; killed anywhere, it goes on."""

import pytest

from tests.support import tastes
from tests.support.retraining import as_frame, retrain, store_interactions
from tidemark.backtest import measuring, runs
from tidemark.charts import backtesting
from tidemark.contracts import conformance
from tidemark.errors import NotEnoughDataError
from tidemark.settings import settings
from tidemark.storage import artifacts, manifests, mongo, run_folder

pytestmark = pytest.mark.usefixtures("mongo_db")

ASKED = {"window": 1_000_000, "mark": 100, "origins": 2}


def folder(run_id="manual__1"):
    return str(settings().state / "runs" / settings().mongo_database / run_id)


def whole(run_id="manual__1", **asked):
    """All tasks of a run; gives what `conclude` did."""
    run, db = folder(run_id), mongo.connect()
    for number in runs.begin(db, run, ASKED | asked):
        runs.measure(run, number)
    told = runs.conclude(db, run, run_id)
    backtesting.draw(run, dag="backtest_recommender", run_id=run_id)
    return told


@pytest.fixture
def stored():
    """Interactions of six tastes."""
    store_interactions(as_frame(tastes.tastes()))


def test_what_is_measured_is_stored_drawn_and_recommended(stored):
    told = whole()
    (document,) = mongo.connect()[runs.BACKTESTS].find()
    assert conformance.reasons("backtest", document) == []
    assert document["recommended"] == told["recommended"]
    assert document["of"] == "there is no champion"
    assert [row["lag"] for row in told["lags"]] == [0, 1, 2, 5, 10]
    assert told["gate"]["decisions"] > 0
    manifest = manifests.read(folder())
    assert {"charts/unlearned.svg", "charts/windows.svg", "charts/gate.svg"} <= {f["path"] for f in manifest["files"]}
    assert {"tables/lags.csv", "tables/windows.csv", "tables/gate.csv"} <= {f["path"] for f in manifest["files"]}
    assert "recommended" in manifest["verdicts"]


def test_run_again_it_ends_the_same_and_measures_nothing_twice(stored, monkeypatch):
    first = whole()
    later = as_frame(tastes.tastes(seed=8))
    store_interactions(later.assign(_id="later:" + later["_id"]))  # what comes meanwhile is not what was fixed
    monkeypatch.setattr(measuring, "lags", lambda *_: pytest.fail("measured twice"))
    again = whole()
    for name in ("lags", "windows", "gate", "recommended", "pairs", "cut"):
        assert again[name] == first[name]
    assert mongo.connect()[runs.BACKTESTS].count_documents({}) == 1


def test_the_champions_own_recipe_is_trained(stored):
    decided = retrain("first")
    told = whole()
    assert told["of"] == f"of the champion {decided['model']}"
    assert told["recipe"] == mongo.connect()["models"].find_one({"_id": decided["model"]})["params"]


def test_what_does_not_fit_is_said(stored):
    told = whole(mark=1_000_000, origins=20)
    assert len(told["notes"]) == 2
    assert told["mark"] < 1_000_000


@pytest.mark.parametrize("rows", [12, 150])
def test_too_few_are_refused(rows):
    store_interactions(as_frame(tastes.tastes(n_pairs=rows)))
    with pytest.raises(NotEnoughDataError, match="Load more"):
        whole()
    assert not artifacts.exists(f"{folder()}/{run_folder.PLAN}")


def test_without_times_there_is_nothing_to_go_by():
    table = as_frame(tastes.tastes())
    store_interactions(table.assign(timestamp=table["timestamp"].iloc[0]))
    with pytest.raises(NotEnoughDataError, match="have no times"):
        whole()


def test_where_everybody_comes_once_nothing_is_concluded():
    store_interactions(tastes.frame([(f"u{n:03}", f"i{n % 7}") for n in range(400)]))
    told = whole()
    assert (told["recommended"]["mark"], told["recommended"]["window"]) == (None, None)
    assert "nothing can be concluded" in told["recommended"]["why"][0]
    assert told["gate"]["decisions"] == 0
