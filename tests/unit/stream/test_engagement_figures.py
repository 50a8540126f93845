"""Wilson's and Newcombe's intervals against published figures, and what must hold of any."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.stream.engagement_figures import Rate, difference, wilson


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0000),
    ],
)
def test_wilson_as_published(hits: int, trials: int, low: float, high: float) -> None:
    assert wilson(hits, trials) == pytest.approx((low, high), abs=5e-5)


def test_difference_as_published() -> None:
    """The same author's second paper, 873-890, table II, method 10: 56/70 less 48/80."""
    assert difference((48, 80), (56, 70)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_an_interval_holds_its_share_and_stays_a_share(hits: int, misses: int) -> None:
    low, high = wilson(hits, hits + misses)
    assert 0 <= low <= high <= 1
    if hits + misses:
        assert low <= hits / (hits + misses) <= high
        assert wilson(misses, hits + misses) == pytest.approx((1 - high, 1 - low))


def test_nothing_known_and_nonsense() -> None:
    assert wilson(0, 0) == (0, 1)
    for hits, trials in ((1, 0), (-1, 5), (6, 5)):
        with pytest.raises(ValueError, match="no share"):
            wilson(hits, trials)


def test_a_rate_as_json() -> None:
    rate = Rate(200, 20, 5)
    assert (rate.rate, rate.purchase_rate) == (0.1, 0.025)
    assert rate.low < 0.1 < rate.high
    told = rate.document()
    assert told["click_through"] == {"value": 0.1, "low": rate.low, "high": rate.high}
    assert told["purchase_rate"]["low"] == rate.purchase.low
    assert Rate(0, 0).document()["click_through"] == {"value": 0.0, "low": 0.0, "high": 1.0}
