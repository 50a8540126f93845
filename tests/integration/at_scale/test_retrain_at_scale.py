"""A window beyond one machine: the same lists, pack and figures as one machine makes of the same factors; killed and done again."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import tastes
from tests.support.retraining import as_frame, begin, job, retrain, store_interactions
from tidemark.at_scale import list_store, user_rows
from tidemark.errors import GateError
from tidemark.models import saved
from tidemark.registry import champion, entries
from tidemark.retraining import decide, publish, serving_pack, sides, stars
from tidemark.serving import pack
from tidemark.storage import artifacts, mongo

pytestmark = pytest.mark.usefixtures("spark", "mongo_db")

ASKED: dict[str, Any] = {
    "engine": "spark",
    "factors": 8,
    "regularization": 0.05,
    "alpha": 20.0,
    "iterations": 3,
    "promote": "always",
}


@pytest.fixture
def table():
    return as_frame(tastes.tastes())


def lists_of(model_id):
    return {one["_id"]: one["items"] for one in mongo.connect()[mongo.recommendations(model_id)].find()}


def test_lists_pack_and_figures_are_those_of_one_machine(table, monkeypatch):
    store_interactions(table)
    first = retrain("one machine", engine="implicit", promote="always", factors=8, regularization=1.0, alpha=20.0)
    monkeypatch.setattr(user_rows, "PART_PAIRS", 1_000)
    monkeypatch.setattr(list_store, "PART_USERS", 70)
    decided = retrain("spark", 1, force=True, **ASKED)
    run, db = decided["run"], mongo.connect()
    model = entries.get(db, decided["model"])
    assert champion.live(db)["_id"] == decided["model"]

    # the same pairs, the same split, the same users measured
    alone = saved.load_pairs(first["run"])
    pairs = saved.load_pairs(run)
    assert all(np.array_equal(getattr(pairs, name), getattr(alone, name), equal_nan=name == "rating")
               for name in ("users", "items", "user_num", "item_num", "weight", "rating", "timestamp"))  # fmt: skip
    before = entries.get(db, first["model"])
    for name in ("pairs", "users", "items", "train_pairs", "held_out_pairs", "measured_users", "cold_users"):
        assert model["data"][name] == before["data"][name], name
    for name in ("popularity", "popularity_recent"):
        assert model["metrics"][name] == before["metrics"][name]
    assert model["metrics"]["item_knn"]["ndcg_at_10"]["value"] == pytest.approx(
        before["metrics"]["item_knn"]["ndcg_at_10"]["value"], abs=0.003
    )
    assert model["decision"]["compared_with"] == "champion"  # an older model of one machine, by what its users had
    assert model["data"]["ratings"] == before["data"]["ratings"]

    # the lists of the same factors, made in one process
    fitted, _ = saved.load_model(f"{run}/model.npz", pairs)
    made = publish.make(fitted, pairs, 10)
    expected = {one["_id"]: one["items"] for one in publish.documents(made, pairs, model["_id"], model["created_at"])}
    assert lists_of(model["_id"]) == expected
    assert model["users_served"] == len(expected)

    # the pack that the storefront maps is what the collection is
    there = pack.read(Path(run) / "pack")
    pack.verify(Path(run) / "pack")
    serving_pack.require_same(there, serving_pack.stored(db, model["_id"]))
    columns = serving_pack.columns_of(db, pairs.items)
    served = serving_pack.Served(made.users, made.items, made.scores, made.brought_by)
    whole = serving_pack.make(there.about, serving_pack.Parts(pairs, fitted, columns), served)
    arrays, own = dict(there.arrays()), dict(whole.arrays())
    assert arrays.keys() == own.keys()
    assert all(np.array_equal(array, own[name], equal_nan=array.dtype.kind == "f") for name, array in arrays.items())
    assert not artifacts.exists(f"{run}/lists")  # what was streamed is not kept twice
    assert json.loads((Path(run) / "train.json").read_text())["engine"] == "spark"


def test_a_sample_is_measured_and_everybody_is_served(table, monkeypatch):
    store_interactions(table)
    monkeypatch.setattr(user_rows, "SAMPLE_PAIRS", 2_500)
    decided = retrain("sampled", **ASKED)
    run, db = decided["run"], mongo.connect()
    model = entries.get(db, decided["model"])
    sample = saved.load_pairs(run)
    assert 40 < len(sample.users) < 200
    assert model["data"]["sampled_users"] == len(sample.users)
    assert model["data"]["users"] == len(table["user_id"].unique()) == model["users_served"]
    assert model["data"]["pairs"] == model["data"]["train_pairs"] + model["data"]["held_out_pairs"] == len(table)
    assert f"a sample of {len(sample.users)} of" in model["why"]["left_out"]
    assert 30 <= model["data"]["measured_users"] <= len(sample.users)
    split = sides.of_run(run, artifacts.read_json(f"{run}/snapshot.json"))
    assert split.train.item_counts.sum() == model["data"]["train_pairs"]  # of everybody
    assert split.train.user_counts.sum() == len(split.train) < model["data"]["train_pairs"]
    figures = model["metrics"]["candidate"]
    assert figures["ndcg_at_10"]["low"] < figures["ndcg_at_10"]["value"] < figures["ndcg_at_10"]["high"]
    assert "diversity" not in figures
    assert stars.of_run(db, run)["measured_ratings"] == np.isfinite(split.held.rating).sum()


def test_a_try_that_was_killed_is_taken_up_and_other_lists_are_noticed(table, monkeypatch):
    store_interactions(table)
    run, _ = begin("killed", **ASKED)
    for name in ("train", "evaluate"):
        job(name).main(run)
    decided = decide.register(mongo.connect(), run)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(list_store, "stream", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        job("publish").main(run)
    db = mongo.connect()
    assert champion.pointer(db) is None
    collection = db[mongo.recommendations(decided["model"])]
    written = lists_of(decided["model"])
    someone = next(iter(written))
    collection.update_one({"_id": someone}, {"$set": {"items": written[someone][::-1]}})
    with pytest.raises(GateError, match="holds other lists of 1 users"):
        job("publish").main(run)
    collection.delete_one({"_id": someone})  # and one more is missing
    job("publish").main(run)
    assert lists_of(decided["model"]) == written
    assert champion.live(db)["_id"] == decided["model"]
