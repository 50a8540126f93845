"""Cold items: content learned for a model, what it reaches on held-out interactions, and whether new items get their share.

The rule: new items stand in their places of each list where on the held-out users the lists with them have an NDCG@10 that is
in the mean not below that of the lists without, and enough users were measured to conclude anything. Else the share is 0, and
new items are shown where they are asked for alone.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymongo.database import Database

from tidemark.evaluation import evidence, promotion, ranking_metrics
from tidemark.features import feature_store
from tidemark.models import content, new_items, ranking
from tidemark.models.content import Content
from tidemark.models.interface import Fitted, recommend
from tidemark.models.item_features import Product
from tidemark.models.pairs import Pairs
from tidemark.serving import details

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

log = logging.getLogger(__name__)

MOST_NEW = 200_000
"""New items that are ranked at most, the first by their ids."""
TEXT = 2_000
"""Characters of a description that are read."""


@dataclass(frozen=True)
class Learned:
    """Content, over the items of a model.

    Args:
        content: what was learned.
        space: who places users and items (`new_items.space`).
        ids: of the new items, `(n_new,)`, ascending: known by their features, and taken by nobody.
        factors: float32 `(n_new, n_factors)`, where they would stand.
    """

    content: Content
    space: Fitted
    ids: Array
    factors: Array


def known_products(db: Database[Document]) -> dict[str, Product]:
    """item_id -> what is known of each product that is to be had: `products`, with the changes of `items` over them."""
    texts = {"description": {"$substrCP": ["$description", 0, TEXT]}}
    described = {one["_id"]: one["description"] for one in db["products"].aggregate([{"$project": texts}])}
    every = details.merged(details.read_products(db), details.read_changes(db))
    return {
        item_id: Product(one.title, described.get(item_id, ""), one.brand, one.categories, one.price)
        for item_id, one in every
        if one.available
    }


Vectors = tuple[list[str], Array]
"""item_ids, ascending, and their feature vectors, float32 `(n, d)`: `features.feature_store.read`."""


def vectors_for(db: Database[Document], engine: str) -> Vectors | None:
    """The feature vectors that a model of `engine` places new items with: those that Spark made, where Spark trains; None where
    there are none, or the texts do."""
    return feature_store.read(db) if engine == "spark" else None


def learn(fitted: Fitted, pairs: Pairs, known: Mapping[str, Product], vectors: Vectors | None = None) -> Learned | None:
    """Content for a model; None where too little is known of the items that somebody took, or nothing is new.

    Args:
        fitted: over the users and items of `pairs`.
        pairs: what it learned from; items of its numbering that nobody took are new.
        known: item_id -> what is known.
        vectors: of features, which place new items in place of their texts.
    """
    taken = pairs.item_counts > 0
    ids = set(pairs.items[taken].tolist())
    new = np.array(sorted(item_id for item_id in known if item_id not in ids)[:MOST_NEW], object)
    if not len(new) or not len(ids & known.keys()):
        return None
    space = new_items.space(fitted, pairs)
    factors = space.factors_of_items()
    assert factors is not None  # noqa: S101 -- `space` has some
    learned = content.learn([known.get(item_id) for item_id in pairs.items.tolist()], factors, pairs.item_counts)
    if learned is None:
        return None
    placed = learned.factors(known[item_id] for item_id in new.tolist())
    if vectors is not None and vectors[0]:
        placed = _by_vectors(vectors, pairs, factors, new, placed)
    return Learned(learned, space, new, placed)


def _by_vectors(vectors: Vectors, pairs: Pairs, factors: Array, new: Array, placed: Array) -> Array:
    """`placed`, and in place of it where each of the `new` items stands by its vector, where it has one."""
    ids, rows = np.array(vectors[0], object), vectors[1]
    taken, at = _found(pairs.items, ids)
    counted = pairs.item_counts[taken] > 0
    taken, at = taken[counted], at[counted]
    if len(taken) < content.LEAST_ITEMS:
        return placed
    weights, bias, _ = content.regress(rows[at], factors[taken], pairs.item_counts[taken])
    mine, theirs = _found(new, ids)
    placed = placed.copy()
    placed[mine] = rows[theirs] @ weights + bias
    return placed


def _found(some: Array, ids: Array) -> tuple[Array, Array]:
    """Places in `some` of what is in `ids` too, and its places there; both are ascending."""
    at = np.minimum(np.searchsorted(ids, some), len(ids) - 1)
    there = ids[at] == some
    return np.flatnonzero(there), at[there]


def measure(
    fitted: Fitted,
    train: Pairs,
    held: Pairs,
    known: Mapping[str, Product],
    share: float,
    vectors: Vectors | None = None,
) -> Document:
    """What content reaches of what users took next, and whether lists with new items lose.

    Args:
        fitted: over the users and items of `train`.
        train, held: both sides of the split, in one numbering.
        known: item_id -> what is known.
        share: of the places of a list, that was asked for.
        vectors: see `learn`.

    Returns:
        `asked` and `share` (what they get), `why` in a sentence; and where it was measured: `new_items`, `users`, `strength` of
        the ridge, `lead` of the lists with new items (`promotion.Lead`); and where users took new items: `reach` (recall@20 of
        these among the new items, with `users` and `by_chance`) and `whole` (recall@20 of all they took, with and without).
    """
    none: Document = {"asked": share, "share": 0.0}
    users = ranking_metrics.users_of_both(train, held)
    learned = learn(fitted, train, known, vectors)
    if learned is None:
        return none | {"why": "content was not learned: too few items that somebody took are described, or none is new"}
    if len(users) < evidence.LEAST:
        return none | {
            "why": f"{len(users)} users can be measured: nothing can be concluded ({evidence.LEAST} are needed)"
        }
    n = ranking_metrics.LIST_LENGTH
    tastes = learned.space.factors_of_users(users)
    assert tastes is not None  # noqa: S101 -- `new_items.space` places users
    chosen, _ = new_items.best(tastes, learned.factors, n)
    numbers = numbered(chosen, learned.ids, train.items)
    items, scores = recommend(fitted, users, n, train.weights, train.item_counts > 0)
    with_new, _ = new_items.placed(items, scores, numbers, new_items.places(n, share or 0.1))
    ndcg = [_ndcg(lists, users, held) for lists in (with_new, items)]
    lead = promotion.lead(*ndcg)
    found = none | {
        "new_items": len(learned.ids),
        "users": len(users),
        "strength": learned.content.strength,
        "lead": vars(lead),
        **_reached(users, numbers, (with_new, items), train, held, len(learned.ids)),
    }
    if not share:
        return found | {"why": "no share was asked for"}
    figures = f"NDCG@10 {ndcg[0].mean():.4f} with new items, {ndcg[1].mean():.4f} without ({len(users):,} users)"
    if lead.mean < 0:
        return found | {"why": f"lists with new items lose: {figures}"}
    return found | {"share": share, "why": f"lists with new items do not lose: {figures}"}


def numbered(chosen: Array, ids: Array, items: Array) -> Array:
    """Places in `ids` as item numbers: those of `items`, and from `len(items)` on what is not there. `ranking.NONE` stays."""
    places = np.minimum(np.searchsorted(items, ids), len(items) - 1)
    number = np.where(items[places] == ids, places, len(items) + np.arange(len(ids))).astype(np.int32)
    return np.where(chosen == ranking.NONE, np.int32(ranking.NONE), number[np.maximum(chosen, 0)])


def _ndcg(lists: Array, users: Array, held: Pairs) -> Array:
    return ranking_metrics.ndcg(_hits(lists, users, held), held.user_counts[users], 10)


def _hits(lists: Array, users: Array, held: Pairs) -> Array:
    """Of items beyond the numbering nobody has taken any."""
    inside = np.where(lists < held.shape[1], lists, ranking.NONE)
    return ranking_metrics.hits(inside, users, held.weights)


def _reached(users: Array, numbers: Array, lists: Iterable[Array], train: Pairs, held: Pairs, n_new: int) -> Document:
    """`reach` and `whole` of `measure`; nothing where nobody took what is new."""
    cold = held.take(train.item_counts[held.item_num] == 0)
    who = np.flatnonzero(cold.user_counts[users] > 0)
    if not len(who):
        return {}
    hit = _hits(numbers[who], users[who], cold)
    taken = cold.user_counts[users[who]]
    reached = ranking_metrics.recall(hit, taken, ranking_metrics.LIST_LENGTH)
    whole = [
        ranking_metrics.recall(
            _hits(of[who], users[who], held), held.user_counts[users[who]], ranking_metrics.LIST_LENGTH
        )
        for of in lists
    ]
    values = np.stack([reached, *whole], axis=1)
    replicates = ranking_metrics.resampled_means(values)
    reach, with_new, without = (
        ranking_metrics.figure(float(values[:, at].mean()), replicates[:, at]) for at in range(values.shape[1])
    )
    by_chance = min(1.0, ranking_metrics.LIST_LENGTH / n_new)
    return {
        "reach": reach | {"users": len(who), "by_chance": by_chance},
        "whole": {"with": with_new, "without": without},
    }
