"""What a retrain asks of the machine while people are answered: the job `train`'s own fit (implicit ALS, 64 factors, a thread for
each core), again and again on pairs that were made up, until it is ended. It is not niced: a task of Airflow is not either.

It says `fitting` once its first fit has begun.
"""

import numpy as np

from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.pairs import Pairs

USERS, ITEMS, EACH = 100_000, 25_000, 20
"""20 items of each of 100,000 users: two million pairs."""


def pairs() -> Pairs:
    """Items by a long tail, users alike."""
    rng = np.random.default_rng(19)
    users = np.repeat(np.arange(USERS, dtype=np.int32), EACH)
    items = np.minimum(rng.pareto(0.8, USERS * EACH) * 20, ITEMS - 1).astype(np.int32)
    keys = np.unique(users.astype(np.int64) * ITEMS + items)
    count = len(keys)
    return Pairs(
        users=np.array([f"A{number:09}" for number in range(USERS)]),
        items=np.array([f"B{number:09}" for number in range(ITEMS)]),
        user_num=(keys // ITEMS).astype(np.int32),
        item_num=(keys % ITEMS).astype(np.int32),
        weight=np.ones(count, np.float32),
        rating=np.full(count, np.nan, np.float32),
        timestamp=np.zeros(count, np.int64),
    )


def main() -> None:
    """Fit until ended."""
    made = pairs()
    print("fitting", flush=True)
    while True:
        AlsImplicit(factors=64, regularization=0.1, alpha=10.0, iterations=15).fit(made)


if __name__ == "__main__":
    main()
