"""Tidying, on a real MongoDB and two kinds of store: what is needed stays, whatever else goes, killed or not."""

import os
from datetime import UTC, datetime, timedelta

import fsspec
import pytest

from tidemark.operations import tidying
from tidemark.registry import champion
from tidemark.storage import artifacts, manifests, mongo, run_folder

pytestmark = pytest.mark.usefixtures("mongo_db")

OLD = datetime.now(UTC) - timedelta(days=30)
AFTER = datetime.now(UTC) + timedelta(days=2)
"""A time at which everything that a test has just written is older than a day."""


@pytest.fixture(params=["local", "memory"])
def roots(request, tmp_path):
    """Artifact root and landing root, on a file system and on a store that is none."""
    if request.param == "local":
        yield f"{tmp_path}/artifacts", f"{tmp_path}/landing"
        return
    yield f"memory://{tmp_path.name}/artifacts", f"memory://{tmp_path.name}/landing"
    filesystem = fsspec.filesystem("memory")
    if filesystem.exists(f"/{tmp_path.name}"):
        filesystem.rm(f"/{tmp_path.name}", recursive=True)


def model(db, root, number, published=True, created=OLD):
    """The `number`-th model, with its recommendations and its run folder; gives its id."""
    model_id = f"202601{number:02}T000000-{number:08x}"
    run = run_folder.of(root, "retrain_recommender", f"run{number:02}")
    db["models"].insert_one(
        {
            "_id": model_id,
            "status": "retired",
            "artifacts": run,
            "created_at": created,
            "published_at": created if published else None,
            "users_served": 1,
        }
    )
    db[mongo.recommendations(model_id)].insert_one({"_id": "u", "model_id": model_id})
    artifacts.write_bytes(f"{run}/model.npz", b"factors")
    manifests.write(run, dag="retrain_recommender", run_id=f"run{number:02}", title="A model")
    return model_id


def tidy(roots, now=AFTER, **kwargs):
    where = {"artifacts_root": roots[0], "landing_root": roots[1]}
    return tidying.tidy(mongo.connect(), **where, **{"kept_models": 2, "kept_runs": 1, "now": now, **kwargs})


def there(db):
    names = db.list_collection_names(filter={"name": {"$regex": f"^{mongo.RECOMMENDATIONS_PREFIX}"}})
    return {name.removeprefix(mongo.RECOMMENDATIONS_PREFIX) for name in names}


def test_models_that_are_kept_keep_recommendations_and_folders_and_the_others_go(roots):
    db = mongo.connect()
    ids = [model(db, roots[0], number) for number in range(6)]
    champion.move_pointer(db, ids[1], "run")
    champion.move_pointer(db, ids[0], "run")  # live is the oldest, before it the second oldest
    done = tidy(roots)
    assert there(db) == {ids[0], ids[1], ids[4], ids[5]}
    assert done.gone["models"] == [ids[2], ids[3]]
    assert set(done.gone["runs"]) == {"retrain_recommender/run02", "retrain_recommender/run03"}
    assert done.freed > 0
    for place in (0, 1, 4, 5):
        path = db["models"].find_one({"_id": ids[place]})["artifacts"]
        assert artifacts.exists(f"{path}/model.npz")
        assert manifests.read(path)
    assert db["models"].count_documents({}) == 6  # figures stay
    again = tidy(roots)
    assert again.gone == {"models": [], "runs": [], "staged": [], "parts": []}
    assert again.freed == 0


def test_what_is_young_or_being_written_stays(roots):
    db = mongo.connect()
    for number in range(4):
        model(db, roots[0], number)
    writing = model(db, roots[0], 9, published=False, created=datetime.now(UTC))
    done = tidy(roots, now=datetime.now(UTC))
    assert writing in there(db)
    assert done.gone["runs"] == []
    given_up = model(db, roots[0], 8, published=False)
    assert tidy(roots, now=datetime.now(UTC)).gone["models"] == [given_up]


def test_the_newest_runs_of_each_dag_stay_and_strangers_are_left_alone(roots):
    for run_id in ("a", "b", "c"):
        for dag in ("load_reviews", "explore_reviews"):
            run = run_folder.of(roots[0], dag, run_id)
            manifests.write(run, dag=dag, run_id=run_id, title="A run")
    artifacts.write_bytes(f"{roots[0]}/backups/monday/all.tar", b"not ours")
    done = tidy(roots, kept_runs=2)
    assert done.gone["runs"] == ["explore_reviews/a", "load_reviews/a"]
    assert artifacts.exists(f"{roots[0]}/backups/monday/all.tar")


