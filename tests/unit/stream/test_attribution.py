"""What belongs to a list and what is counted for it, in whatever order it is read."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.contracts import conformance
from tidemark.interactions.from_messages import Interaction, Weights, parse
from tidemark.stream import attribution
from tidemark.stream.attribution import Act, Exposure, Key
from tidemark.stream.exposures import encode

NOW = datetime(2026, 11, 24, 10, 59, 59, tzinfo=UTC)
HOUR = NOW.replace(minute=0, second=0)
SHOWN = Key(HOUR, "m1", "champion", "for_you")


def shown(name: str = "r1", items: str = "abc", user: str | None = "u", arm: str = "champion") -> Exposure:
    return Exposure(name, user, tuple(items), "m1", arm, "for_you", NOW)


def done(item: str, name: str | None = "r1", *, buy: bool = False) -> Act:
    return Act(name, "u", item, buy, NOW + timedelta(hours=2))


def counts(*events: Any) -> dict[Key, dict[str, int]]:
    return {key: dict(counted) for key, counted in attribution.join({}, events).counts.items()}


def test_each_item_counts_once_a_list_and_in_the_hour_of_the_list() -> None:
    events = [shown(), done("a"), done("a"), done("b", buy=True), done("b", buy=True), done("a", buy=True)]
    assert counts(*events) == {SHOWN: {"lists": 1, "shown": 3, "clicked": 2, "purchased": 2}}


def test_what_was_not_shown_and_what_no_list_is_of_count_nowhere() -> None:
    assert counts(shown(), done("z"), done("a", "never shown")) == {SHOWN: {"lists": 1, "shown": 3}}


def test_organic() -> None:
    later = HOUR + timedelta(hours=2)
    events = [done("a", None), Act(None, "u", "a", True, later, unproven=True)]
    assert counts(*events) == {Key(later, None, None, None): {"organic": 2, "unproven": 1}}


def test_a_list_that_is_sent_again_is_one() -> None:
    assert counts(shown(), shown(), done("a"), shown()) == counts(shown(), done("a"))


def test_users_of_experiments_alone_are_counted_by_user() -> None:
    made = attribution.join({}, [shown(arm="e/b"), shown("r2"), shown("r3", user=None, arm="e/b"), done("a")])
    assert made.users == {("e/b", "u"): Counter(lists=1, shown=3, clicked=1)}


def test_clicks_that_wait_for_their_list_do_not_grow_without_end() -> None:
    (there,) = attribution.join({}, [done(f"i{n}", buy=True) for n in range(300)]).lists.values()
    assert len(there["clicked"]) == len(there["purchased"]) == attribution.LONGEST
    assert conformance.reasons("shown_list", there) == []


EVENTS = st.lists(
    st.builds(shown, st.sampled_from(["r1", "r2"]))
    | st.builds(done, st.sampled_from("abz"), st.sampled_from(["r1", "r2", None]), buy=st.booleans()),
    max_size=12,
)


@given(EVENTS, st.randoms(use_true_random=False), st.integers(1, 4))
def test_neither_order_nor_batches_change_the_counts(events: list[Any], chance: Any, size: int) -> None:
    """As the consumer has it: lists' documents are kept from batch to batch, counts are added up."""
    mixed = chance.sample(events, len(events))
    known: dict[str, Any] = {}
    total: dict[Key, Counter[str]] = {}
    for start in range(0, len(mixed), size):
        changes = attribution.join(known, mixed[start : start + size])
        known |= changes.lists
        for key, counted in changes.counts.items():
            total.setdefault(key, Counter()).update(counted)
    wanted = {key: +Counter(counted) for key, counted in counts(*events).items()}
    assert {key: +counted for key, counted in total.items()} == wanted
    for counted in total.values():
        assert counted["purchased"] <= counted["clicked"] <= counted["shown"]


def test_an_exposure_goes_through_its_message() -> None:
    value = encode("r1", "u", ["a", "b"], "m1", "e/b", "for_you", "stored", NOW.timestamp())
    assert conformance.reasons("exposure", json.loads(value)) == []
    assert attribution.exposure(value) == Exposure("r1", "u", ("a", "b"), "m1", "e/b", "for_you", NOW)
    acted = encode("r1", "u", ["a"], None, "champion", "p", "popular", NOW.timestamp(), "p@shop.example")
    assert attribution.exposure(acted) == Exposure("r1", "u", ("a",), None, attribution.PRESENTER, "p", NOW)
    outside = encode("r1", None, [], None, "", "p", "popular", NOW.timestamp())
    assert attribution.exposure(outside) == Exposure("r1", None, (), None, "champion", "p", NOW)


GOOD = json.loads(encode("r1", "u", ["a"], "m1", "champion", "p", "stored", NOW.timestamp()))


@pytest.mark.parametrize(
    "value",
    [
        None, b"", b"{", b"[]", b"7", b"\xff", b"[" * 100_000, json.dumps(GOOD | {"items": 5}), json.dumps(GOOD | {"x": 1}),
        json.dumps(GOOD | {"shown_at": "the day before yesterday"}), json.dumps(GOOD | {"shown_at": "2026-11-24T10:00:00.0"}),
        json.dumps(GOOD | {"user_id": "\ud800"}), json.dumps(GOOD | {"items": [{"item_id": "\udfff", "position": 1}]}),
        json.dumps(GOOD | {"items": [{"item_id": "a", "position": n + 1} for n in range(101)]}),
    ],
)  # fmt: skip
def test_what_is_no_exposure_is_none(value: bytes | str | None) -> None:
    assert attribution.exposure(value.encode() if isinstance(value, str) else value) is None


@pytest.mark.parametrize(
    ("claimed", "known", "unproven"),
    [
        ("good", "good", False),
        ("bad", None, True),
        (7, None, True),
        ({"ne": 1}, None, True),
        (None, None, False),
        ("x" * 9_999, None, True),
    ],
)
def test_an_id_is_taken_for_what_it_proves(claimed: object, known: str | None, unproven: bool) -> None:
    message = json.dumps({"user_id": "u", "item_id": "a", "event_type": "purchase", "recommendation_id": claimed})
    parsed = parse(message.encode(), "t", 0, 0, NOW, Weights({"purchase": 5.0, "view": 1.0}, "view"))
    assert isinstance(parsed, Interaction)
    asked = []

    def read(text: str, user_id: str, when: datetime) -> object | None:
        asked.append((text, user_id, when))
        return text if text != "bad" else None

    assert attribution.act(parsed, NOW, read) == Act(known, "u", "a", True, NOW, unproven)
    assert asked == ([(claimed, "u", NOW)] if claimed in ("good", "bad") else [])
