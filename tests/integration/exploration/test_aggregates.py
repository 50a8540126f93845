"""`explore_reviews` as Airflow submits it, against a real MongoDB: what it stores, proves, counts and draws."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from tests.support.loading import run_load
from tidemark.charts import exploration as charts
from tidemark.contracts import conformance
from tidemark.errors import NotEnoughDataError
from tidemark.exploration import sampling, sentiment
from tidemark.exploration.aggregates import LENGTH_EDGES
from tidemark.reviews import builtin
from tidemark.settings import ROOT, Settings
from tidemark.spark import job
from tidemark.spark.session import submit_conf
from tidemark.storage import manifests, mongo

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROWS = 2_000


@pytest.fixture
def explore(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Submit the job as Airflow does: `explore(run)` gives its exit code."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}{os.pathsep}{ROOT}")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    processes: list[subprocess.Popen[bytes]] = []

    def submit(run: str) -> int:
        conf = submit_conf(short=True)
        command = [str(Path(sys.executable).with_name("spark-submit")), "--master", "local[2]"]
        command += [part for key, value in conf.items() for part in ("--conf", f"{key}={value}")]
        command += ["--conf", f"spark.pyspark.driver.python={sys.executable}", "--driver-memory", "1g"]
        command += [str(ROOT / "spark_jobs" / "explore_reviews.py"), "--run", run]
        processes.append(subprocess.Popen(command, start_new_session=True))
        return processes[-1].wait()

    yield submit
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_store_is_explored_and_drawn(
    explore: Any, load_spark: "SparkSession", mongo_db: Settings, tmp_path: Path
) -> None:
    reviews, products = builtin.write(builtin.Size(12_000, 1_500, 400), 3, str(tmp_path / "builtin"))
    outcome = run_load(load_spark, tmp_path, reviews, products)
    db = mongo.connect()
    hostile = "<script>alert(1)</script> $\\alpha$ =1+1"
    busiest = db["reviews"].aggregate([{"$sortByCount": "$item_id"}, {"$limit": 2}]).to_list()
    db["products"].update_one({"_id": busiest[0]["_id"]}, {"$set": {"title": hostile}})
    db["products"].delete_one({"_id": busiest[1]["_id"]})
    longest = db["reviews"].find_one_and_update({}, {"$set": {"text": "\U0001f600" * 50_000}})
    run = str(tmp_path / "artifacts" / "explore_reviews" / "r1")
    sampling.begin(db, {"rows": ROWS, "fraction": None, "seed": 42}, run)
    assert explore(run) == 0

    found = json.loads(Path(run, "explore.json").read_text())
    stored = outcome["reviews"]["stored"]
    assert found["totals"]["n"] == found["proof"]["population"] == stored
    assert found["proof"]["rows"] == ROWS
    assert found["proof"]["verdict"] == "passes"
    for facet in found["facets"].values():
        assert sum(row["reviews"] for row in facet) == stored
        assert sum(row["sampled"] for row in facet) == ROWS
    for key, owners in (("users", "user_id"), ("items", "item_id")):
        assert sum(row["owners"] for row in found["tails"][key]) == len(db["reviews"].distinct(owners))
        assert sum(row["owners"] * row["reviews"] for row in found["tails"][key]) == stored
        assert sum(row["sampled"] for row in found["tails"][key]) == ROWS
    for field, value in (("text", ""), ("title", ""), ("images", None), ("style", None)):
        assert found["totals"]["missing"][field] == db["reviews"].count_documents({field: {"$in": [value, []]}}), field
    assert longest is not None
    last = found["facets"]["length_class"][-1]
    assert (LENGTH_EDGES[last["length_class"] - 1], last["reviews"]) == (39_811, 1)
    heard = {row["stars"]: row for row in found["sentiment"]}
    assert heard[5]["mean"] > 0.3 > -0.3 > heard[1]["mean"]  # the texts agree with the stars

    first, second = found["products"]["most"][:2]
    assert (first["item_id"], first["title"], first["reviews"]) == (busiest[0]["_id"], hostile, busiest[0]["count"])
    assert (second["item_id"], second["title"]) == (busiest[1]["_id"], "")
    assert 0 < first["scored"] <= 200
    least = found["products"]["least"][0]
    texts = [document["text"] for document in db["reviews"].find({"item_id": least["item_id"]})]
    assert (least["scored"], least["sentiment"]) == sentiment.mean(texts)

    sample = pd.read_parquet(f"{run}/data/sample")
    assert len(sample) == sample["_id"].nunique() == ROWS
    kept = db["reviews"].find_one({"_id": sample["_id"].iloc[0]})
    assert kept is not None
    assert sample["text"].iloc[0] == kept["text"]
    document = db["samples"].find_one({})
    assert document is not None
    assert conformance.reasons("sample", document) == []
    assert (document["seed"], document["asked"], document["rows"]) == (42, {"rows": ROWS, "fraction": None}, ROWS)
    assert {f["name"] for f in document["proof"]["findings"]} == {
        "ratings", "mean", "spread", "user activity", "item activity",
    }  # fmt: skip

    assert charts.draw(run, "explore_reviews", "r1")["verdict"] == "passes"
    manifest = manifests.read(run)
    paths = {f["path"] for f in manifest["files"]}
    assert {f"charts/{name}.svg" for name in charts.CHARTS} <= paths
    assert not [path for path in paths if "_SUCCESS" in path or path.endswith(".crc")]
    assert manifest["counts"]["sampled"] == ROWS

    # Run again, it draws the same reviews and leaves one document.
    assert explore(run) == 0
    assert set(pd.read_parquet(f"{run}/data/sample")["_id"]) == set(sample["_id"])
    again = db["samples"].find_one({})
    assert again == document
    assert db["samples"].count_documents({}) == 1


def test_an_empty_store_says_what_to_do(explore: Any, mongo_db: Settings, tmp_path: Path) -> None:
    run, params = str(tmp_path / "run"), {"rows": 100, "fraction": None, "seed": 1}
    with pytest.raises(NotEnoughDataError, match="run load_reviews first"):
        sampling.begin(mongo.connect(), params, run)
    Path(run).mkdir()
    Path(run, "asked.json").write_text(json.dumps(params))
    assert explore(run) == job.DATA_ERROR
    with pytest.raises(NotEnoughDataError, match="run load_reviews first"):
        job.raise_error("explore_reviews", run)
