"""Job: draw a sample of the stored reviews, prove it, aggregate all reviews and score the sample's sentiment.

    explore_reviews.py --run <run folder>

Reads `<run>/asked.json` (rows or fraction, seed) and the collections `reviews` and `products`; writes
`<run>/data/sample` (Parquet), the sample's document in `samples`, and `<run>/explore.json`. Run again, it ends the same.
"""

import argparse

from tidemark import exploration, jobs, store
from tidemark.spark import session


def main() -> None:
    """Run the job."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="run folder")
    run = parser.parse_args().run
    with jobs.running("explore_reviews", run):
        db = store.connect()
        exploration.explore(session("explore_reviews", **exploration.SESSION), db, run)


if __name__ == "__main__":
    main()
