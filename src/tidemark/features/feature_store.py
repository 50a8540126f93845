"""Where the fitted pipeline and its vectors are: the pipeline with the artifacts, the vectors in MongoDB, and a pointer to both.

As a model's lists, the vectors of each version are a collection of their own, and the pointer moves when all are written: readers
never see two versions mixed. Killed anywhere and run again, it ends the same.
"""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymongo.database import Database

from tidemark.storage import artifacts, mongo

log = logging.getLogger(__name__)

Document = dict[str, Any]
Array = np.ndarray[Any, Any]

POINTER = "features"
"""`_id` in `pointers` of the version that is in use."""
GROWN = 1.5
"""Times as many products as were there when it was fitted, from which on it is fitted anew."""


@dataclass(frozen=True)
class Version:
    """A fitted pipeline.

    Args:
        version: names it, its folder and its collection.
        form: `feature_pipeline.FORM` when it was fitted.
        fitted_on: products.
        length: of its vectors.
    """

    version: str
    form: int
    fitted_on: int
    length: int


def folder(artifacts_root: str, version: str) -> str:
    """Where the pipeline called `version` is kept."""
    return f"{artifacts_root.rstrip('/')}/features/{version}"


def current(db: Database[Document]) -> Version | None:
    """The version that is in use; None before the first."""
    found = db["pointers"].find_one({"_id": POINTER}, {"_id": 0})
    return Version(**found) if found else None


def why_anew(known: Version | None, form: int, n_products: int, refit: str) -> str:
    """Why a pipeline has to be fitted; empty where the known one does.

    Args:
        known: the version in use.
        form: of the stages as they are now.
        n_products: that there are now.
        refit: `auto`, `always`, or `never` where there is one.
    """
    if known is None:
        return "there is none yet"
    if known.form != form:
        return "its stages are of another version of Tidemark"
    if refit == "always":
        return "it was asked for"
    if refit == "auto" and n_products > GROWN * known.fitted_on:
        return f"there are {n_products:,} products, and it was fitted on {known.fitted_on:,}"
    return ""


def use(db: Database[Document], version: Version, artifacts_root: str) -> None:
    """Point to a version that is whole, and drop all others."""
    db["pointers"].replace_one({"_id": POINTER}, vars(version), upsert=True)
    for name in db.list_collection_names(filter={"name": {"$regex": f"^{mongo.FEATURES_PREFIX}"}}):
        other = name.removeprefix(mongo.FEATURES_PREFIX)
        if other != version.version:
            db.drop_collection(name)
            artifacts.remove(folder(artifacts_root, other))
            log.info("dropped the vectors of version %s", other)


def read(db: Database[Document]) -> tuple[list[str], Array] | None:
    """Every vector of the version in use: ids, sorted, and float32 `(len(ids), length)`; None where there is none."""
    version = current(db)
    if version is None:
        return None
    found = list(db[mongo.features(version.version)].find().sort("_id", 1))
    rows = np.array([one["vector"] for one in found], np.float32).reshape(len(found), version.length)
    return [one["_id"] for one in found], rows
