"""Of all that was said of an item the newest holds, in whatever order it comes and however often; in a real MongoDB."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st
from pymongo import UpdateOne
from pymongo.database import Database

from tidemark.items import newest
from tidemark.settings import Settings
from tidemark.storage import mongo

START = datetime(2026, 1, 1, tzinfo=UTC)
Said = tuple[dict[str, Any] | None, bool, datetime]


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture
def items(mongo_db: Settings) -> Iterator[Any]:
    db: Database[dict[str, Any]] = mongo.connect(mongo_db)
    mongo.ensure(db, "items")
    yield db["items"]
    db.client.close()


def say(items: Any, item_id: str, *several: Said) -> dict[str, Any]:
    items.bulk_write(
        [
            UpdateOne(*newest.upsert(item_id, told, available=available, at=at), upsert=True)
            for told, available, at in several
        ]
    )
    found: dict[str, Any] = items.find_one({"_id": item_id})
    return found


def test_hiding_keeps_what_was_told_and_telling_later_keeps_it_hidden(items: Any) -> None:
    told = {"title": "$100 strings", "price": 3.0, "extra": {"colour": "red"}}
    first = say(items, "$odd", (told, True, after(1)))
    assert {name: first[name] for name in told} == told
    hidden = say(items, "$odd", (None, False, after(5)))
    assert (hidden["title"], hidden["available"]) == ("$100 strings", False)
    older = say(items, "$odd", ({"title": "Strings"}, True, after(3)))
    assert (older["title"], "price" in older, older["available"]) == ("Strings", False, False)
    back = say(items, "$odd", (None, True, after(6)))
    assert (back["title"], back["available"], back["told_at"]) == ("Strings", True, after(3))


def test_what_changes_nothing_is_no_news(items: Any) -> None:
    first = say(items, "i", ({"title": "a"}, True, after(5)))
    assert say(items, "i", ({"title": "b"}, False, after(4))) == first
    assert abs((first["updated_at"] - datetime.now(UTC)).total_seconds()) < 60, "the server's time"


def test_documents_of_before_bear_one_time(items: Any) -> None:
    items.insert_one({"_id": "i", "title": "old", "available": True, "updated_at": after(5)})
    assert say(items, "i", ({"title": "older"}, False, after(4)))["title"] == "old"
    assert say(items, "i", (None, False, after(6)))["title"] == "old"
    assert say(items, "i", ({"title": "new"}, True, after(7)))["title"] == "new"


ONE = st.tuples(
    st.none() | st.fixed_dictionaries({}, optional={"title": st.text("ab", max_size=2), "price": st.just(1.5)}),
    st.booleans(),
)


@how(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(several=st.lists(ONE, min_size=1, max_size=6), data=st.data())
def test_any_order_and_repetition_ends_in_the_same_document(items: Any, several: list[Any], data: Any) -> None:
    dated = [(told, available, after(number)) for number, (told, available) in enumerate(several)]
    mixed = data.draw(st.permutations(dated)) + data.draw(st.lists(st.sampled_from(dated), max_size=3))
    items.delete_many({})
    ends = [say(items, "i", *order) for order in (dated, mixed)][1:]
    items.delete_many({})
    ends += [say(items, "i", *mixed), say(items, "i", *dated)]
    told = next((told for told, _, _ in reversed(dated) if told is not None), {})
    for end in ends:
        assert end["available"] == dated[-1][1]
        assert {name: end[name] for name in ("title", "price") if name in end} == told
