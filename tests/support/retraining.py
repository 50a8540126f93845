"""A retraining without Airflow: the light tasks' library calls and the jobs' mains, or the jobs as real submits."""

import importlib.util
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from tests.support import tastes
from tidemark.models.pairs import Pairs
from tidemark.retraining import decide, snapshot
from tidemark.settings import ROOT, settings
from tidemark.spark.session import submit_conf
from tidemark.storage import mongo

ASKED: dict[str, Any] = {
    "engine": "auto",
    "feedback": "implicit",
    "window": 1_000_000,
    "top_n": 10,
    "diversity": 0.0,
    "new_item_share": 0.0,
    "promote": "gate",
    "require_approval": False,
    "force": False,
    "search": "auto",
    "factors": 8,
    "regularization": 1.0,
    "alpha": 20.0,
    "iterations": None,
}
FIRST_RUN = datetime(2026, 1, 1, tzinfo=UTC)


def job(name: str) -> ModuleType:
    """The module `spark_jobs/<name>.py`."""
    spec = importlib.util.spec_from_file_location(f"job_{name}", ROOT / "spark_jobs" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def begin(name: str, number: int = 0, **asked: Any) -> tuple[str, str | None]:
    """The task `snapshot` of the run `name`, the `number`-th in time: its run folder, and why it was skipped."""
    run = str(settings().state / "runs" / settings().mongo_database / name)
    model_id = snapshot.model_id(name, FIRST_RUN + timedelta(hours=number))
    return run, snapshot.begin(mongo.connect(), run, model_id, ASKED | asked)


def retrain(name: str, number: int = 0, *, stars: bool = False, **asked: Any) -> dict[str, Any]:
    """A whole run in this process; gives what `decide` returned. `stars`: with what follows the publishing, which takes longer
    than all before it."""
    run, skipped = begin(name, number, **asked)
    assert skipped is None
    job("train").main(run)
    job("evaluate").main(run)
    decided = decide.register(mongo.connect(), run)
    if decided["publish"]:
        job("publish").main(run)
    if stars:
        job("measure_stars").main(run)
    return decided | {"run": run}


def submit(name: str, run: str) -> "subprocess.Popen[str]":
    """A real spark-submit of a job, in a process group of its own; stderr goes to stdout."""
    conf = [part for key, value in submit_conf().items() for part in ("--conf", f"{key}={value}")]
    program = Path(sys.executable).parent / "spark-submit"
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "PYSPARK_PYTHON": sys.executable,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
    }
    return subprocess.Popen(
        [str(program), "--master", "local[2]", *conf, str(ROOT / "spark_jobs" / f"{name}.py"), "--run", run],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def store_interactions(table: pd.DataFrame) -> None:
    """Put a frame as `tastes.frame` makes it into the collection `interactions`."""
    db = mongo.connect()
    mongo.ensure(db, "interactions")
    documents = [
        {
            "_id": row["_id"],
            "user_id": row["user_id"],
            "item_id": row["item_id"],
            "rating": None if pd.isna(row["rating"]) else float(row["rating"]),
            "weight": float(row["weight"]),
            "timestamp": row["timestamp"].to_pydatetime(),
            "source": "review",
        }
        for row in table.to_dict("records")
    ]
    db["interactions"].insert_many(documents)


def as_frame(pairs: Pairs) -> pd.DataFrame:
    """The frame that `pairs` could have come from, oldest first."""
    order = pairs.timestamp.argsort()
    rows = list(
        zip(pairs.users[pairs.user_num[order]].tolist(), pairs.items[pairs.item_num[order]].tolist(), strict=True)
    )
    table = tastes.frame(rows)
    table["rating"] = pairs.rating[order]
    return table
