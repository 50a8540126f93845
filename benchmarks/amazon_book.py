"""The public Amazon-book split (KGAT): 652,514 training and 193,920 test pairs of 70,679 users and 24,915 items."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tidemark.evaluation import ranking_metrics
from tidemark.models.factors import Factors
from tidemark.models.interface import recommend
from tidemark.models.pairs import Pairs, from_frame
from tidemark.settings import ROOT

DATA = ROOT.parent / "shared" / "data" / "interactions" / "amazon_book"


def rows(folder: Path, part: str) -> list[tuple[str, str]]:
    """`(user_id, item_id)` of `train` or `test`; a line of the file is a user and its items."""
    with gzip.open(folder / f"{part}.txt.gz", "rt") as lines:
        return [(user, item) for user, *items in map(str.split, lines) for item in items]


def frame(pairs: list[tuple[str, str]]) -> pd.DataFrame:
    """As interactions: weight 1, no rating, all of one time, for the data has none."""
    users, items = zip(*pairs, strict=True)
    columns = {"user_id": users, "item_id": items, "rating": np.nan, "weight": 1.0}
    return pd.DataFrame(columns | {"timestamp": pd.Timestamp("2020-01-01", tz="UTC")})


def train(folder: Path) -> Pairs:
    """The training pairs."""
    return from_frame(frame(rows(folder, "train")))


def truth(folder: Path, pairs: Pairs) -> Pairs:
    """The test pairs, numbered as `pairs`; what training does not know is left out of neither count: there is none."""
    test = rows(folder, "test")
    users, items = (np.searchsorted(ids, [r[i] for r in test]) for i, ids in enumerate((pairs.users, pairs.items)))
    order = np.lexsort((items, users))
    ones = np.ones(len(test), np.float32)
    numbers = users[order].astype(np.int32), items[order].astype(np.int32)
    return Pairs(pairs.users, pairs.items, *numbers, ones, ones, np.zeros(len(test), np.int64))


def quality(folder: Path, pairs: Pairs, model: Factors) -> dict[str, Any]:
    """`figures` of the model's lists for all test users, all items ranked, training items left out."""
    test = truth(folder, pairs)
    users = ranking_metrics.measurable_users(pairs, test)
    return figures(recommend(model, users, 20, pairs.weights)[0], users, test)


def figures(lists: np.ndarray, users: np.ndarray, test: Pairs) -> dict[str, Any]:
    """recall@20 and NDCG@20 of `lists` `(m, 20)`, item numbers, of the users of these numbers."""
    hit, n_true = ranking_metrics.hits(lists, users, test.weights), test.user_counts[users]
    return {
        "recall_at_20": float(ranking_metrics.recall(hit, n_true, 20).mean()),
        "ndcg_at_20": float(ranking_metrics.ndcg(hit, n_true, 20).mean()),
    }
