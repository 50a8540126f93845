from datetime import UTC, datetime, timedelta

from tidemark.serving.changes import LONG_AGO, OVERLAP, Seen

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def written(key: str, seconds: float) -> dict[str, object]:
    return {"_id": key, "at": NOW + timedelta(seconds=seconds)}


def read(seen: Seen, *documents: dict[str, object], now: datetime = NOW) -> tuple[list[object], Seen]:
    """What is new of those that the server would give."""
    found = [document for document in documents if document["at"] >= seen.since]
    new, after = seen.after(found, "at", now)
    return [document["_id"] for document in new], after


def test_each_is_new_once_until_it_is_written_again():
    a, b = written("a", -100), written("b", -5)
    new, seen = read(Seen(), a, b)
    assert new == ["a", "b"]
    assert read(seen, a, b)[0] == []
    assert read(seen, a, written("b", -4))[0] == ["b"]


def test_what_says_that_it_is_a_little_older_than_the_newest_is_seen_all_the_same():
    _, seen = read(Seen(), written("a", 0))
    late = written("b", -OVERLAP.total_seconds() + 1)
    assert read(seen, written("a", 0), late)[0] == ["b"]
    assert read(seen, written("a", 0), written("c", -OVERLAP.total_seconds() - 1))[0] == []


def test_a_clock_that_is_ahead_hides_nobody_elses_writes():
    ahead = written("a", 3_600)
    new, seen = read(Seen(), ahead)
    assert new == ["a"]
    new, seen = read(seen, ahead, written("b", 1), now=NOW + timedelta(seconds=2))
    assert new == ["b"]
    assert read(seen, ahead, written("b", 1))[0] == []


def test_only_what_will_be_read_again_is_remembered():
    seen = Seen()
    for second in range(0, 1_000, 10):
        _, seen = read(seen, written(f"i{second}", second), now=NOW + timedelta(seconds=second))
    assert len(seen.near) == OVERLAP.total_seconds() / 10 + 1
    assert Seen().since == LONG_AGO
