"""Numbers, times and prices as the shop's pages say them, in English, by Unicode's tables (babel)."""

from datetime import UTC, datetime

from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_currency, format_decimal

from tidemark.contracts.conformance import EARLIEST

LOCALE = "en_US"
CURRENCY = "USD"
"""Of the catalogue's prices; see the contract of a product."""


def price(value: float | None) -> str:
    """`$1,299.00`; empty where it is unknown."""
    return "" if value is None else format_currency(value, CURRENCY, locale=LOCALE)


def number(value: float | None, pattern: str = "#,##0.###") -> str:
    """`12,345`; empty where there is none."""
    return "" if value is None else format_decimal(value, pattern, locale=LOCALE)


def stars(value: float) -> str:
    """`4.3`."""
    return format_decimal(value, "0.0", locale=LOCALE)


def percent(share: float) -> str:
    """`87 %`; of what is something, and less than one, `< 1 %`."""
    return "< 1 %" if 0 < share < 0.01 else f"{share * 100:.0f} %"


def moment(at: datetime | None) -> str:
    """`Jan 31, 2026, 12:00 UTC`; empty where there is none; words where it is but a place in an order (`keys.of_file`)."""
    if at and at.timestamp() < EARLIEST:
        return "nobody noted when"
    return f"{format_datetime(at.astimezone(UTC), 'MMM d, y, HH:mm', locale=LOCALE)} UTC" if at else ""


def ago(at: datetime | None, now: datetime | None = None) -> str:
    """`3 hours ago`; empty where there is no time, `just now` below a minute and for what is yet to come."""
    if at is None:
        return ""
    passed = (now or datetime.now(UTC)) - at
    if passed.total_seconds() < 60:
        return "just now"
    return f"{format_timedelta(passed, locale=LOCALE, threshold=1.2)} ago"
