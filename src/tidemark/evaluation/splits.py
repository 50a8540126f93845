"""Splits by time: what is newest is held out, for a model is judged by what comes after it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from tidemark.models.pairs import Pairs

Array = np.ndarray[Any, Any]

HELD_OUT_SHARE = 0.1
"""The newest tenth is held out; the newest tenth of the rest is the validation slice."""

ENOUGH_USERS = 200
"""Users with interactions newer than the champion's cut, below which it is not compared by them."""


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


@dataclass(frozen=True)
class Split:
    """What is learned from and what is held out.

    Args:
        train, held: pairs of both sides.
        compare: `champion` (every held-out pair is newer than what it learned from), `recipe` (too few are, so its
            recipe is fitted on `train` instead), or None without a champion.
        why: the same in words.
    """

    train: Pairs
    held: Pairs
    compare: str | None
    why: str


def split(pairs: Pairs, champion_cut: str | None) -> Split:
    """The newest tenth held out; or only what is newer than the champion's cut, where that is less and enough.

    So candidate and champion are measured on what neither has learned from, and know the same past.
    """
    held = newest(pairs)
    compare, why = None, "the newest tenth is held out"
    if champion_cut:
        learned = pairs.timestamp <= int(datetime.fromisoformat(champion_cut).timestamp() * 1_000_000)
        newer = np.unique(pairs.user_num[~learned & np.isin(pairs.user_num, pairs.user_num[learned])])
        if not learned[held].any():
            compare, why = "champion", f"{why}, all of it newer than the champion's cut"
        elif len(newer) >= ENOUGH_USERS:
            held = ~learned
            compare, why = "champion", f"held out is what is newer than the champion's cut ({len(newer):,} users)"
        else:
            compare = "recipe"
            why += f"; only {len(newer):,} users have newer interactions than the champion's cut (of {ENOUGH_USERS} needed)"
    return Split(pairs.take(~held), pairs.take(held), compare, why)
