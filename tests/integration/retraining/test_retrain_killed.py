"""Killed at any moment and run again: the same end state; and readers meet one whole model throughout."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import tastes
from tests.support.retraining import as_frame, begin, job, retrain, store_interactions, submit
from tidemark.models import saved
from tidemark.registry import champion, entries
from tidemark.retraining import decide, publish, serving_pack
from tidemark.serving import pack
from tidemark.storage import artifacts, mongo

FULL = bool(os.environ.get("TIDEMARK_FULL"))
pytestmark = pytest.mark.usefixtures("spark", "mongo_db")

DEADLINE = 120
SEARCHED: dict[str, Any] = {"factors": 8, "regularization": None, "alpha": None}


class Reader(threading.Thread):
    """Reads as the storefront does, the pointer and then that model's lists, until told to stop.

    `seen` has the models in the order met; `wrong` whatever no reader may ever meet.
    """

    def __init__(self, users: list[str]) -> None:
        super().__init__(daemon=True)
        self.users, self.seen, self.wrong, self.reads = users, [], [], 0
        self.stopped = threading.Event()

    def run(self) -> None:
        """Read in a loop."""
        db = mongo.connect()
        generator = np.random.default_rng(0)
        while not self.stopped.is_set():
            pointer = champion.pointer(db)
            model = pointer["model_id"]
            if model not in self.seen:
                self.seen.append(model)
            asked = [self.users[n] for n in generator.integers(0, len(self.users), 20)]
            found = list(db[mongo.recommendations(model)].find({"_id": {"$in": asked}}))
            if {d["_id"] for d in found} != set(asked) or any(d["model_id"] != model for d in found):
                self.wrong.append((model, len(found)))
            self.reads += 1

    def end(self) -> None:
        """Stop, and wait for the last read."""
        self.stopped.set()
        self.join(DEADLINE)


def wait_for(happened, process) -> None:
    """Until `happened()`, while `process` runs.

    Raises:
        AssertionError: the process ended before, or time is up.
    """
    end = time.monotonic() + DEADLINE
    while not happened():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < end
        time.sleep(0.002)


def kill_all(process) -> None:
    """SIGKILL to the submit, the JVM and the Python of `process`: its own group."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(DEADLINE)


def finish(process) -> None:
    """Wait for the end of a submit that should go well."""
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0, out


def test_train_killed_while_it_fits_continues_the_same_model_on_the_same_pairs():
    table = as_frame(tastes.tastes())
    store_interactions(table)
    run, _ = begin("run", **SEARCHED)
    first = submit("train", run)
    wait_for(lambda: artifacts.exists(f"{run}/pairs.npz"), first)
    kill_all(first)
    kept = saved.load_pairs(run)
    assert not artifacts.exists(f"{run}/train.json")
    # what arrives in between belongs to the next snapshot
    store_interactions(tastes.frame([("late", "i000"), ("later", "i001")]))
    finish(submit("train", run))
    unkilled, _ = begin("unkilled", 1, **SEARCHED)
    assert artifacts.read_json(f"{unkilled}/snapshot.json")["stored"] == len(table) + 2
    saved.save_pairs(unkilled, kept)
    job("train").main(unkilled)
    one, other = (artifacts.read_json(f"{folder}/train.json") for folder in (run, unkilled))
    assert one["params"] == other["params"]
    assert one["search"] == other["search"]
    a, b = (artifacts.read_arrays(f"{folder}/candidate.npz") for folder in (run, unkilled))
    assert a.keys() == b.keys()
    learned = [name for name in a if a[name].dtype == np.float32]
    assert any(name.endswith("user_factors") for name in learned)
    assert all(np.allclose(a[name], b[name], atol=1e-5) for name in learned)


@pytest.fixture
def ready():
    """A champion of 300 users, and a run of 12,000 users that is decided and waits to be published."""
    generator = np.random.default_rng(2)
    pairs = tastes.tastes()
    store_interactions(as_frame(pairs))
    before = retrain("first", promote="always")["model"]
    users = [f"n{n:05}" for n in range(12_000)]
    rows = [(user, f"i{item:03}") for user in users for item in generator.choice(120, 3, replace=False)]
    table = tastes.frame([rows[n] for n in generator.permutation(len(rows))])
    table["timestamp"] += table["timestamp"].iloc[-1] - table["timestamp"].iloc[0]
    store_interactions(table)
    run, _ = begin("second", 1, promote="always", top_n=20)
    job("train").main(run)
    job("evaluate").main(run)
    decide.register(mongo.connect(), run)
    return run, before, pairs.users.tolist()


