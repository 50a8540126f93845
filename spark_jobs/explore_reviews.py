"""Job: draw a sample of the stored reviews, prove it, aggregate all reviews and score the sample's sentiment.

    explore_reviews.py --run <run folder>

Reads `<run>/asked.json` (rows or fraction, seed) and the collections `reviews` and `products`; writes
`<run>/data/sample` (Parquet), the sample's document in `samples`, and `<run>/explore.json`. Run again, it ends the same.
"""

from tidemark import exploration, jobs, store
from tidemark.spark import session


def main(run: str) -> None:
    """See the module."""
    db = store.connect()  # before Spark starts: where it is away, the next try comes sooner
    exploration.explore(session("explore_reviews", **exploration.SESSION), db, run)


if __name__ == "__main__":
    jobs.main("explore_reviews", __doc__, main)
