"""Small worlds whose right answers are known, and the one contract that every recommender must satisfy in them."""

import numpy as np
import pandas as pd

from tidemark.evaluation import ranking_metrics, splits
from tidemark.models.interface import Recommender, recommend
from tidemark.models.pairs import Pairs, from_frame
from tidemark.models.popularity import Popularity
from tidemark.models.ranking import NONE


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


def satisfies_contract(recommender: Recommender, learns: bool) -> None:
    """Finite scores of the right shape, nothing seen, best first, nothing twice, the same again, better than popularity."""
    pairs = tastes()
    held = splits.newest(pairs)
    train, truth = pairs.take(~held), pairs.take(held)
    users = ranking_metrics.measurable_users(train, truth)
    fitted = recommender.fit(train)
    scores = fitted.scores(users[:5])
    assert scores.shape == (5, train.shape[1])
    assert scores.dtype == np.float32
    assert not np.isnan(scores).any()

    items, values = recommend(fitted, users, 10, train.weights)
    assert not ranking_metrics.hits(items, users, train.weights).any()
    assert (np.diff(values, axis=1)[items[:, 1:] != NONE] <= 0).all()
    assert all(len(set(row[row != NONE])) == (row != NONE).sum() for row in items)
    again, _ = recommend(recommender.fit(train), users, 10, train.weights)
    assert np.array_equal(items, again)

    def quality(lists: np.ndarray) -> float:
        return float(
            ranking_metrics.ndcg(ranking_metrics.hits(lists, users, truth.weights), truth.user_counts[users], 10).mean()
        )

    popular, _ = recommend(Popularity().fit(train), users, 10, train.weights)
    if learns:
        assert quality(items) > 1.5 * quality(popular)


def solves_checkerboard(recommender: Recommender) -> None:
    """The best unseen item of user n is item n."""
    pairs = checkerboard()
    users = np.arange(pairs.shape[0])
    items, _ = recommend(recommender.fit(pairs), users, 1, pairs.weights)
    assert items[:, 0].tolist() == users.tolist()
