"""The data sets of `quality.py`: each as pairs to learn from and pairs held out, or why it is absent."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import amazon_book
from tidemark.evaluation import splits
from tidemark.models.pairs import Pairs, from_frame
from tidemark.reviews import builtin
from tidemark.settings import ROOT

DATA = ROOT.parent / "shared" / "data"
SEED = 42

Sides = tuple[Pairs, Pairs]


def _frame(rows: "pd.DataFrame") -> pd.DataFrame:
    """Columns `user_id, item_id, rating, seconds` as interactions, each of weight 1, as a load of reviews makes them."""
    made = rows.assign(weight=1.0, timestamp=pd.to_datetime(rows["seconds"], unit="s", utc=True))
    made["_id"] = made["user_id"] + ":" + made["item_id"] + ":" + made["seconds"].astype(str)
    return made.drop_duplicates("_id", keep="last")


def _parted(rows: pd.DataFrame) -> Sides:
    """By the platform's own split."""
    split = splits.hold_out(from_frame(_frame(rows)))
    return split.train, split.held


def reviews(name: str) -> Sides:
    """A file of Amazon reviews, 2014 or 2018 release."""
    with gzip.open(DATA / "reviews" / f"{name}.json.gz", "rt") as lines:
        read = [json.loads(line) for line in lines]
    columns = {"user_id": "reviewerID", "item_id": "asin", "rating": "overall", "seconds": "unixReviewTime"}
    return _parted(pd.DataFrame({name: [row[field] for row in read] for name, field in columns.items()}))


def movielens() -> Sides:
    """MovieLens latest-small: every rating is an interaction."""
    rows = pd.read_csv(DATA / "movielens" / "ratings.csv", dtype={"userId": str, "movieId": str})
    return _parted(rows.rename(columns={"userId": "user_id", "movieId": "item_id", "timestamp": "seconds"}))


def generated() -> Sides:
    """The built-in reviews of `make run`."""
    size, generator = builtin.Size(), np.random.default_rng(SEED)
    parts = [np.stack(part) for part in builtin.events(builtin.world(size, generator), size, generator)]
    user, item, stars, seconds = np.concatenate(parts, axis=1)
    columns = {
        "user_id": user.astype(str),
        "item_id": item.astype(str),
        "rating": stars.astype(float),
        "seconds": seconds,
    }
    return _parted(pd.DataFrame(columns))


def books() -> Sides:
    """amazon_book by its own split."""
    train = amazon_book.train(amazon_book.DATA)
    return train, amazon_book.truth(amazon_book.DATA, train)


SETS: dict[str, tuple[Path | None, Callable[[], Sides]]] = {
    name: (DATA / "reviews" / f"{name}_5.json.gz", lambda name=name: reviews(f"{name}_5"))
    for name in ("Gift_Cards", "All_Beauty", "Musical_Instruments")
} | {
    "movielens": (DATA / "movielens" / "ratings.csv", movielens),
    "builtin": (None, generated),
    "amazon_book": (amazon_book.DATA / "train.txt.gz", books),
}
"""Name -> the file it is read from (None: made here), and how."""
