"""Evaluation: full ranking over all items, seen ones removed, against what users did next.

Measured are users with a history to learn from and at least one held-out item; users without a history are counted
apart (every model would show them the same popular items). Held-out items that training has never seen stay in the
truth, where every model misses them alike. Intervals are percentile bootstraps over users (Efron 1979), 95 %, seeded;
all models share the same resamples, so their differences are paired.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, diags

from tidemark.errors import NotEnoughDataError
from tidemark.models.pairs import Pairs
from tidemark.models.ranking import NONE

Array = np.ndarray[Any, Any]
Figure = dict[str, float]

LIST_LENGTH = 20
"""Recommendations ranked for each user: enough for recall@20."""

RESAMPLES = 1_000
COVERAGE_RESAMPLES = 100
DIVERSITY_USERS = 1_000
SEED = 42


def users_of_both(train: Pairs, held: Pairs) -> Array:
    """User numbers, ascending, that have pairs both in `train` and in `held`: those who can be measured, if any."""
    return np.flatnonzero((train.user_counts > 0) & (held.user_counts > 0))


def measurable_users(train: Pairs, held: Pairs) -> Array:
    """`users_of_both`, where there must be some.

    Raises:
        NotEnoughDataError: there is none, so nothing could be measured.
    """
    users = users_of_both(train, held)
    if not len(users):
        raise NotEnoughDataError(
            "no user has interactions both before and after the split, so no model can be measured: "
            "load more reviews, or of a longer time"
        )
    return users


def hits(lists: Array, user_nums: Array, truth: csr_matrix) -> Array:
    """Which of `lists` `(m, n)` (item numbers, best first) the users have in `truth`: boolean `(m, n)`."""
    n_items = truth.shape[1]
    rows = np.repeat(np.arange(truth.shape[0], dtype=np.int64), np.diff(truth.indptr))
    keys = rows * n_items + truth.indices  # ascending: rows are, and so are the items of a row of Pairs
    wanted = user_nums[:, np.newaxis].astype(np.int64) * n_items + lists
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return (keys[places] == wanted) & (lists != NONE)


def ndcg(hit: Array, n_true: Array, k: int) -> Array:
    """`sum(hit_i / log2(i + 1)) / sum(1 / log2(i + 1), i <= min(k, n_true))`, i from 1 (Jaervelin & Kekaelaeinen 2002)."""
    k = min(k, hit.shape[1])
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.minimum(n_true, k) - 1]
    return (hit[:, :k] @ discount) / ideal


def recall(hit: Array, n_true: Array, k: int) -> Array:
    """Hits among the first k over `n_true`."""
    return hit[:, :k].sum(axis=1) / n_true


def precision(hit: Array, k: int) -> Array:
    """Hits among the first k over k."""
    return hit[:, :k].sum(axis=1) / k


def average_precision(hit: Array, n_true: Array, k: int) -> Array:
    """`sum(precision@i * hit_i, i <= k) / min(k, n_true)`; its mean over users is MAP@k."""
    length = min(k, hit.shape[1])
    first = hit[:, :length]
    at = np.cumsum(first, axis=1) / np.arange(1, length + 1)
    return (at * first).sum(axis=1) / np.minimum(n_true, k)


def hit_rate(hit: Array, k: int) -> Array:
    """1 where any of the first k is a hit, else 0."""
    return hit[:, :k].any(axis=1).astype(float)


def novelty(lists: Array, item_counts: Array, n_users: int) -> Array:
    """Mean of `-log2((count + 1) / (n_users + 1))` over a user's list, bits (self-information, Zhou et al. 2010; the 1s
    keep an unseen item finite); `(m,)`, 0 for an empty list."""
    bits = -np.log2((item_counts + 1) / (n_users + 1))
    present = lists != NONE
    return np.where(present, bits[lists], 0).sum(axis=1) / np.maximum(present.sum(axis=1), 1)


def diversity(lists: Array, weights: csr_matrix) -> Array:
    """Intra-list diversity: 1 minus the mean cosine, over the pairs of a list, of the items' 0/1 columns of users
    (Ziegler et al. 2005 with co-occurrence as similarity); `(m,)`, NaN for a list of fewer than two."""
    items = np.unique(lists[lists != NONE])
    if not len(items):  # as of item-kNN where nobody has two items
        return np.full(len(lists), np.nan)
    binary = csr_matrix((np.ones(weights.nnz, np.float32), weights.indices, weights.indptr), weights.shape)[:, items]
    norms = np.sqrt(np.asarray(binary.sum(axis=0)).ravel())
    columns = binary @ diags(1 / np.maximum(norms, 1))
    similarity = (columns.T @ columns).tocsr()
    place = np.searchsorted(items, lists)
    one, other = np.triu_indices(lists.shape[1], 1)
    both = (lists[:, one] != NONE) & (lists[:, other] != NONE)
    inside = np.minimum(place, len(items) - 1)
    cosine = np.asarray(similarity[inside[:, one].ravel(), inside[:, other].ravel()]).reshape(both.shape)
    pairs = both.sum(axis=1)
    return np.where(pairs > 0, 1 - (cosine * both).sum(axis=1) / np.maximum(pairs, 1), np.nan)


def coverage(lists: Array, catalogue: int) -> float:
    """Share of the `catalogue` (items that training knows) that is in at least one list."""
    return len(np.unique(lists[lists != NONE])) / max(catalogue, 1)


def drawn(users: Array, most: int | None) -> Array:
    """`most` of `users`, ascending, drawn by `SEED`: the same every time; all of them where there are no more, or by None."""
    some: Array = np.sort(np.random.default_rng(SEED).permutation(users)[:most])
    return some


def resampled_means(values: Array, resamples: int = RESAMPLES, seed: int = SEED) -> Array:
    """Means of `resamples` bootstrap samples of the rows of `values` `(m, k)`: `(resamples, k)`; blocked for memory."""
    generator = np.random.default_rng(seed)
    m = len(values)
    out = np.empty((resamples, values.shape[1]))
    for start in range(0, resamples, 50):
        stop = min(start + 50, resamples)
        counts = np.stack([np.bincount(generator.integers(0, m, m), minlength=m) for _ in range(start, stop)])
        out[start:stop] = counts @ values / m
    return out


def figure(value: float, replicates: Array) -> Figure:
    """`{value, low, high}`: a 95 % percentile interval from bootstrap `replicates` `(r,)`; `low <= value <= high`.

    Where all replicates are equal, rounding would put an end on the wrong side of the value, which no chart can draw.
    """
    low, high = np.quantile(replicates, [0.025, 0.975])
    return {"value": float(value), "low": float(min(low, value)), "high": float(max(high, value))}


def _coverage_figure(lists: Array, catalogue: int) -> Figure:
    """A resample has fewer distinct users, so fewer items: its percentiles are moved to centre on the value."""
    generator = np.random.default_rng(SEED)
    value = coverage(lists, catalogue)
    replicates = np.empty(COVERAGE_RESAMPLES)
    for i in range(COVERAGE_RESAMPLES):
        drawn = np.unique(generator.integers(0, len(lists), len(lists)))
        seen = np.zeros(lists.max(initial=0) + 2, bool)
        seen[lists[drawn].ravel()] = True  # NONE is -1: the spare last place
        replicates[i] = seen[:-1].sum() / max(catalogue, 1)
    return figure(value, np.clip(replicates + (value - replicates.mean()), 0, 1))


@dataclass(frozen=True)
class Ranked:
    """Figures of several models over the same users.

    Args:
        metrics: of each model, of each metric: `{value, low, high}`.
        ndcg: of each model, float64 `(m,)`: NDCG@10 of each measured user, for paired comparison.
    """

    metrics: dict[str, dict[str, Figure]]
    ndcg: dict[str, Array]


def rank_metrics(lists: Mapping[str, Array], user_nums: Array, train: Pairs, held: Pairs) -> Ranked:
    """Every ranking metric of every model.

    Args:
        lists: of each model, item numbers int32 `(m, LIST_LENGTH)`, best first, for the same users.
        user_nums: `(m,)`, as `measurable_users` gives them.
        train, held: the two sides of the split; of a sample of the users, `diversity` is left out.
    """
    n_true = held.user_counts[user_nums]
    catalogue = int((train.item_counts > 0).sum())
    sample = np.random.default_rng(SEED).permutation(len(user_nums))[:DIVERSITY_USERS]
    columns: dict[tuple[str, str], Array] = {}
    out: dict[str, dict[str, Figure]] = {}
    for model, ranked in lists.items():
        hit, ten = hits(ranked, user_nums, held.weights), ranked[:, :10]
        columns |= {
            (model, "ndcg_at_10"): ndcg(hit, n_true, 10),
            (model, "recall_at_10"): recall(hit, n_true, 10),
            (model, "recall_at_20"): recall(hit, n_true, 20),
            (model, "precision_at_10"): precision(hit, 10),
            (model, "map_at_10"): average_precision(hit, n_true, 10),
            (model, "hit_rate_at_10"): hit_rate(hit, 10),
            (model, "novelty"): novelty(ten, train.item_counts, train.everybody),
        }
        out[model] = {"coverage": _coverage_figure(ten, catalogue)}
        if train.everybody > train.shape[0]:
            continue  # which items the same users took is not told by some of the users
        varied = diversity(ten[sample], train.weights)
        varied = varied[np.isfinite(varied)]
        if len(varied):
            out[model]["diversity"] = figure(varied.mean(), resampled_means(varied[:, np.newaxis])[:, 0])
    values = np.stack(list(columns.values()), axis=1)
    replicates = resampled_means(values)
    for i, (model, metric) in enumerate(columns):
        out[model][metric] = figure(values[:, i].mean(), replicates[:, i])
    return Ranked(out, {model: columns[model, "ndcg_at_10"] for model in lists})


def rating_metrics(truth: Array, predicted: Mapping[str, Array]) -> dict[str, dict[str, Figure]]:
    """RMSE and MAE, stars, of each model's `predicted` `(n,)` beside the `truth` `(n,)`, resampled over ratings."""
    columns = {
        (name, kind): (p - truth) ** 2 if kind == "rmse" else abs(p - truth)
        for name, p in predicted.items()
        for kind in ("rmse", "mae")
    }
    values = np.stack(list(columns.values()), axis=1)
    replicates = resampled_means(values)
    out: dict[str, dict[str, Figure]] = {name: {} for name in predicted}
    for i, (name, kind) in enumerate(columns):
        shape = np.sqrt if kind == "rmse" else np.asarray
        out[name][kind] = figure(float(shape(values[:, i].mean())), shape(replicates[:, i]))
    return out
