"""The jobs as Airflow submits them: killed and run again, and failing for a reason that reaches the task."""

import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.loading import contents
from tests.support.retraining import job
from tests.support.submitting import submitted
from tidemark.errors import GateError
from tidemark.reviews import builtin, releases
from tidemark.reviews import load as loads
from tidemark.settings import Settings
from tidemark.spark import job as jobs
from tidemark.storage import mongo

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REVIEWS = 30_000

__all__ = ["submitted"]


def _landed(tmp_path: Path) -> str:
    run = str(tmp_path / "run")
    reviews, products = builtin.write(builtin.Size(REVIEWS, 2_000, 800), 3, str(tmp_path / "builtin"))
    loads.Plan(
        releases.land(reviews, "reviews", "auto", str(tmp_path / "landed")),
        releases.land(products, "products", "auto", str(tmp_path / "landed")),
        str(tmp_path / "staged"),
    ).write(run)
    return run


def test_a_driver_killed_in_load_and_run_again_ends_the_same(
    submitted: Any, load_spark: "SparkSession", mongo_db: Settings, tmp_path: Path
) -> None:
    run = _landed(tmp_path)
    job("validate_reviews").main(run)
    validated = json.loads(Path(run, "validate.json").read_text())
    db = mongo.connect()

    def killed_once(collection: str) -> int:
        """Kill the driver when documents begin to arrive in `collection`; how many were there then."""
        driver = submitted("load_reviews", run)
        while driver.poll() is None and not db[collection].estimated_document_count():
            time.sleep(0.005)
        assert driver.poll() is None, "the load ended before it could be killed"
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()
        return int(db[collection].count_documents({}))

    assert 0 < killed_once("reviews") < validated["reviews"]["stored"]
    assert db["loads"].count_documents({}) == 0
    if os.environ.get("TIDEMARK_FULL"):
        assert killed_once("products")
        assert db["loads"].count_documents({}) == 0
    assert submitted("load_reviews", run).wait() == 0
    after_kills = contents(db)
    assert len(after_kills["reviews"]) == len(after_kills["interactions"]) == validated["reviews"]["stored"]
    assert len(after_kills["products"]) == 800

    for name in after_kills:
        db[name].drop()
    loads.load(load_spark, db, loads.Plan.read(run), validated)
    undisturbed = contents(db)
    for load in (*after_kills["loads"], *undisturbed["loads"]):
        del load["loaded_at"]
    assert after_kills == undisturbed


def test_a_job_that_fails_its_gate_says_so_across_the_process(
    submitted: Any, mongo_db: Settings, tmp_path: Path
) -> None:
    rows = [{"reviewerID": "A1", "asin": f"B{i}", "overall": 5, "unixReviewTime": 1_400_000_000} for i in range(50)]
    source = tmp_path / "reviews.json"
    source.write_text("\n".join(json.dumps(row) for row in rows))
    run = str(tmp_path / "run")
    loads.Plan(releases.land(str(source), "reviews", "auto", str(tmp_path)), None, str(tmp_path / "staged")).write(run)
    assert submitted("validate_reviews", run).wait() == jobs.DATA_ERROR
    with pytest.raises(GateError, match="all reviews are of one user"):
        jobs.raise_error("validate_reviews", run)
    jobs.forget_error("validate_reviews", run)
    jobs.raise_error("validate_reviews", run)