def expected(run):
    """What the collection of this run's model must hold."""
    model = entries.get(mongo.connect(), artifacts.read_json(f"{run}/snapshot.json")["model_id"])
    pairs = saved.load_pairs(run)
    fitted, _ = saved.load_model(f"{run}/model.npz", pairs)
    lists = publish.make(fitted, pairs, 20)
    return model["_id"], {d["_id"]: d for d in publish.documents(lists, pairs, model["_id"], model["created_at"])}


@pytest.mark.parametrize(
    "whole_group",
    [
        pytest.param(True, id="driver and JVM"),
        pytest.param(
            False, id="JVM alone: its Python lives on", marks=pytest.mark.skipif(not FULL, reason="TIDEMARK_FULL=1")
        ),
    ],
)
def test_publish_killed_while_it_writes_publishes_the_same_when_run_again(ready, whole_group):
    run, before, users = ready
    db = mongo.connect()
    new = artifacts.read_json(f"{run}/snapshot.json")["model_id"]
    reader = Reader(users)
    reader.start()
    first = submit("publish", run)
    try:
        wait_for(lambda: db[mongo.recommendations(new)].estimated_document_count() > 0, first)
        if whole_group:
            kill_all(first)
            assert champion.pointer(db)["model_id"] == before
            assert 0 < db[mongo.recommendations(new)].estimated_document_count() < 12_300
        else:
            os.kill(first.pid, signal.SIGKILL)  # spark-submit has become the JVM
        finish(submit("publish", run))
    finally:
        with contextlib.suppress(ProcessLookupError):  # nothing of the first try outlives the test
            os.killpg(first.pid, signal.SIGKILL)
        reader.end()
    model_id, documents = expected(run)
    assert champion.pointer(db)["model_id"] == model_id == new
    assert {d["_id"]: d for d in db[mongo.recommendations(new)].find()} == documents
    assert champion.verify(db)["users_served"] == len(documents)
    pack.verify(Path(run) / "pack")
    serving_pack.require_same(pack.read(Path(run) / "pack"), serving_pack.stored(db, new))
    assert entries.get(db, new)["pack"] == pack.located(f"{run}/pack")
    assert reader.wrong == []
    assert reader.seen == [before, new]
    assert reader.reads > 10


def test_publish_killed_after_the_pointer_moved_only_has_to_tidy_up(ready):
    run, live, _ = ready
    db = mongo.connect()
    job("publish").main(run)
    before = {name: db[name].estimated_document_count() for name in db.list_collection_names()}
    moved = champion.pointer(db)
    # as a kill between the pointer and the statuses leaves it
    db["models"].update_one({"_id": moved["model_id"]}, {"$set": {"status": "candidate", "published_at": None}})
    db["models"].update_one({"_id": live}, {"$set": {"status": "champion"}})
    job("publish").main(run)
    assert champion.pointer(db) == moved
    assert entries.get(db, moved["model_id"])["status"] == "champion"
    assert entries.get(db, live)["status"] == "retired"
    assert {name: db[name].estimated_document_count() for name in db.list_collection_names()} == before
    # and once more, when nothing at all is left to do
    job("publish").main(run)
    assert champion.pointer(db) == moved


def test_readers_meet_one_whole_model_while_models_come_and_go():
    table = as_frame(tastes.tastes())
    store_interactions(table)
    models = [retrain("run0", 0, promote="always")["model"]]
    reader = Reader(table["user_id"].unique().tolist())
    reader.start()
    try:
        models.append(retrain("run1", 1, promote="always", force=True)["model"])
        back = champion.roll_back(mongo.connect(), None, "back")
        models.append(retrain("run2", 2, promote="always", force=True, alpha=5.0)["model"])
    finally:
        reader.end()
    assert back == (models[1], models[0])
    assert reader.wrong == []
    assert reader.seen == models


def test_rolling_back_moves_the_pointer_and_copies_nothing():
    store_interactions(as_frame(tastes.tastes()))
    models = [retrain(f"run{n}", n, promote="always", force=True)["model"] for n in range(2)]
    db = mongo.connect()
    names = [mongo.recommendations(model) for model in models]
    before = {name: list(db[name].find().sort("_id")) for name in names}
    assert champion.roll_back(db, None, "back") == (models[1], models[0])
    assert {name: list(db[name].find().sort("_id")) for name in names} == before
    assert champion.model_id(db) == models[0]
