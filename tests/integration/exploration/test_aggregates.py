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
from tests.support.retraining import job as job_module
from tidemark.charts import exploration as charts
from tidemark.contracts import conformance
from tidemark.errors import NotEnoughDataError
from tidemark.exploration import aggregates, sampling, sentiment
from tidemark.exploration.aggregates import LENGTH_EDGES
from tidemark.reviews import builtin
from tidemark.settings import ROOT, Settings
from tidemark.spark import job
from tidemark.spark.session import submit_conf
from tidemark.storage import manifests, mongo

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROWS = 2_000

REAL = ROOT.parent / "shared" / "data"
needs_real_data = pytest.mark.skipif(not REAL.is_dir(), reason=f"the real files are not at {REAL}")
GIFT_CARDS = (("reviews", "Gift_Cards_5"), ("products", "meta_Gift_Cards"))


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
    longest = db["reviews"].find_one({})
    db["reviews"].update_many({"_id": longest["_id"]}, {"$set": {"text": "\U0001f600" * 50_000}})
    run = str(tmp_path / "artifacts" / "explore_reviews" / "r1")
    sampling.begin(db, {"rows": ROWS, "fraction": None, "seed": 42}, run)
    assert explore(run) == 0

    explored = json.loads(Path(run, "explore.json").read_text())
    stored = outcome["reviews"]["stored"]
    assert explored["totals"]["n"] == explored["proof"]["population"] == stored
    assert explored["proof"]["rows"] == ROWS
    assert explored["proof"]["verdict"] == "passes"
    for facet in explored["facets"].values():
        assert sum(row["reviews"] for row in facet) == stored
        assert sum(row["sampled"] for row in facet) == ROWS
    for key, owners in (("users", "user_id"), ("items", "item_id")):
        assert sum(row["owners"] for row in explored["tails"][key]) == len(db["reviews"].distinct(owners))
        assert sum(row["owners"] * row["reviews"] for row in explored["tails"][key]) == stored
        assert sum(row["sampled"] for row in explored["tails"][key]) == ROWS
    for field, value in (("text", ""), ("title", ""), ("images", None), ("style", None)):
        assert explored["totals"]["missing"][field] == db["reviews"].count_documents({field: {"$in": [value, []]}}), (
            field
        )
    assert longest is not None
    last = explored["facets"]["length_class"][-1]
    assert (LENGTH_EDGES[last["length_class"] - 1], last["reviews"]) == (39_811, 1)
    heard = {row["stars"]: row for row in explored["sentiment"]}
    assert heard[5]["mean"] > 0.3 > -0.3 > heard[1]["mean"]  # the texts agree with the stars

    first, second = explored["products"]["most"][:2]
    assert (second["price"], second["price_x_reviews"]) == (None, None)
    known = db["products"].find_one({"_id": first["item_id"]})
    assert known is not None
    assert first["price"] == known["price"]
    reviewed = db["reviews"].distinct("item_id")
    having = db["products"].count_documents({"_id": {"$in": reviewed}, "price": {"$ne": None}})
    assert explored["prices"] == {"products": len(reviewed), "without_price": len(reviewed) - having}
    assert (first["item_id"], first["title"], first["reviews"]) == (busiest[0]["_id"], hostile, busiest[0]["count"])
    assert (second["item_id"], second["title"]) == (busiest[1]["_id"], "")
    assert 0 < first["scored"] <= 200
    least = explored["products"]["least"][0]
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
    job_module("explore_reviews").main(run)
    assert set(pd.read_parquet(f"{run}/data/sample")["_id"]) == set(sample["_id"])
    again = db["samples"].find_one({})
    assert again == document
    assert db["samples"].count_documents({}) == 1


def explored_here(spark: "SparkSession", run: Path) -> dict[str, Any]:
    """Explore all that is stored, in this process; the charts and tables are drawn too."""
    sampling.begin(mongo.connect(), {"rows": 30, "fraction": 1.0, "seed": 42}, str(run))
    explored = aggregates.explore(spark, mongo.connect(), str(run))
    charts.draw(str(run), "explore_reviews", "r1")
    return explored


@needs_real_data
def test_price_x_reviews_of_the_real_gift_cards(load_spark: "SparkSession", mongo_db: Settings, tmp_path: Path) -> None:
    """Of the 1,547 products of the file 1,185 have no price and 4 have scraps of a page in its place; of the 148 that were
    reviewed, 41."""
    cards, listed = (str(REAL / kind / f"{name}.json.gz") for kind, name in GIFT_CARDS)
    run_load(load_spark, tmp_path / "load", cards, listed)
    assert mongo.connect()["products"].count_documents({"price": None}) == 1_189
    explored = explored_here(load_spark, tmp_path / "run")
    assert explored["prices"] == {"products": 148, "without_price": 41}
    shown = explored["products"]
    told = [(row["item_id"], row["reviews"], row["price"], row["price_x_reviews"]) for row in shown["most"]]
    assert told[:3] == [
        ("B00AR51Y5I", 94, 25.0, 2_350.0),
        ("B004Q7CK9M", 88, 40.0, 3_520.0),
        ("B0091JKVU0", 84, 200.0, 16_800.0),
    ]
    least = {row["item_id"]: (row["reviews"], row["price"], row["price_x_reviews"]) for row in shown["least"]}
    assert least["B01B25LU7S"] == (4, 300.0, 1_200.0)
    assert least["B00O3YJMS0"] == (5, None, None)
    table = pd.read_csv(tmp_path / "run" / "tables" / "prices.csv")
    assert table["without_price"].tolist() == [0, 1, 41]

    # The same reviews where no product was ever loaded.
    mongo.connect().drop_collection("products")
    explored = explored_here(load_spark, tmp_path / "without")
    assert explored["prices"] == {"products": 148, "without_price": 148}
    for row in (row for rows in explored["products"].values() for row in rows):
        assert (row["title"], row["price"], row["price_x_reviews"]) == ("", None, None)
        assert row["sentiment"] is not None
    assert "No price is known" in (tmp_path / "without" / "charts" / "most_reviewed.svg").read_text()


def test_an_empty_store_says_what_to_do(explore: Any, mongo_db: Settings, tmp_path: Path) -> None:
    run, params = str(tmp_path / "run"), {"rows": 100, "fraction": None, "seed": 1}
    with pytest.raises(NotEnoughDataError, match="run load_reviews first"):
        sampling.begin(mongo.connect(), params, run)
    Path(run).mkdir()
    Path(run, "asked.json").write_text(json.dumps(params))
    assert explore(run) == job.DATA_ERROR
    with pytest.raises(NotEnoughDataError, match="run load_reviews first"):
        job.raise_error("explore_reviews", run)
