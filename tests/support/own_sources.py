"""What the tests of sources share: one load in this process, as the DAG does it, and what it left in MongoDB."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemark.settings import settings
from tidemark.sources import planning, storing
from tidemark.storage import mongo

if TYPE_CHECKING:
    from pymongo.database import Database
    from pyspark.sql import SparkSession


def planned(folder: Path, kind: str, source: Path | str, **params: Any) -> planning.Plan:
    """The plan of a load with these parameters."""
    return planning.of_params(kind, {"source": str(source), **params}, str(folder / "staged"), settings())


def run_source(spark: "SparkSession", folder: Path, kind: str, source: Path | str, **params: Any) -> dict[str, Any]:
    """Land, validate and store, as the DAGs do it, in this process; gives the counts and what was left out."""
    plan = planned(folder, kind, source, **params)
    plan.write(str(folder))
    plan = planning.Plan.read(str(folder))
    validated = storing.validate(spark, plan, str(folder / "docs"))
    return storing.store(spark, mongo.connect(), plan, validated)


def contents(db: "Database[Any]") -> dict[str, list[Any]]:
    """Every document of every collection that a load writes, in the order of their keys."""
    names = ("products", "interactions", "interaction_details", "rejects", "loads")
    return {name: list(db[name].find().sort("_id")) for name in names}
