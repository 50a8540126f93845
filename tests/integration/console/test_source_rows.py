"""What the page "Sources" reads: sums to the row, the newest load, reasons with ten examples, and records of before."""

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo.database import Database

from tests.support import load_data
from tidemark.console import source_rows
from tidemark.settings import Settings
from tidemark.storage import mongo


@pytest.fixture
def db(mongo_db: Settings) -> Iterator[Database[dict[str, Any]]]:
    db = mongo.connect(mongo_db)
    yield db
    db.client.close()


def test_nothing_was_loaded(db: Database[dict[str, Any]]) -> None:
    assert source_rows.sources(db) == ()
    assert source_rows.detail(db, "shop") is None


def test_each_source_with_the_sums_of_its_loads(db: Database[dict[str, Any]]) -> None:
    load_data.fill(db, "x")
    found = source_rows.sources(db)
    assert [(one.name, one.kinds, one.loads) for one in found] == [
        ("shop", ("interactions",), 2),
        ("catalogue", ("products",), 1),
        ("reviews", ("reviews",), 1),
    ]
    shop, _, reviews = found
    assert shop.counts == {"read": 200, "stored": 185, "duplicates": 10, "rejected": 5}
    assert (shop.newest_day, shop.until, shop.last.source) == (
        "2026-01-04",
        load_data.FIRST.replace(day=4),
        "/data/shop/3.csv",
    )
    assert shop.last.how == ("user = who (given)", "times in s", "ratings from 0.5 to 5")
    assert reviews.counts == {"read": 7, "stored": 7, "duplicates": 0, "rejected": 0}
    assert (reviews.last.how, reviews.last.run_key) == (("Amazon reviews, release 2018",), "")


def test_one_source_with_why_rows_were_refused(db: Database[dict[str, Any]]) -> None:
    load_data.fill(db, "x" * 1_000)
    found = source_rows.detail(db, "shop")
    assert found is not None
    assert [load.source for load in found.loads] == ["/data/shop/3.csv", "/data/shop/2.csv"]
    (reason,) = found.reasons
    assert (reason.reason, reason.rows, len(reason.examples)) == ("rating: too large", 5, source_rows.EXAMPLES)
    assert all(len(example.raw) == source_rows.LONGEST for example in reason.examples)
    assert "greater than" in reason.examples[0].why
    reviews = source_rows.detail(db, "reviews")
    assert reviews is not None
    assert (len(reviews.loads), reviews.reasons) == (1, ())
