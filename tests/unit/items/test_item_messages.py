"""The parser of the topic `items`: every message says something of one item or is a dead letter, the same each time."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.contracts import conformance
from tidemark.contracts.messages import DeadLetter
from tidemark.items.item_messages import ItemSaid, parse

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def read(value: bytes | None, key: bytes | None = None, **how: Any) -> ItemSaid | DeadLetter:
    return parse(key, value, "items", 0, 7, NOW, letter_id="items-0-7", **how)


def said(value: bytes | None, key: bytes | None = None) -> ItemSaid:
    found = read(value, key)
    assert isinstance(found, ItemSaid), found
    return found


def refused(value: bytes | None, key: bytes | None = None) -> str:
    found = read(value, key)
    assert isinstance(found, DeadLetter), found
    assert (found.id, found.topic, found.partition, found.offset, found.time) == ("items-0-7", "items", 0, 7, NOW)
    assert found.value == value
    return found.reason


@pytest.mark.parametrize("value", [b"B001", b"  B001\r\n", b'"B001"', b'{"item_id": "B001"}'])
def test_a_bare_id_says_that_the_item_is_there(value: bytes) -> None:
    assert said(value) == ItemSaid("B001", None, True, NOW)


@pytest.mark.parametrize("value", [None, b"", b" \n", b"null"])
def test_a_message_without_a_body_hides_the_item_of_its_key(value: bytes | None) -> None:
    assert said(value, b"B001") == ItemSaid("B001", None, False, NOW)
    assert "neither a value nor a key" in refused(value)
    assert "item_id" in refused(value, b"two words")


def test_what_is_told_and_what_is_not() -> None:
    message = {
        "item_id": "B001",
        "title": "Strings",
        "price": 3,
        "brand": None,
        "categories": ["Music", "Strings"],
        "available": False,
        "timestamp": "2023-11-14T22:13:20Z",
        "colour": "red",
        "sizes": {"s": 1},
        "nothing": None,
    }
    extra = {"colour": "red", "sizes": '{"s": 1}'}
    told = {"title": "Strings", "price": 3, "categories": ["Music", "Strings"], "extra": extra}
    assert said(json.dumps(message).encode()) == ItemSaid("B001", told, False, AT)
    document = {"_id": "B001", **told, "available": False, "updated_at": AT, "told_at": AT, "available_at": AT}
    assert conformance.reasons("item", document) == []


def test_hiding_alone_tells_nothing_of_the_rest() -> None:
    assert said(b'{"item_id": "B001", "available": false}') == ItemSaid("B001", None, False, NOW)


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        (1_700_000_000, AT),
        (1_700_000_000_250, AT + timedelta(milliseconds=250)),
        (1_700_000_000.25, AT + timedelta(milliseconds=250)),
        ("2023-11-14T23:13:20.250999+01:00", AT + timedelta(milliseconds=250)),
        ((NOW + timedelta(hours=1)).timestamp(), NOW),
    ],
)
def test_times(timestamp: Any, at: datetime) -> None:
    """In milliseconds; and a clock that is ahead counts as Kafka's."""
    assert said(json.dumps({"item_id": "i", "timestamp": timestamp}).encode()).at == at


def test_what_was_sent_again_keeps_its_time() -> None:
    found = read(b"B001", happened=AT)
    assert isinstance(found, ItemSaid)
    assert found.at == AT


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"two words", "item_id"),
        (b"user:item", "item_id"),
        (b'"unfinished', "not the id of an item"),
        (b'""', "item_id"),
        (b"{}", "item_id"),
        (b'{"item_id": "i"', "not JSON"),
        (b'["i"]', "an array"),
        (b"[" * 100_000, "nested"),
        (b'{"item_id": "i", "x": ' + b"[" * 40 + b"]" * 40 + b"}", "nested"),
        (b'{"item_id": "' + b"x" * 300_000 + b'"}', "too large"),
        (b'{"item_id": 7}', "item_id"),
        (b'{"item_id": "i", "price": -1}', "price"),
        (b'{"item_id": "i", "price": "3"}', "price"),
        (b'{"item_id": "i", "price": NaN}', "NaN"),
        (b'{"item_id": "i", "available": "no"}', "available"),
        (b'{"item_id": "i", "image": "javascript:alert(1)"}', "image"),
        (b'{"item_id": "i", "title": "a\\u0000b"}', "title"),
        (b'{"item_id": "i", "title": "\\ud800"}', "surrogate"),
        (b'{"item_id": "i", "$where": "1"}', "$where"),
        (b'{"item_id": "i", "a.b": 1}', "a.b"),
        (b'{"item_id": "i", "timestamp": "soon"}', "timestamp"),
        (b'{"item_id": "i", "timestamp": 32503680000}', "future"),
        (b'{"item_id": "i", "timestamp": 1}', "before 1995"),
        (b'{"item_id": "i", "schema_version": 2}', "schema_version"),
    ],
)
def test_poison(value: bytes, reason: str) -> None:
    assert reason in refused(value)


ANY = st.one_of(
    st.none(),
    st.binary(max_size=60),
    st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.dictionaries(
        st.sampled_from(["item_id", "title", "price", "available", "timestamp", "categories", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=6,
        ),
    ).map(lambda message: json.dumps(message).encode()),
)


@given(value=ANY, key=st.none() | st.binary(max_size=20))
def test_whatever_comes_is_one_of_the_two_and_can_be_stored(value: bytes | None, key: bytes | None) -> None:
    found = read(value, key)
    assert found == read(value, key)
    if isinstance(found, DeadLetter):
        assert found.reason
        assert found.value == value
        return
    document = {"_id": found.item_id, **(found.told or {}), "available": found.available, "updated_at": found.at}
    assert conformance.reasons("item", document) == []
    json.dumps(document, default=str).encode()
