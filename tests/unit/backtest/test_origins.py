"""Where the past is cut: everything fits, whatever is asked and however little there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.backtest import origins
from tidemark.backtest.origins import LAGS, Plan
from tidemark.errors import NotEnoughDataError


def test_by_hand():
    # 10 marks of 1,000 and a test of 5,000 end at 100,000: the last origin is at 85,000
    made = origins.plan(100_000, 1_000, 3)
    assert made == Plan(1_000, 5_000, (75_000, 80_000, 85_000))
    assert Plan.from_document(made.document()) == made


def test_what_does_not_fit_is_made_to_and_said():
    made = origins.plan(1_000, 1_000, 20)
    assert made.mark == 45
    assert len(made.origins) == 1
    assert [sentence.split(":")[0] for sentence in made.why] == [
        "a mark of 1,000 interactions does not fit 1,000 stored ones 10 times",
        "20 origins do not fit",
    ]


def test_too_few_are_refused_with_what_to_do():
    with pytest.raises(NotEnoughDataError, match=r"199 interactions are too few to backtest.*Load more"):
        origins.plan(199, 10, 3)


@given(n=st.integers(200, 2_000_000), mark=st.integers(1, 100_000), asked=st.integers(1, 20))
def test_every_measured_moment_lies_in_what_there_is(n, mark, asked):
    made = origins.plan(n, mark, asked)
    assert 1 <= len(made.origins) <= asked
    assert 1 <= made.mark <= mark
    assert made.test >= 1
    assert list(made.origins) == sorted(set(made.origins))
    for origin in made.origins:
        assert origin >= n // 2 - 1
        assert origin + max(LAGS) * made.mark + made.test <= n
    assert bool(made.why) == (made.mark < mark or len(made.origins) < asked)
