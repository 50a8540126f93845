"""Splits by time: what is newest is held out, for a model is judged by what comes after it.

Where few users can be measured (those with pairs on both sides), more is held out: `hold_out` has the rule.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from tidemark.contracts.conformance import EARLIEST
from tidemark.evaluation import ranking_metrics
from tidemark.models.pairs import Pairs
from tidemark.registry.names import SPLIT_RULES

Array = np.ndarray[Any, Any]

SHARES = {"newest_tenth": 1 / 10, "newest_fifth": 1 / 5, "newest_third": 1 / 3}
"""Rules that hold out the newest share of the pairs, in the order in which they are tried."""

LAST_OF_EACH_USER, NEWER_THAN_CHAMPION = "last_of_each_user", "newer_than_champion"

TIMES_FROM = EARLIEST * 1_000_000
"""Microseconds since 1970: what is older is the place of an interaction in a source without times (`sources.interaction_rows`)."""

ENOUGH_USERS = 200
"""Measurable users, below which more is held out, and a champion is not compared by what is newer than its cut."""


def newest(pairs: Pairs, share: float = SHARES["newest_tenth"]) -> Array:
    """Which pairs are the newest `share`: boolean `(n,)`, exactly `round(n * share)` true and at least one of each.

    Pairs equally old (review dates have no time of day, some sources no dates at all) are ordered by a hash of their
    ids: the same pairs split in the same way in every run, and a whole day does not fall on one user or item.
    """
    return _newest(oldest_first(pairs), share)


def last_of_each_user(pairs: Pairs) -> Array:
    """Which pairs are the last of a user who has two or more: boolean `(n,)`; equally old ones as in `newest`.

    Every user of two pairs or more can be measured so, and no split measures others. The price: what is learned from
    holds interactions of some users that are newer than what is held out of others, so that a model may know what
    became popular in between (Ji et al. 2023, A Critical Study on Data Leakage in Recommender System Offline
    Evaluation). All models that are compared know it alike.
    """
    return _last_of_each_user(pairs, oldest_first(pairs))


def oldest_first(pairs: Pairs) -> Array:
    """The order of the pairs by time, equally old ones by `tie_break`: int `(n,)`."""
    return np.lexsort((tie_break(pairs), pairs.timestamp))


def _newest(order: Array, share: float) -> Array:
    n_held = min(max(1, round(len(order) * share)), len(order) - 1)
    held = np.zeros(len(order), bool)
    held[order[len(order) - n_held :]] = True
    return held


def _last_of_each_user(pairs: Pairs, order: Array) -> Array:
    last = np.zeros(pairs.shape[0], np.int64)
    last[pairs.user_num[order]] = order  # of several writes to one place the last one stays
    held = np.zeros(len(pairs), bool)
    held[last[pairs.user_counts > 1]] = True
    return held


def tie_break(pairs: Pairs) -> Array:
    """A uniform uint64 of each pair's ids, the same whatever else is in the data."""
    return mixed(hashes(pairs.users)[pairs.user_num], hashes(pairs.items)[pairs.item_num])


def hashes(ids: Array) -> Array:
    """A uniform uint64 of each id."""
    return np.fromiter((_hash(one) for one in ids.tolist()), np.uint64, len(ids))


def mixed(users: Array, items: Array) -> Array:
    """The `tie_break` of pairs whose users and items have these hashes."""
    mixed = users ^ (items * np.uint64(0x9E3779B97F4A7C15))
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
        rule: how they were parted, a key of `names.SPLIT_RULES`.
        measured_users: users with pairs on both sides: those who can be measured.
        why: the rule and its cause, in words.
        compare: `champion` (every held-out pair is newer than what it learned from), `recipe` (too few are, so its
            recipe is fitted on `train` instead), or None without a champion.
    """

    train: Pairs
    held: Pairs
    rule: str
    measured_users: int
    why: str
    compare: str | None = None


def hold_out(pairs: Pairs) -> Split:
    """Hold out the newest tenth; more of it where too few users could be measured.

    Tried are the newest tenth, fifth and third, then the last pair of each user who has two or more. The first that
    measures `ENOUGH_USERS` is used. Where none does, it is the one that measures the most, and of equals the first: as
    the last rule measures whoever can be measured at all, that is the last rule, unless an earlier one measures as many.

    Args:
        pairs: two or more.

    Returns:
        the split; nobody may be measurable by it (`measured_users` 0: each user has one pair).
    """
    tried: list[Split] = []
    for rule, held in _masks(pairs):
        tried.append(_part(pairs, held, rule))
        if tried[-1].measured_users >= ENOUGH_USERS:
            break
    chosen = max(tried, key=lambda split: split.measured_users)
    if len(tried) == 1:
        return chosen
    others = ", ".join(f"{SPLIT_RULES[split.rule]} {split.measured_users:,}" for split in tried if split is not chosen)
    why = f"{chosen.why}, which measures {chosen.measured_users:,} users ({others}; {ENOUGH_USERS} are wanted)"
    return replace(chosen, why=why)


def _masks(pairs: Pairs) -> Iterator[tuple[str, Array]]:
    """Each rule and which pairs it holds out, made when it is asked for."""
    order = oldest_first(pairs)
    for rule, share in SHARES.items():
        yield rule, _newest(order, share)
    yield LAST_OF_EACH_USER, _last_of_each_user(pairs, order)


def _part(pairs: Pairs, held: Array, rule: str) -> Split:
    train, rest = pairs.take(~held), pairs.take(held)
    measured = len(ranking_metrics.users_of_both(train, rest))
    return Split(train, rest, rule, measured, f"held out is {SPLIT_RULES[rule]}{_without_times(pairs)}")


def _without_times(pairs: Pairs) -> str:
    """What is to be said of pairs that have no times, or have them in part."""
    by_order = pairs.timestamp < TIMES_FROM
    if by_order.all():
        return " (no times: split by order)"
    return f" (no times of {by_order.mean():.0%}, which count as the oldest)" if by_order.any() else ""


def split(pairs: Pairs, champion_cut: str | None) -> Split:
    """`hold_out`; or only what is newer than the champion's cut, where that is less and enough.

    So candidate and champion are measured on what neither has learned from, and know the same past: where what
    `hold_out` chose reaches back before the cut, and what is newer measures fewer than `ENOUGH_USERS` or is more than
    the newest third (too little would be left to learn from), the champion is compared by its recipe.

    Args:
        pairs: two or more.
        champion_cut: ISO 8601, the newest moment that the live model learned from; None where there is none.
    """
    chosen = hold_out(pairs)
    if not champion_cut:
        return chosen
    cut = int(datetime.fromisoformat(champion_cut).timestamp() * 1_000_000)
    if (chosen.held.timestamp > cut).all():
        return replace(chosen, compare="champion", why=f"{chosen.why}; all of it is newer than the champion's cut")
    newer = _part(pairs, pairs.timestamp > cut, NEWER_THAN_CHAMPION)
    enough, less = newer.measured_users >= ENOUGH_USERS, len(newer.held) <= len(pairs) * max(SHARES.values())
    if enough and less:
        return replace(
            newer, compare="champion", why=f"{newer.why}'s cut, which measures {newer.measured_users:,} users"
        )
    short = (
        "what is newer than the champion's cut is more than the newest third"
        if enough
        else f"only {newer.measured_users:,} users have newer interactions than the champion's cut "
        f"({ENOUGH_USERS} are wanted)"
    )
    return replace(chosen, compare="recipe", why=f"{chosen.why}; {short}, so the champion is compared by its recipe")
