"""Job: draw a sample of the stored reviews, prove it, aggregate all reviews and score the sample's sentiment.

    explore_reviews.py --run <run folder>

Reads `<run>/asked.json` (rows or fraction, seed) and the collections `reviews` and `products`; writes
`<run>/data/sample` (Parquet), the sample's document in `samples`, and `<run>/explore.json`. Run again, it ends the same.
"""

from tidemark import exploration, jobs, store
from tidemark.spark import session


def main(run: str) -> None:
    """See the module."""
    spark = session("explore_reviews", **exploration.SESSION)
    exploration.explore(spark, store.connect(), run)


if __name__ == "__main__":
    jobs.main("explore_reviews", __doc__, main)
