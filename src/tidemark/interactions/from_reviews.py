"""Interactions: what every model learns from, one user-item event each. Here: those that reviews are."""

from typing import TYPE_CHECKING

from pyspark.sql import functions as f

from tidemark.interactions import keys

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

REVIEW_WEIGHT = 1.0
"""Confidence of a review as an event: one review, one event. How much it was liked is in its `rating`."""


def from_reviews(reviews: "DataFrame") -> "DataFrame":
    """The interactions that `reviews` are.

    Args:
        reviews: columns of the contract `review`.

    Returns:
        Columns of the contract `interaction`, one row per review: an item reviewed twice is two events, of which training
        takes the newest.
    """
    return reviews.select(
        f.concat(f.lit(keys.REVIEW_PREFIX), "_id").alias("_id"),
        "user_id",
        "item_id",
        "rating",
        f.lit(REVIEW_WEIGHT).alias("weight"),
        "timestamp",
        f.lit("review").alias("source"),
    )
