"""Small worlds whose right answers are known."""

import numpy as np
import pandas as pd

from tidemark.models.pairs import Pairs, from_frame


def frame(rows: list[tuple[str, str]], rating: float | None = None) -> pd.DataFrame:
    """A frame of interactions, one an hour, in the order of `rows` of `(user_id, item_id)`."""
    times = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.arange(len(rows)), unit="h")
    return pd.DataFrame(
        {
            "_id": [f"review:{u}:{i}:{n}" for n, (u, i) in enumerate(rows)],
            "user_id": [u for u, _ in rows],
            "item_id": [i for _, i in rows],
            "rating": np.nan if rating is None else rating,
            "weight": 1.0,
            "timestamp": times,
        }
    )


def checkerboard(size: int = 20) -> Pairs:
    """Even users have even items and odd users odd ones, but for the diagonal: user n should get item n."""
    rows = [(u, i) for u in range(size) for i in range(size) if (u - i) % 2 == 0 and u != i]
    return from_frame(frame([(f"u{u:02}", f"i{i:02}") for u, i in rows], rating=4.0))


def tastes(n_users: int = 300, n_items: int = 120, n_pairs: int = 6_000, groups: int = 6, seed: int = 7) -> Pairs:
    """Users of `groups` tastes, who take items of their own five times as often, popular ones more often than others.

    Ratings agree with taste: 5 and 4 stars for what is of one's own, 3 and 2 for the rest.
    """
    generator = np.random.default_rng(seed)
    popularity = 1 / np.arange(1, n_items + 1) ** 0.6
    user, item = (
        generator.integers(0, n_users, 6 * n_pairs),
        generator.choice(n_items, 6 * n_pairs, p=popularity / popularity.sum()),
    )
    own = user % groups == item % groups
    taken = np.flatnonzero(own | (generator.random(len(user)) < 0.05))[:n_pairs]
    rows = [(f"u{u:03}", f"i{i:03}") for u, i in zip(user[taken], item[taken], strict=True)]
    table = frame(rows)
    table["rating"] = np.where(own[taken], 4, 2) + generator.integers(0, 2, len(taken))
    return from_frame(table)
