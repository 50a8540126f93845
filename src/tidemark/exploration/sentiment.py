"""Sentiment: how kind a text sounds, by the lexicon VADER, and what that adds up to.

VADER (Hutto and Gilbert, 2014) reads capitals, exclamation marks and emoticons as well as words, so it is given the text
as it came, never the cleaned one. Its `compound` lies between -1 and 1; from 0.05 a text counts as positive, from
-0.05 down as negative, as its authors have it. It knows English only.
"""

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

READ = 2_000
"""Characters of a text that are read: VADER's time grows with their square, and 10,000 emoji would take it half a minute."""

POSITIVE, NEGATIVE = 0.05, -0.05
"""Compound from which on a text is positive, and down from which it is negative."""

PERCENTILES = {"low": 0.1, "quarter": 0.25, "median": 0.5, "three_quarters": 0.75, "high": 0.9}


@cache
def _analyzer() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()  # reads its lexicon, so once a process


def score(text: str | None) -> float | None:
    """The compound of a text, -1..1; None where there is nothing to read."""
    if text is None or not text.strip():
        return None
    return float(_analyzer().polarity_scores(text[:READ])["compound"])


def scored(text: "Column") -> "Column":
    """`score` of a column of texts: a column of doubles, null where there is nothing to read."""
    import pyarrow as pa
    from pyspark.sql.pandas.functions import arrow_udf

    @arrow_udf("double")  # type: ignore[call-overload]
    def column(texts: pa.Array) -> pa.Array:
        return pa.array([score(value) for value in texts.to_pylist()], pa.float64())

    made: Column = column(text)
    return made


def by(rows: "DataFrame", key: str) -> "DataFrame":
    """What the sentiments of each group add up to.

    Args:
        rows: `key` and `sentiment` (null where there was no text).
        key: the column to group by.

    Returns:
        `key`, `reviews`, `scored`, `mean`, `sd`, the percentiles `low` (10 %), `quarter`, `median`, `three_quarters`,
        `high` (90 %), and `negative`, `neutral`, `positive` (counts, adding up to `scored`), ordered by `key`.
    """
    from pyspark.sql import functions as f

    sentiment = f.col("sentiment")
    return (
        rows.groupBy(key)
        .agg(
            f.count("*").alias("reviews"),
            f.count(sentiment).alias("scored"),
            f.avg(sentiment).alias("mean"),
            f.stddev_samp(sentiment).alias("sd"),
            *(f.percentile(sentiment, share).alias(name) for name, share in PERCENTILES.items()),
            f.count_if(sentiment <= NEGATIVE).alias("negative"),
            f.count_if((sentiment > NEGATIVE) & (sentiment < POSITIVE)).alias("neutral"),
            f.count_if(sentiment >= POSITIVE).alias("positive"),
        )
        .orderBy(key)
    )


def mean(texts: Iterable[str | None]) -> tuple[int, float | None]:
    """How many of `texts` could be read, and the mean of their compounds."""
    scores = [value for value in map(score, texts) if value is not None]
    return len(scores), sum(scores) / len(scores) if scores else None
