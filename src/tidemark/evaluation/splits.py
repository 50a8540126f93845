"""Splits by time: what is newest is held out, for a model is judged by what comes after it."""

import hashlib
from typing import Any

import numpy as np

from tidemark.models.pairs import Pairs

Array = np.ndarray[Any, Any]

HELD_OUT_SHARE = 0.1
"""The newest tenth is held out; the newest tenth of the rest is the validation slice."""


def newest(pairs: Pairs, share: float = HELD_OUT_SHARE) -> Array:
    """Which pairs are the newest `share`: boolean `(n,)`, exactly `round(n * share)` true and at least one of each.

    Pairs equally old (review dates have no time of day, some sources no dates at all) are ordered by a hash of their
    ids: the same pairs split in the same way in every run, and a whole day does not fall on one user or item.
    """
    n_held = min(max(1, round(len(pairs) * share)), len(pairs) - 1)
    order = np.lexsort((tie_break(pairs), pairs.timestamp))
    held = np.zeros(len(pairs), bool)
    held[order[len(order) - n_held :]] = True
    return held


def tie_break(pairs: Pairs) -> Array:
    """A uniform uint64 of each pair's ids, the same whatever else is in the data."""
    users = np.fromiter((_hash(u) for u in pairs.users.tolist()), np.uint64, len(pairs.users))
    items = np.fromiter((_hash(i) for i in pairs.items.tolist()), np.uint64, len(pairs.items))
    mixed = users[pairs.user_num] ^ (items[pairs.item_num] * np.uint64(0x9E3779B97F4A7C15))
    # The finaliser of splitmix64 (Steele, Lea, Flood 2014): each input bit moves every output bit.
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
