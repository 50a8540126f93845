from datetime import UTC, datetime

from tidemark.serving.events import Event
from tidemark.serving.newer import Newer

AT = datetime(2026, 1, 1, tzinfo=UTC)


def event(key: str, user: str = "u", item: str = "i") -> Event:
    return Event(key, user, item, 1.0, None, AT, "view", "stream")


def held(*events: Event, limit: int = 100) -> Newer:
    newer = Newer(limit)
    for one in events:
        newer.keep(one)
    return newer


def test_of_whom_nothing_came_there_is_nothing():
    newer = held(event("t-0-0", "other"))
    assert (newer.of("u"), newer.version("u")) == ((), 0)


def test_the_version_stands_for_the_events_whatever_way_they_came():
    a, b, c = event("t-0-0"), event("t-1-0"), event("t-0-1")
    assert held(a, b).version("u") == held(b, event("t-0-9", "other"), a).version("u")
    versions = [held(*events).version("u") for events in ((), (a,), (b,), (a, b), (a, b, c))]
    assert len(set(versions)) == len(versions)
    assert all(0 < version < 2**53 for version in versions[1:])  # a double has it exactly


def test_what_was_handed_out_does_not_change():
    newer = held(event("t-0-0"))
    before = newer.of("u")
    newer.keep(event("t-0-1"))
    assert [one.id for one in before] == ["t-0-0"]
    assert [one.id for one in newer.of("u")] == ["t-0-0", "t-0-1"]


def test_a_letter_that_was_sent_twice_is_there_once_as_it_came_last():
    again = "replay:t-0-3:i"
    newer = held(event(again, "u"), event("t-0-4", "u"), event(again, "v"))
    assert [one.id for one in newer.of("u")] == ["t-0-4"]
    assert [one.id for one in newer.of("v")] == [again]
    assert newer.version("u") == held(event("t-0-4", "u")).version("u")
    assert newer.kept == 2
    assert held(event(again), event(again)).version("u") == held(event(again)).version("u") != 0


def test_beyond_its_limit_the_oldest_stay():
    newer = held(*(event(f"t-0-{n}") for n in range(5)), limit=3)
    assert [one.id for one in newer.of("u")] == ["t-0-0", "t-0-1", "t-0-2"]
    assert (newer.kept, newer.beyond) == (3, 2)


def test_what_was_deleted_is_gone_and_as_if_it_had_never_come():
    a, again = event("t-0-0"), event("replay:t-0-3:i")
    newer = held(a, again, event("t-0-1", "v"))
    for key in ("t-0-0", "t-0-1", "t-9-9", "replay:t-0-3:i"):
        newer.drop("u", key)
    assert (newer.of("u"), newer.version("u"), newer.kept) == ((), 0, 1)
    assert [one.id for one in newer.of("v")] == ["t-0-1"]
    newer.keep(again)
    assert newer.version("u") == held(again).version("u")
