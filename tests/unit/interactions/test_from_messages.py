"""The parser: every message becomes an interaction or a dead letter, the same each time, by the contract."""

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.contracts import conformance
from tidemark.contracts.messages import DeadLetter
from tidemark.interactions import keys
from tidemark.interactions.from_messages import CONTRACT, Interaction, Weights, parse, user_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEIGHTS = Weights({"view": 1.0, "cart": 4.0, "purchase": 5.0}, "view")


def read(value: bytes | None) -> Interaction | DeadLetter:
    return parse(value, "interactions", 2, 41, NOW, WEIGHTS)


def taken(**message: Any) -> Interaction:
    found = read(json.dumps({"user_id": "u", "item_id": "i"} | message).encode())
    assert isinstance(found, Interaction), found
    return found


def refused(value: bytes | None) -> str:
    found = read(value)
    assert isinstance(found, DeadLetter), found
    assert (found.id, found.topic, found.partition, found.offset) == ("interactions-2-41", "interactions", 2, 41)
    assert (found.time, found.value) == (NOW, value)
    return found.reason


def refused_with(**message: Any) -> str:
    return refused(json.dumps({"user_id": "u", "item_id": "i"} | message).encode())


def test_compact_form() -> None:
    assert read(b"u1:i1\n") == Interaction("interactions-2-41", "u1", "i1", None, 1.0, NOW, "view", None)


def test_weights() -> None:
    assert taken().weight == 1.0
    assert taken(event_type="purchase").weight == 5.0
    assert taken(event_type="cart", quantity=3).weight == pytest.approx(4 * (1 + math.log(3)))
    rated = taken(rating=4)
    assert (rated.rating, rated.weight, rated.event_type) == (4.0, 1.0, None)  # counts as a review from a file does


@pytest.mark.parametrize(
    "timestamp",
    [
        1_700_000_000,
        1_700_000_000.0,
        1_700_000_000_000,
        "2023-11-14T22:13:20Z",
        "2023-11-14T23:13:20+01:00",
        "2023-11-14 22:13:20",
    ],
)
def test_times(timestamp: Any) -> None:
    assert taken(timestamp=timestamp).timestamp == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_a_time_is_in_whole_seconds_and_may_be_missing() -> None:
    assert taken(timestamp=1_700_000_000_999).timestamp == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert taken(timestamp="2023-11-14T22:13:20.999Z").timestamp.microsecond == 0
    assert taken().timestamp == NOW
    assert taken(timestamp=(NOW + timedelta(hours=1)).timestamp()).timestamp == NOW + timedelta(hours=1)


def test_what_was_sent_again_is_keyed_by_what_it_was_and_its_item() -> None:
    at = datetime(2026, 2, 1, tzinfo=UTC)
    header = dict(zip(("key", "value"), keys.origin_header("interactions-0-7", at), strict=True))
    origin, happened = keys.origin([header])
    for value in (b"u:i", b'{"user_id": "u", "item_id": "i"}'):
        again = parse(value, "interactions", 2, 41, NOW, WEIGHTS, origin=origin, happened=happened)
        assert isinstance(again, Interaction)
        assert (again.id, again.timestamp) == ("replay:interactions-0-7:i", at)
    still_bad = parse(b"junk", "interactions", 2, 41, NOW, WEIGHTS, origin=origin, happened=happened)
    assert still_bad.id == "replay:interactions-0-7"


def test_a_topic_made_anew_has_keys_of_its_own() -> None:
    found = parse(b"u:i", "interactions", 2, 41, NOW, WEIGHTS, prefix=keys.prefix("interactions", 1))
    assert found.id == "interactions~1-2-41"


def test_extra_fields_are_kept() -> None:
    assert json.loads(taken(model_id="m1", page={"n": [1, 2]}).extra or "") == {"model_id": "m1", "page": {"n": [1, 2]}}
    assert taken(rating=None).extra is None


def test_versions() -> None:
    for version in (None, 1, "1", "1.4", "1.2.3"):
        assert taken(schema_version=version, new_field=1).user_id == "u"
    for unknown in (2, 0, "2", "2.0", "10", True, 1.5, "x"):
        assert "schema_version" in refused_with(schema_version=unknown)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "tombstone"),
        (b"", "empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b"hello", "not JSON"),
        (b'{"user_id": "u"', "not JSON"),
        (b'{"user_id": "u", "item_id": "i", "rating": NaN}', "NaN"),
        (b"null", "null"),
        (b"true", "truth value"),
        (b"17", "a number"),
        (b'"u:i"', "a string"),
        (b"[]", "an array"),
        (b"[" * 100_000, "nested"),
        (b'{"user_id": "u", "item_id": "i", "x": ' + b"[" * 40 + b"]" * 40 + b"}", "nested"),
        (b'{"user_id": "' + b"x" * 5_000_000 + b'"}', "too large"),
        (b"{}", "user_id"),
        (b'{"user_id": "u"}', "item_id"),
        (b'{"user_id": "\\ud800", "item_id": "i"}', "surrogate"),
        (b"a b:c", "user_id"),
        (b"a:b:c", "item_id"),
        (b":c", "user_id"),
        (b'{"user_id": "u", "item_id": "i", "n": ' + b"9" * 5_000 + b"}", "digits"),
    ],
)
def test_poison(value: bytes | None, reason: str) -> None:
    assert reason in refused(value)


