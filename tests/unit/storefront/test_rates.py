import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.storefront.rates import BURST, Rates


class Clock:
    """Goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_rate_lets_some_seconds_of_it_through_at_once_and_then_its_pace():
    clock = Clock()
    rates = Rates(clock)
    burst = [rates.wait("a", 600) for _ in range(60)]
    allowed = int(10 * BURST)  # 600 a minute are 10 a second
    assert burst[:allowed] == [0.0] * allowed
    assert all(0 < wait <= 0.1 + 1e-6 for wait in burst[allowed:])
    assert rates.wait("b", 600) == 0.0, "each key has its own"
    clock.now += 0.2001
    assert [rates.wait("a", 600) > 0 for _ in range(3)] == [False, False, True]


@given(st.lists(st.floats(0, 3), max_size=200), st.integers(1, 1_000))
def test_no_minute_has_more_than_the_rate_and_its_burst(pauses, rate):
    clock = Clock()
    rates, allowed = Rates(clock), []
    for pause in pauses:
        clock.now += pause
        if rates.wait("a", rate) == 0:
            allowed.append(clock.now)
    most = rate + max(1, rate * BURST / 60) + 1
    for start in allowed:
        assert sum(start <= at < start + 60 for at in allowed) <= most


def test_a_slow_rate_lets_one_through_and_says_how_long_to_wait():
    clock = Clock()
    rates = Rates(clock)
    assert rates.wait("a", 1) == 0.0
    assert rates.wait("a", 1) == pytest.approx(60)
    clock.now += 60
    assert rates.wait("a", 1) == 0.0
    rates.keep([])
    assert rates.wait("a", 1) == 0.0, "a key that is gone is forgotten"
