"""Feature vectors: what is missing has its place, what comes later gets the same vector, versions never mix; on real Spark and
MongoDB."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymongo.database import Database

from tidemark.features import feature_pipeline, feature_store, featurize
from tidemark.settings import Settings
from tidemark.storage import mongo

WORDS = ["strings", "guitar", "bowl", "lotion", "leash", "dice", "lamp", "bright", "quiet", "northern"]


@pytest.fixture
def config(mongo_db: Settings, tmp_path: Path) -> Settings:
    return mongo_db.model_copy(update={"artifacts": str(tmp_path / "artifacts")})


@pytest.fixture
def db(config: Settings) -> Iterator[Database[dict[str, Any]]]:
    db = mongo.connect(config)
    for name in ("products", "items"):
        mongo.ensure(db, name)
    yield db
    db.client.close()


def product(number: int, **more: Any) -> dict[str, Any]:
    rng = np.random.default_rng(number)
    empty: dict[str, Any] = dict.fromkeys(("description", "clean_text"), "")
    return {
        "_id": f"i{number:03}",
        "title": " ".join(rng.choice(WORDS, 4)),
        "brand": f"brand {number % 3}",
        "main_category": f"category {number % 5}",
        **{"categories": [], "features": [], "images": [], "release": "file", "price": float(number)},
        **empty,
    } | more  # fmt: skip


def run(spark: Any, db: Any, config: Settings, version: str, refit: str = "auto") -> dict[str, Any]:
    return featurize.run(spark, db, config, {"version": version, "refit": refit})


def stored(db: Any) -> dict[str, list[float]]:
    found = feature_store.read(db)
    assert found is not None
    ids, rows = found
    return dict(zip(ids, rows.tolist(), strict=True))


def test_what_comes_later_gets_the_same_features_and_versions_never_mix(
    spark: Any, db: Database[dict[str, Any]], config: Settings
) -> None:
    db["products"].insert_many([product(n) for n in range(60)])
    done = run(spark, db, config, "v1")
    first = stored(db)
    assert (done["fitted"], done["products"], len(first)) == ("there is none yet", 60, 60)
    assert {len(vector) for vector in first.values()} == {done["length"]}
    assert len({tuple(vector) for vector in first.values()}) > 50

    # Twins of known products come later, one by the stream alone, and one of which nothing is known.
    twin = product(7, _id="twin")
    db["products"].insert_one(twin)
    told = {name: twin[name] for name in ("title", "brand", "price")}
    now = {"available": True, "updated_at": datetime(2026, 1, 1, tzinfo=UTC)}
    db["items"].insert_one({"_id": "streamed", **told, "category": twin["main_category"], **now})
    db["items"].insert_one({"_id": "unknown", **now})
    db["items"].insert_one({"_id": "i000", "brand": "never seen", **now})
    done = run(spark, db, config, "v2")
    after = stored(db)
    assert (done["version"], done["fitted"]) == ("v1", "")
    assert after["twin"] == after["streamed"] == first["i007"]
    assert {item: after[item] for item in first if item != "i000"} == {i: v for i, v in first.items() if i != "i000"}
    assert after["i000"] != first["i000"]
    assert np.isfinite(list(after.values())).all()
    assert sum(after["unknown"]) > 0, "what is missing has places of its own"

    # Fitted anew, and again as if it had been killed before the pointer moved.
    done = run(spark, db, config, "v3", "always")
    assert (done["version"], done["fitted"]) == ("v3", "it was asked for")
    again = run(spark, db, config, "v3", "always")
    assert (again["version"], again["fitted"]) == ("v3", "")
    names = [name for name in db.list_collection_names() if name.startswith(mongo.FEATURES_PREFIX)]
    assert names == [mongo.features("v3")]
    assert [path.name for path in (Path(config.artifacts_root) / "features").iterdir()] == ["v3"]


@pytest.mark.parametrize(
    "products",
    [
        [product(n, price=None) for n in range(3)],
        [product(n, title="", brand="", main_category="") for n in range(3)],
        [product(0), product(0, _id="same")],
    ],
    ids=["no prices", "no texts", "two alike"],
)
def test_little_is_known(
    spark: Any, db: Database[dict[str, Any]], config: Settings, products: list[dict[str, Any]]
) -> None:
    db["products"].insert_many(products)
    assert run(spark, db, config, "v1")["products"] == len(products)
    assert np.isfinite(list(stored(db).values())).all()


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_products_are_said_and_change_nothing(
    spark: Any, db: Database[dict[str, Any]], config: Settings, count: int
) -> None:
    if count:
        db["products"].insert_one(product(0))
    assert "too few" in run(spark, db, config, "v1")["why"]
    assert feature_store.current(db) is None


@pytest.mark.parametrize(
    ("known", "n", "refit", "why"),
    [
        (None, 10, "never", "there is none yet"),
        (feature_store.Version("v", feature_pipeline.FORM, 10, 5), 10, "auto", ""),
        (feature_store.Version("v", feature_pipeline.FORM, 10, 5), 16, "auto", "there are 16 products"),
        (feature_store.Version("v", feature_pipeline.FORM, 10, 5), 16, "never", ""),
        (feature_store.Version("v", 0, 10, 5), 10, "never", "another version"),
    ],
)
def test_when_it_is_fitted_anew(known: Any, n: int, refit: str, why: str) -> None:
    found = feature_store.why_anew(known, feature_pipeline.FORM, n, refit)
    assert why in found
    assert bool(why) == bool(found)
