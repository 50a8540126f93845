"""The newest retrain, step by step, as far as it has written: its run folder has a file of each step that ended and of each job
that failed, the registry what was decided.

| step | done | failed |
|---|---|---|
| snapshot | `snapshot.json` | cannot be seen here: without it there is no run |
| train, evaluate, publish | `<step>.json` | `<step>.error.json`, which the next try removes |
| decide | the model's document | cannot be seen here |

The first step that is neither is at work, or waits for its turn: Airflow alone knows which. A model that was decided against
is not published: that step is skipped.
"""

from datetime import UTC, datetime
from typing import Any

import fsspec
from pymongo.database import Database

from tidemark.dag_ids import RETRAIN_RECOMMENDER
from tidemark.storage import artifacts, run_folder

Document = dict[str, Any]

DONE, FAILED, AT_WORK, WAITING, SKIPPED = "done", "failed", "at work", "waiting", "skipped"
STEPS = ("snapshot", "train", "evaluate", "decide", "publish")
FILES = {
    "snapshot": run_folder.SNAPSHOT,
    "train": run_folder.TRAIN,
    "evaluate": run_folder.EVALUATE,
    "publish": run_folder.PUBLISH,
}
JOBS = ("train", "evaluate", "publish")
"""Steps that are Spark jobs: they say how long they worked, and why they failed."""
FIELDS = {"created_at": 1, "published_at": 1, "decision.publish": 1}


def newest(root: str) -> str | None:
    """The folder of the retrain that began last below the artifacts' folder `root`; None where there is none.

    Raises:
        OSError: the store cannot be read.
    """
    filesystem, folder = fsspec.core.url_to_fs(f"{root.rstrip('/')}/{RETRAIN_RECOMMENDER}")
    begun = filesystem.glob(f"{folder}/*/{run_folder.SNAPSHOT}")
    if not begun:
        return None
    last = max(begun, key=lambda path: (filesystem.modified(path), path))
    return str(filesystem.unstrip_protocol(last.rpartition("/")[0]))


def of_newest(db: Database[Document], root: str) -> Document | None:
    """`model_id` and `steps` (`{step, state, seconds}` each, seconds None where nobody noted them) of the newest retrain;
    None where there is none.

    Raises:
        OSError: the store cannot be read.
        PyMongoError: MongoDB does not answer.
    """
    run = newest(root)
    if run is None:
        return None
    model_id = artifacts.read_json(f"{run}/{run_folder.SNAPSHOT}")["model_id"]
    return {"model_id": model_id, "steps": steps(run, db["models"].find_one({"_id": model_id}, FIELDS))}


def steps(run: str, model: Document | None) -> list[Document]:
    """The steps of the run in the folder `run`.

    Args:
        run: the run folder, with its snapshot.
        model: the run's document of the registry, with `FIELDS`; None before it is decided.
    """
    told: list[Document] = []
    for step in STEPS:
        state = _state(run, step, model)
        if state is None:
            state = AT_WORK if all(before["state"] == DONE for before in told) else WAITING
        told.append({"step": step, "state": state, "seconds": _seconds(run, step, model) if state == DONE else None})
    return told


def _state(run: str, step: str, model: Document | None) -> str | None:
    """`DONE`, `FAILED` or `SKIPPED`; None: none of these is written."""
    if step == "decide":
        return DONE if model else None
    if step == "publish" and model and not (model.get("decision") or {}).get("publish"):
        return SKIPPED
    if artifacts.exists(f"{run}/{FILES[step]}"):
        return DONE
    if step in JOBS and artifacts.exists(run_folder.error(run, step)):
        return FAILED
    # Live, and killed before it wrote its file: what counts is done.
    return DONE if step == "publish" and model and model.get("published_at") else None


def _seconds(run: str, step: str, model: Document | None) -> float | None:
    """How long a step that is done took: what its job noted; deciding, from the end of `evaluate` on."""
    if step == "decide" and model:
        filesystem, path = fsspec.core.url_to_fs(f"{run}/{run_folder.EVALUATE}")
        if not filesystem.exists(path):
            return None
        measured: datetime = filesystem.modified(path).astimezone(UTC)
        return round(max(0.0, (model["created_at"] - measured).total_seconds()), 1)
    if step in JOBS and artifacts.exists(f"{run}/{FILES[step]}"):
        noted = artifacts.read_json(f"{run}/{FILES[step]}").get("seconds")
        return None if noted is None else float(noted)
    return None
