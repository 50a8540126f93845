"""What each user is told of their own, and nobody else's."""

import json
from datetime import UTC, datetime

from tidemark.storefront.live_frames import REMEMBERED_SECONDS, Frame
from tidemark.storefront.live_own import LISTS, USERS, Own
from tidemark.stream.attribution import Exposure

AT = datetime(2026, 11, 24, 10, tzinfo=UTC)


def shown(user: str | None, items: str = "ab", name: str = "r1") -> Exposure:
    return Exposure(name, user, tuple(items), "m", "champion", "for_you", AT)


def told(frames: list[tuple[str, Frame]]) -> dict[str, tuple[str, dict[str, object]]]:
    made = {}
    for user_id, frame in frames:
        _, event, data, *_ = frame.everybody.decode().split("\n")
        made[user_id] = (event.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
    return made


def test_each_is_told_of_their_own_alone() -> None:
    own = Own()
    own.came("u", "")
    own.came("v", "")
    own.acted("u", "x")
    own.acted("somebody else", "x")
    own.shown(shown("v"), 2, 17)
    own.shown(shown(None), 2, 18)
    assert told(own.take()) == {
        "u": ("changed", {"interaction": ["x"]}),
        "v": ("shown", {"shown": [{"recommendation_id": "r1", "partition": 2, "offset": 17}]}),
    }
    assert own.take() == []


def test_all_that_happens_at_once_is_one_frame() -> None:
    own = Own()
    own.came("u", "")
    own.shown(shown("u"), 0, 0)
    for item in "xyz":
        own.acted("u", item)
    own.champion("m1")
    own.champion("m2")
    own.withdrawn(["a", "q"])
    ((event, data),) = told(own.take()).values()
    assert (event, data["interaction"], data["champion"], data["withdrawn"]) == (
        "changed",
        ["x", "y", "z"],
        "m2",
        ["a"],
    )


def test_who_deleted_something_looks_at_their_list_anew() -> None:
    own = Own()
    own.came("u", "")
    own.deleted("u", "t-0-1")
    own.deleted("v", "t-0-2")
    assert told(own.take()) == {"u": ("changed", {"deleted": ["t-0-1"]})}


def test_what_is_withdrawn_is_told_to_whom_it_was_shown() -> None:
    own = Own()
    own.shown(shown("before", "ab"), 0, 0)
    for user in ("before", "other"):
        own.came(user, "")
    own.shown(shown("other", "cd"), 0, 1)
    own.take()
    own.withdrawn(["b"])
    assert set(told(own.take())) == {"before"}
    own.withdrawn([])
    assert own.take() == []


def test_a_page_that_comes_back_gets_what_it_missed() -> None:
    now = [0.0]
    own = Own(lambda: now[0])
    first, missed, _ = own.came("u", "")
    assert missed is None
    own.left("u")
    own.acted("u", "x")
    own.take()
    _, missed, _ = own.came("u", first)
    assert [frame.number for frame in missed] == [1]
    own.left("u")
    now[0] = REMEMBERED_SECONDS + 1
    own.take()  # forgotten
    own.acted("u", "x")
    assert own.take() == []
    _, missed, _ = own.came("u", first)
    assert missed is None


def test_a_page_is_told_what_it_showed_before_its_stream_was_open() -> None:
    own = Own()
    for number in range(LISTS + 5):
        own.shown(shown("u", name=f"r{number}"), 0, number)
    _, _, lists = own.came("u", "")
    assert [each["recommendation_id"] for each in lists] == [f"r{n}" for n in range(5, LISTS + 5)]
    assert set(lists[0]) == {"recommendation_id", "partition", "offset"}


def test_of_so_many_users_lists_are_remembered() -> None:
    own = Own()
    for number in range(USERS + 1):
        own.shown(shown(f"u{number}"), 0, number)
    assert own.came("u0", "")[2] == []
    assert own.came("u1", "")[2] != []
