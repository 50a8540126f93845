"""Histories without a server: what is held, for how long, and when MongoDB is asked."""

from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import ServerSelectionTimeoutError

from tests.support.serving_worlds import MADE_AT, events
from tidemark.errors import UnreachableError
from tidemark.serving import histories
from tidemark.serving.events import Event
from tidemark.serving.histories import HELD_SECONDS, PAUSE, Histories, merged


class Server:
    """A database whose collection gives what it was told, or is away; counts what it is asked."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []
        self.away, self.asked, self.now = False, 0, 0.0
        self.queries: list[dict[str, Any]] = []

    def __getitem__(self, name: str) -> "Server":
        assert name == "interactions"
        return self

    def find(self, query: dict[str, Any], fields: dict[str, int]) -> "Server":
        self.queries.append(query)
        return self

    def sort(self, order: list[tuple[str, int]]) -> "Server":
        assert order == [("timestamp", -1), ("_id", -1)]
        return self

    def limit(self, n: int) -> list[dict[str, Any]]:
        self.asked += 1
        if self.away:
            raise ServerSelectionTimeoutError("no server")
        return self.documents[:n]

    def store(self, *stored: Event) -> None:
        self.documents = [
            {"_id": e.id, "item_id": e.item_id, "weight": e.weight, "timestamp": e.timestamp, "source": e.source}
            for e in sorted(stored, key=lambda e: (e.timestamp, e.id), reverse=True)
        ]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def asked(server: Server) -> Histories:
    return Histories(server, clock=lambda: server.now)  # type: ignore[arg-type]


def test_merged_counts_nothing_twice():
    """What is on its way from Kafka to MongoDB is in both, and the tail knows what was done."""
    tail = events("u", ["a", "b", "c"])
    stored = [Event(e.id, "u", e.item_id, 1.0, None, e.timestamp, None, "stream") for e in tail[:2]]
    older = [Event("review:u:z:1", "u", "z", 1.0, 5.0, MADE_AT - timedelta(days=1), None, "review")]
    both = merged([*older, *stored], tail)
    assert [e.item_id for e in both] == ["c", "b", "a", "z"]
    assert [e.event_type for e in both] == ["view", "view", "view", None]
    same_time = [Event(key, "u", key, 1.0, None, MADE_AT, None, "stream") for key in ("k1", "k3", "k2")]
    assert [e.id for e in merged(same_time, [])] == ["k3", "k2", "k1"]


def test_one_question_for_a_user_and_version(server, asked):
    tail = events("u", ["a", "b"], start=5)
    server.store(*events("u", ["z"]))
    assert [e.item_id for e in asked.of("u")] == ["z"]
    assert asked.of("u") is asked.of("u")
    assert server.asked == 1
    assert [e.item_id for e in asked.of("u", tail, 2)] == ["b", "a", "z"]
    asked.of("u", tail, 2)
    assert server.asked == 2
    assert server.queries[-1] == {"user_id": "u"}
    # A new tail, which counts its versions from the start again.
    assert [e.item_id for e in asked.of("u", tail[:1], 2)] == ["a", "z"]
    assert server.asked == 3


def test_what_is_held_grows_old(server, asked):
    asked.of("u")
    server.store(*events("u", ["a"]))
    server.now = HELD_SECONDS - 1
    assert asked.of("u") == []
    server.now = HELD_SECONDS
    assert [e.item_id for e in asked.of("u")] == ["a"]
    server.store()
    asked.forget("u")
    asked.forget("nobody")
    assert asked.of("u") == []


def test_events_held_are_bounded(server, asked, monkeypatch):
    monkeypatch.setattr(histories, "HELD", 10)
    server.store(*events("u", ["a", "b", "c"]))
    for user in ("u1", "u2", "u1", "u3"):  # four each, with the room of the user itself
        asked.of(user)
    assert server.asked == 3
    asked.of("u1")
    assert server.asked == 3  # the one who was asked for longest ago has gone
    asked.of("u2")
    assert server.asked == 4
    server.store(*events("u", [f"i{n}" for n in range(30)]))
    assert len(asked.of("heavy")) == 30
    assert asked.of("heavy") is asked.of("heavy")  # larger than all room: alone


def test_a_history_is_cut_where_it_is_longest(server, asked, monkeypatch):
    monkeypatch.setattr(histories, "LONGEST", 2)
    server.store(*events("u", ["a", "b", "c"]))
    assert [e.item_id for e in asked.of("u")] == ["c", "b"]


def test_away_is_asked_once_and_then_again_by_one_alone(server, asked):
    server.away = True
    with pytest.raises(UnreachableError, match="ServerSelectionTimeoutError"):
        asked.of("u")
    server.now = PAUSE - 0.1
    for _ in range(3):
        with pytest.raises(UnreachableError, match="5 s ago"):
            asked.of("u")
        with pytest.raises(UnreachableError):
            asked.page("u")
    assert server.asked == 1
    server.now = PAUSE
    with pytest.raises(UnreachableError):
        asked.of("u")
    assert server.asked == 2
    server.away, server.now = False, 2 * PAUSE
    assert asked.of("u") == []
    assert asked.of("v") == []
    assert server.asked == 4


def test_the_pause_lets_only_one_by(server, asked):
    server.away = True
    with pytest.raises(UnreachableError):
        asked.of("u")
    server.away, server.now = False, PAUSE
    inner: list[str] = []

    def limit(n: int) -> list[Any]:
        with pytest.raises(UnreachableError):  # another thread, while this one waits
            asked.of("v")
        inner.append("asked")
        return []

    server.limit = limit
    assert asked.of("u") == []
    assert inner == ["asked"]


def test_what_was_read_holds_while_mongodb_is_away(server, asked):
    server.store(*events("u", ["a"]))
    first = asked.of("u")
    server.away, server.now = True, 2 * HELD_SECONDS
    assert asked.of("u") is first
    with pytest.raises(UnreachableError):
        asked.of("u", events("u", ["b"], start=3), 1)


def test_a_page_has_the_tail_and_ends_where_it_is_told(server, asked):
    stored, tail = events("u", ["a", "b"]), events("u", ["c", "d"], start=2)
    server.store(*stored)
    assert [e.item_id for e in asked.page("u", 3, None, tail)] == ["d", "c", "b"]
    place = tail[0].timestamp, tail[0].id
    assert [e.item_id for e in asked.page("u", 3, place, tail)] == ["b", "a"]
    assert server.queries[-1]["$or"] == [
        {"timestamp": {"$lt": place[0]}},
        {"timestamp": place[0], "_id": {"$lt": place[1]}},
    ]


def test_an_id_that_no_database_has(server, asked):
    assert asked.of("\ud800") == []
    assert server.asked == 0