def load(roots, run_id, ended, db=None):
    """A load's folders: landed, and staged; gives the staged one."""
    run = run_folder.of(roots[0], "load_reviews", run_id)
    staged = run_folder.of(roots[1], "load_reviews", run_id)
    artifacts.write_json(f"{run}/land.json", {"load": "the-same-files"})
    artifacts.write_bytes(f"{staged}/reviews/part-0.parquet", b"x" * 1000)
    if ended:
        artifacts.write_json(f"{run}/load.json", {})
    return staged


def test_staging_of_ended_loads_goes_and_of_a_running_one_stays(roots):
    db = mongo.connect()
    db["loads"].insert_one({"_id": "the-same-files"})  # loaded before, by `ended`
    ended, running = load(roots, "ended", True), load(roots, "running", False)
    artifacts.write_bytes(f"{roots[1]}/builtin/reviews.jsonl.gz", b"generated")
    artifacts.write_bytes(f"{roots[1]}/graph/m-0a0a0a0a/edges/part-0", b"killed")
    assert tidy(roots, now=datetime.now(UTC), kept_runs=9).gone["staged"] == []
    done = tidy(roots, kept_runs=9)
    assert done.gone["staged"] == ["load_reviews/ended", "graph/m-0a0a0a0a"]
    assert done.freed == 1006
    assert artifacts.exists(f"{running}/reviews/part-0.parquet")
    assert not artifacts.exists(f"{ended}/reviews/part-0.parquet")
    assert artifacts.exists(f"{roots[1]}/builtin/reviews.jsonl.gz")


def test_staging_of_a_load_that_never_ended_goes_with_its_run_folder(roots):
    abandoned = load(roots, "abandoned", False)
    load(roots, "newer", False)
    done = tidy(roots, kept_runs=1)
    assert done.gone["runs"] == ["load_reviews/abandoned"]
    assert done.gone["staged"] == ["load_reviews/abandoned"]
    assert not artifacts.exists(abandoned)


def test_files_half_written_go_after_a_day(roots):
    run = run_folder.of(roots[0], "load_reviews", "a")
    artifacts.write_bytes(f"{run}/land.json.part-0a0a0a0a", b"{")
    artifacts.write_json(f"{run}/land.json", {"load": "x"})
    assert tidy(roots, now=datetime.now(UTC)).gone["parts"] == []
    done = tidy(roots)
    assert done.gone["parts"] == [f"load_reviews/{run_folder.key('a')}/land.json.part-0a0a0a0a"]
    assert artifacts.exists(f"{run}/land.json")


def test_a_dry_run_says_the_same_and_removes_nothing(roots):
    db = mongo.connect()
    for number in range(5):
        model(db, roots[0], number)
    told = tidy(roots, dry=True)
    assert len(there(db)) == 5
    done = tidy(roots)
    assert told.gone["models"] == done.gone["models"]
    assert "would go" in told.text()


class Killed(BaseException):
    """What SIGKILL is to the code that it ends."""


@pytest.mark.parametrize("after", range(6))
def test_killed_at_any_removal_and_run_again_it_ends_the_same(roots, after, monkeypatch):
    db = mongo.connect()
    ids = [model(db, roots[0], number) for number in range(6)]
    champion.move_pointer(db, ids[5], "run")
    filesystem, _ = fsspec.core.url_to_fs(roots[0])
    removals = 0
    rm = type(filesystem).rm

    def killing(self, *args, **kwargs):
        nonlocal removals
        removals += 1
        if removals > after:
            raise Killed
        return rm(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(type(filesystem), "rm", killing)
        with pytest.raises(Killed):
            tidy(roots)
    tidy(roots)
    assert there(db) == {ids[4], ids[5]}
    assert sorted(manifests.runs(roots[0], "retrain_recommender")) == ["run04", "run05"]
    assert artifacts.exists(f"{db['models'].find_one({'_id': ids[5]})['artifacts']}/model.npz")


def test_what_cannot_be_removed_is_said_and_the_rest_goes(tmp_path):
    roots = f"{tmp_path}/artifacts", f"{tmp_path}/landing"
    for run_id in ("a", "b", "c"):
        manifests.write(run_folder.of(roots[0], "load_reviews", run_id), dag="load_reviews", run_id=run_id, title="")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "precious").write_text("x")
    os.symlink(tmp_path / "elsewhere", f"{roots[0]}/load_reviews/0link")  # noqa: PTH211
    done = tidy(roots)
    assert (tmp_path / "elsewhere" / "precious").exists()
    assert {"load_reviews/a", "load_reviews/b"} <= set(done.gone["runs"])
