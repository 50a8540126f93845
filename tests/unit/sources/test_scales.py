"""Scales of ratings: told by a sample, and made stars by a straight line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemark.errors import BadInputError
from tidemark.sources import scales
from tidemark.sources.scales import Scale


@pytest.mark.parametrize(
    ("ratings", "name"),
    [
        ([1, 5, 3], "1-5"),
        ([1.5, 4.5], "1-5"),
        ([0.5, 5], "0.5-5"),
        ([0, 5, 3], "0-5"),
        ([0, 1, 1], "0-1"),
        ([0.2, 0.9], "0-1"),
        ([1, 10, 4], "1-10"),
        ([0, 7], "0-10"),
        ([35, 88], "0-100"),
    ],
)
def test_the_scale_is_told_by_what_was_given(ratings, name):
    assert scales.find("f", ratings).name == name


@pytest.mark.parametrize(
    ("ratings", "says"),
    [
        ([1, 1], "0-1 if 1 means liked"),
        ([0], "`scale`"),
        ([-3, 3], "on no scale"),
        ([1, 500], "0-20"),
        ([3] * 99 + [30], "99.0% of the ratings are on the scale 1-5.*as 30"),
    ],
)
def test_what_cannot_be_told_asks(ratings, says):
    with pytest.raises(BadInputError, match=says):
        scales.find("f", ratings)


@given(low=st.floats(-100, 100), width=st.floats(0.1, 1000), share=st.floats(0, 1))
def test_the_worst_is_one_star_and_the_best_five(low, width, share):
    scale = Scale(low, low + width)
    assert scale.stars(scale.low) == pytest.approx(1)
    assert scale.stars(scale.high) == pytest.approx(5)
    assert 1 - 1e-9 <= scale.stars(low + share * width) <= 5 + 1e-9


def test_stars_by_hand():
    assert Scale(0.5, 5).stars(2.5) == pytest.approx(1 + 4 * 2 / 4.5)
    assert [Scale(0, 1).stars(r) for r in (0, 1)] == [1, 5]
    assert Scale(1, 10).stars(10) == 5
    assert scales.STARS.is_stars
    assert scales.STARS.stars(3.5) == 3.5


def test_a_person_may_say_it():
    assert scales.parse("0.5-5") == Scale(0.5, 5)
    for wrong in ("5", "5-1", "a-b", "", "1-1", "0-1e9"):
        with pytest.raises(BadInputError, match="worst and the best"):
            scales.parse(wrong)
