"""Featurize: a vector for every product, by the pipeline that is kept, or by one that is fitted anew."""

import logging
from typing import TYPE_CHECKING, Any

from tidemark.contracts import schemas
from tidemark.features import feature_pipeline as pipeline
from tidemark.features import feature_store as store
from tidemark.features.feature_store import Version
from tidemark.phases import phase
from tidemark.settings import Settings
from tidemark.storage import mongo

if TYPE_CHECKING:
    from pymongo.database import Database
    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger(__name__)

Document = dict[str, Any]


def run(spark: "SparkSession", db: "Database[Document]", config: Settings, asked: Document) -> Document:
    """Give every product its vector.

    Args:
        spark: a session that reads MongoDB.
        db: the platform's database.
        config: the settings.
        asked: `refit` (`auto`, `always`, `never`) and `version`, the name of a pipeline that is fitted in this run.

    Returns:
        `version`, `products`, `fitted` (why it was fitted anew; empty where it was not), `length`; `why` in place of all where
        there are too few products.
    """
    known = pipeline.products(spark).persist()
    try:
        n_products = known.count()
        if n_products < pipeline.LEAST_PRODUCTS:
            return {"products": n_products, "why": f"{n_products} products are known: too few to tell them apart"}
        in_use = store.current(db)
        mine = in_use is not None and in_use.version == asked["version"]  # an earlier try came so far
        anew = "" if mine else store.why_anew(in_use, pipeline.FORM, n_products, asked["refit"])
        if anew or in_use is None:
            version, fitted = _fitted(known, n_products, config, asked["version"])
        else:
            version, fitted = in_use, _load(store.folder(config.artifacts_root, in_use.version))
        with phase("vectors"):
            name = mongo.features(version.version)
            mongo.ensure(db, name)
            made = pipeline.vectors(fitted, known)
            mongo.write(made.select(*schemas.fields("item_feature")), name, config=config)
        store.use(db, version, config.artifacts_root)
        log.info("version %s: vectors of %s products", version.version, f"{n_products:,}")
        return {"version": version.version, "products": n_products, "fitted": anew, "length": version.length}
    finally:
        known.unpersist()


def _fitted(known: "DataFrame", n_products: int, config: Settings, name: str) -> "tuple[Version, PipelineModel]":
    """A pipeline fitted on `known`, kept."""
    with phase("fit"):
        fitted = pipeline.fit(known)
        one = pipeline.vectors(fitted, known.limit(1)).collect()[0]
        version = Version(name, pipeline.FORM, n_products, len(one["vector"]))
        fitted.write().overwrite().save(store.folder(config.artifacts_root, name))
    log.info("fitted version %s on %s products", name, f"{n_products:,}")
    return version, fitted


def _load(path: str) -> "PipelineModel":
    from pyspark.ml import PipelineModel

    return PipelineModel.load(path)
