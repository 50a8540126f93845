"""How the pages say numbers, prices and times."""

from datetime import UTC, datetime, timedelta

from tidemark.storefront import wording

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_prices_and_numbers() -> None:
    assert wording.price(1299) == "$1,299.00"
    assert wording.price(0) == "$0.00"
    assert wording.price(None) == wording.number(None) == wording.moment(None) == wording.ago(None) == ""
    assert wording.number(12345) == "12,345"
    assert wording.stars(4.25) == "4.2"


def test_shares() -> None:
    assert [wording.percent(share) for share in (0, 0.001, 0.01, 0.5, 1)] == ["0 %", "< 1 %", "1 %", "50 %", "100 %"]


def test_times() -> None:
    assert wording.moment(AT) == "Jan 31, 2026, 12:00 UTC"
    assert wording.moment(datetime(1970, 1, 1, 0, 0, 7, tzinfo=UTC)) == "nobody noted when"
    assert wording.ago(AT, AT + timedelta(hours=3)) == "3 hours ago"
    assert wording.ago(AT, AT + timedelta(seconds=59)) == "just now"
    assert wording.ago(AT, AT - timedelta(hours=1)) == "just now"
