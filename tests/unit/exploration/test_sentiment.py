"""The sentiment of single texts."""

import pytest

from tidemark.exploration import sentiment


def test_scores_as_its_authors_published_them() -> None:
    """Examples of the library's README."""
    assert sentiment.score("VADER is smart, handsome, and funny.") == 0.8316
    assert sentiment.score("VADER is VERY SMART, handsome, and FUNNY!!!") == 0.9342
    assert sentiment.score("Today SUX!") == -0.5461


@pytest.mark.parametrize("text", [None, "", "  \n\t"])
def test_where_nothing_is_said_nothing_is_scored(text: str | None) -> None:
    assert sentiment.score(text) is None


def test_hostile_texts_are_scored_by_their_beginning() -> None:
    for text in ("<script>alert(1)</script>", "$x^2$ \x00\x1b[31m", "\U0001f600" * 1_000_000, "good " * 1_000_000):
        assert -1 <= (sentiment.score(text) or 0) <= 1
        assert sentiment.score(text) == sentiment.score(text[: sentiment.READ])


def test_mean_of_what_could_be_read() -> None:
    assert sentiment.mean(["VADER is smart, handsome, and funny.", "", "Today SUX!"]) == (
        2,
        pytest.approx((0.8316 - 0.5461) / 2),
    )
    assert sentiment.mean(["", None]) == (0, None)
