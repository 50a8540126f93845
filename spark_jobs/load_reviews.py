"""Job: upsert what was staged and passed its gate into MongoDB: reviews, rejects, products, interactions, in this order.

    load_reviews.py --run <run folder>

Reads `<run>/land.json`, `<run>/validate.json` and the staged Parquet; writes the collections and `<run>/load.json`.
Every key is deterministic: killed at any point and run again, it ends with the same documents.
"""

import argparse

from tidemark import artifacts, jobs, loads, store
from tidemark.spark import session


def main() -> None:
    """Run the job."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="run folder")
    run = parser.parse_args().run
    with jobs.running("load_reviews", run):
        plan, counts = loads.Plan.read(run), artifacts.read_json(f"{run}/validate.json")
        db = store.connect()
        spark = session("load_reviews", **loads.SESSION)
        artifacts.write_json(f"{run}/load.json", loads.load(spark, db, plan, counts))


if __name__ == "__main__":
    main()