@pytest.mark.parametrize("rating", [0, 6, 5.01, "five", True, [5]])
def test_bad_ratings(rating: Any) -> None:
    assert "rating" in refused_with(rating=rating)


@pytest.mark.parametrize("bad", ["", "a b", "a:b", "a\n", "a\x00b", "\x7f", "x" * 129, 7, None, {"$gt": ""}, ["a"]])
def test_bad_ids(bad: Any) -> None:
    assert "user_id" in refused_with(user_id=bad)
    assert "item_id" in refused_with(item_id=bad)


@pytest.mark.parametrize("when", [0, 700_000_000, 4_102_444_800, 1e300, "soon", "", "2999-01-01", [1], True])
def test_bad_times(when: Any) -> None:
    assert "timestamp" in refused_with(timestamp=when)


@pytest.mark.parametrize("more", [{"$where": "1"}, {"a.b": 1}, {"x": {"$gt": 1}}, {"x": [{"a.b": 1}]}, {"a\x00": 1}])
def test_no_operator_and_no_path_gets_in(more: dict[str, Any]) -> None:
    assert "does not match" in refused_with(**more)


def test_unknown_event_type_names_the_known() -> None:
    assert refused_with(event_type="smell") == "event_type: 'smell' is not known; there are: view, cart, purchase"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
IDS = st.text(min_size=1, max_size=130) | st.text("abc1_-", min_size=1, max_size=8)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "user_id": IDS | JSON,
        "item_id": IDS | JSON,
        "rating": st.sampled_from([1, 5, 4.5, 0, 6]) | JSON,
        "quantity": st.integers(-1, 10_001) | JSON,
        "timestamp": st.integers(0, 2_000_000_000) | st.datetimes().map(str) | JSON,
        "event_type": st.sampled_from(["view", "cart", "smell"]) | JSON,
        "schema_version": st.sampled_from([1, 2, "1", "1.3", "2.0"]) | JSON,
        "model_id": JSON,
        "$ne": JSON,
    },
)


def _kept(found: Interaction) -> dict[str, Any]:
    return {
        "_id": found.id,
        "user_id": found.user_id,
        "item_id": found.item_id,
        "rating": found.rating,
        "weight": found.weight,
        "timestamp": found.timestamp,
        "source": "stream",
    }


@given(
    st.binary(max_size=300)
    | JSON.map(lambda x: json.dumps(x).encode())
    | MESSAGES.map(lambda x: json.dumps(x).encode())
)
def test_whatever_comes_becomes_one_of_the_two(value: bytes) -> None:
    found = read(value)
    assert found == read(value)
    if isinstance(found, DeadLetter):
        assert found.reason
        assert found.value == value
    else:
        assert conformance.reasons("interaction", _kept(found)) == []
        found.user_id.encode()
        (found.extra or "").encode("ascii")


@given(MESSAGES)
def test_the_quick_check_says_yes_only_where_jsonschema_does(message: dict[str, Any]) -> None:
    if conformance.quick_check(CONTRACT)(message):
        assert list(conformance._validator(CONTRACT).iter_errors(message)) == []


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"rating": 4.5, "timestamp": 1_700_000_000, "model_id": "m", "n": 1, "seen": None},
        {"event_type": "view", "timestamp": "2023-11-14T22:13:20Z", "quantity": 3, "schema_version": "1.2"},
        {"rating": None, "timestamp": 1_700_000_000.5, "quantity": None, "schema_version": 1, "event_type": None},
    ],
)
def test_a_usual_message_is_taken_by_the_quick_check(more: dict[str, Any]) -> None:
    assert conformance.quick_check(CONTRACT)({"user_id": "u", "item_id": "i", **more})


@pytest.mark.parametrize(
    ("value", "user_id"),
    [
        (b'{"user_id": "anna", "rating": 9}', "anna"),
        (b'{"user_id": "\\u0061nna"}', "anna"),
        (b'{"user_id": 17}', "17"),
        (b" anna:an item\n", "anna"),
        (b"anna:\xff", "anna"),
        (b'{"user_id": {"$gt": ""}}', None),
        (b'{"user_id": true}', None),
        (b'{"user_id": "anna"', None),
        (b'["anna:i"]', None),
        (b"anna", None),
        (b"17", None),
        (b"[" * 50_000, None),
        (b"", None),
        (None, None),
    ],
)
def test_whom_a_message_names_that_may_be_no_interaction(value, user_id):
    assert user_of(value) == user_id
