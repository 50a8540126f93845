"""What sample may be asked for; how it is drawn is in `tests/spark/exploration/test_aggregates.py`."""

import pytest

from tidemark.errors import BadInputError
from tidemark.exploration import sampling
from tidemark.exploration.sampling import Asked


@pytest.mark.parametrize(("rows", "fraction"), [(29, None), (0, None), (100, 0.0), (100, 1.5), (100, -1.0)])
def test_a_sample_that_cannot_be_drawn_is_refused(rows: int, fraction: float | None) -> None:
    with pytest.raises(BadInputError, match="give"):
        Asked(rows, fraction, 0)


def test_a_fraction_goes_before_rows() -> None:
    assert Asked(0, 0.25, 0).share(1_000) == 0.25


def test_the_share_that_is_looked_at_holds_the_rows_and_little_more() -> None:
    assert 0.1 < Asked(100_000, None, 0).share(1_000_000) < 0.103
    assert Asked(100, None, 0).share(100) == 1


def test_a_run_has_one_sample() -> None:
    assert sampling.sample_id("/a/explore_reviews/r1") == sampling.sample_id("s3://b/explore_reviews/r1")
    assert sampling.sample_id("/a/explore_reviews/r1") != sampling.sample_id("/a/explore_reviews/r2")
