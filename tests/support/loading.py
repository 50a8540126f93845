"""What the tests of loading share: one load in this process, and what it left in MongoDB."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemark.reviews import load, releases
from tidemark.storage import mongo

if TYPE_CHECKING:
    from pymongo.database import Database
    from pyspark.sql import SparkSession


def run_load(spark: "SparkSession", folder: Path, source: str, products: str | None = None) -> dict[str, Any]:
    """Land, validate and load, as the DAG does it, in this process."""
    reviews = releases.land(source, "reviews", "auto", str(folder / "landed"))
    listed = releases.land(products, "products", "auto", str(folder / "landed")) if products else None
    plan = load.Plan(reviews, listed, str(folder / "staged"))
    validated = load.validate(spark, plan, str(folder / "docs"))
    return load.load(spark, mongo.connect(), plan, validated)


def contents(db: "Database[Any]") -> dict[str, list[Any]]:
    """Every document of every collection that a load writes, in the order of their keys."""
    names = ("reviews", "products", "interactions", "rejects", "loads")
    return {name: list(db[name].find().sort("_id")) for name in names}
