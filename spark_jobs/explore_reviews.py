"""Job: draw a sample of the stored reviews, prove it, aggregate all reviews and score the sample's sentiment.

    explore_reviews.py --run <run folder>

Reads `<run>/asked.json` (rows or fraction, seed) and the collections `reviews` and `products` (which may be empty or absent);
writes `<run>/data/sample` (Parquet), the sample's document in `samples`, and `<run>/explore.json`. Run again, it ends the same.
"""

from tidemark.exploration import aggregates
from tidemark.spark import job
from tidemark.spark.session import session
from tidemark.storage import mongo


def main(run: str) -> None:
    """Explore the stored reviews for the run folder `run`."""
    db = mongo.connect()  # before Spark starts: where it is away, the next try comes sooner
    aggregates.explore(session("explore_reviews", **aggregates.SESSION), db, run)


if __name__ == "__main__":
    job.main("explore_reviews", __doc__, main)
