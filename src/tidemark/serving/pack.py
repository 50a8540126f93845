"""The serving pack: everything of one model that answers need, in files that many processes map read-only.

| file | holds |
|---|---|
| `users.npy`, `users.ends.npy` | ids of the served users, sorted (`texts.SortedTexts`); a row number is a place in them |
| `items.npy`, `items.ends.npy` | ids of the model's items, sorted; an item number is a place in them |
| `lists.npy` | int32 `(n_users, n)`, item numbers, best first, then -1 |
| `scores.npy` | float32 `(n_users, n)`, -inf where the list has ended |
| `item_factors.npy` | float32 `(n_items, n_factors)`; not there where the model has none |
| `popular.npy`, `popular_scores.npy` | int32, float32 `(n_items,)`: every item, the most taken of the recent window first |
| `first_seen.npy` | int64 `(n_items,)`: when anybody first took the item, microseconds since 1970, UTC |
| `stars.npy`, `raters.npy` | float32 `(n_items,)` mean rating, NaN where nobody rated; int32 `(n_items,)` how many did |
| `pack.json` | what it is (`About`), and each file's bytes and SHA-256; written last |

MongoDB's collection of the model's recommendations stays the truth: a gate holds the two together when they are published.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from tidemark.serving.texts import SortedTexts

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class About:
    """What a pack is of.

    Args:
        model_id: the model.
        recipe: its recipe, as `models.recipes.Recipe.document` gives it: how a user is folded in.
        run_id, dag: the Airflow run that made it.
        made_at: when it was made, UTC.
        cut: the newest interaction that its snapshot has, UTC.
        next_offsets: partition -> the first offset of the topic `interactions` that it has not learned from.
        topic_id: the identity of that topic; None where the model was made without the stream.
        n: the longest list.
    """

    model_id: str
    recipe: Mapping[str, Any]
    dag: str
    run_id: str
    made_at: datetime
    cut: datetime
    next_offsets: Mapping[int, int]
    topic_id: str | None
    n: int


@dataclass(frozen=True)
class Pack:
    """One pack, mapped; see the table above. All arrays are read-only."""

    about: About
    users: SortedTexts
    items: SortedTexts
    lists: Array
    scores: Array
    popular: Array
    popular_scores: Array
    first_seen: Array
    stars: Array
    raters: Array
    item_factors: Array | None = None
