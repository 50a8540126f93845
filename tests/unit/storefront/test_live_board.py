"""What the live page shows of what happens."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tidemark.storefront import live_board
from tidemark.storefront.live_board import SHOWN, WINDOW, Board, model_rows, retrain
from tidemark.stream.attribution import Exposure
from tidemark.stream.engagement_figures import Rate

AT = datetime(2026, 11, 24, 10, tzinfo=UTC)


def exposure(number: int = 1, user: str | None = "SHOPPER-1") -> Exposure:
    return Exposure(f"secret-{number}", user, tuple(f"i{n}" for n in range(12)), "m", "champion", "for_you", AT)


def test_only_what_changed_is_told() -> None:
    board = Board()
    assert board.take(0) is None
    board.tell("tide", {"lag": 5, "mark": 10})
    assert board.take(1).admin == {"tide": {"lag": 5, "mark": 10}}
    board.tell("tide", {"lag": 5, "mark": 10})
    assert board.take(2) is None
    assert board.whole(2).admin["tide"] == {"lag": 5, "mark": 10}


def test_who_is_shown_what_is_told_in_full_to_admins_alone() -> None:
    board = Board()
    board.shown(exposure())
    board.shown(exposure(2, None))
    for view in (board.whole(0), board.take(0)):
        assert [told["user_id"] for told in view.admin["shown"]] == ["SHOPPER-1", None]
        assert [told["user_id"] for told in view.everybody["shown"]] == ["SH…1", None]
        assert view.everybody["shown"][0]["items"] == ["i0", "i1", "i2", "i3", "i4"]
        assert view.everybody["shown"][0]["more"] == 7
        assert "secret" not in str(view)  # ids that clicks are attributed by are their user's alone
    assert board.take(1) is None


def test_of_a_flood_the_newest_are_shown_and_the_rest_counted() -> None:
    board = Board()
    for number in range(SHOWN + 30):
        board.shown(exposure(number))
    told = board.take(0).admin
    assert ([each["number"] for each in told["shown"]], told["missed"]) == (list(range(31, 51)), 30)


def test_interactions_a_second_and_back_to_nothing() -> None:
    board = Board()
    for second in range(100, 110):
        for _ in range(4):
            board.interaction("a", second)
    rate = board.take(110).admin["rate"]
    assert rate["per_second"] == 4
    assert rate["series"] == [0] * 50 + [4] * 10
    last = None
    for second in range(111, 300):
        last = board.take(second) or last
    assert last.admin["rate"] == {"per_second": 0, "series": [0] * 60}
    assert board.take(300) is None


def test_the_top_ten_is_of_the_newest() -> None:
    board = Board()
    board.seed(["old"] * 50 + [f"i{n}" for n in range(20)])
    assert board.top()[0] == "old"
    for number in range(WINDOW):
        board.interaction(f"new{number % 20:02}", 1)
    assert board.top() == [f"new{n:02}" for n in range(10)]
    board.titled({"new00": "A title"})
    assert board.take(2).admin["top"][0] == {"item_id": "new00", "title": "A title", "taken": WINDOW // 20}
    board.titled({"new00": "A title"})
    assert "top" not in (board.take(3) or live_board.View({}, {})).admin


@pytest.mark.parametrize(
    ("lag", "newest", "champion", "stage"),
    [
        (5, None, None, "quiet"),
        (None, None, None, "quiet"),
        (10, None, "m1", "due"),
        (5, {"_id": "m1", "status": "champion"}, "m1", "live"),
        (0, {"_id": "m2", "status": "candidate"}, "m1", "publishing"),
        (0, {"_id": "m1", "status": "candidate"}, None, "publishing"),
        (0, {"_id": "m2", "status": "rejected"}, "m1", "refused"),
        (99, {"_id": "m2", "status": "rejected"}, "m1", "due"),
        (0, {"_id": "m1", "status": "candidate"}, "m2", "live"),  # held back, and another one went live since
    ],
)
def test_where_the_next_model_is(lag, newest, champion, stage) -> None:
    assert retrain(lag, 10, newest, champion)["stage"] == stage


def test_models_with_their_click_through() -> None:
    made: list[dict[str, Any]] = [
        {"_id": "m2", "status": "candidate", "created_at": AT, "engine": "implicit"},
        {"_id": "m1", "status": "retired"},
    ]
    rows = model_rows(made, {"m2": Rate(10, 1)}, "m2")
    assert rows[0]["status"] == "champion"
    assert rows[0]["engagement"]["click_through"]["value"] == 0.1
    assert (rows[1]["engagement"], rows[1]["made_at"]) == (None, None)
