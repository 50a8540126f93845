"""Disparity: for whom a model is good, and how evenly it spreads its recommendations: what a single mean hides."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tidemark.models.ranking import NONE

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

ACTIVITY = (1, 3, 6, 11, 21, 51, 101)
"""Least items of a user's history in each group: 1-2, 3-5, 6-10, 11-20, 21-50, 51-100, 101 and more."""

GROUP_USERS = 20
"""Users of each group, at least: neighbouring groups of `ACTIVITY` are joined until they have as many."""

SHARES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Where the curve of popularity is read: shares of the catalogue, most popular first."""


def by_activity(ndcg: Mapping[str, Array], history: Array) -> list[Document]:
    """Mean NDCG@10 of users with short and long histories.

    Groups of `ACTIVITY` are joined with the next ones until they have `GROUP_USERS` users; what is left over at the end
    joins the last group. Where there are fewer users than that in all, they are one group.

    Args:
        ndcg: of each model, float64 `(m,)`, of the same users.
        history: int `(m,)`, items that each of them had in training.

    Returns:
        of each group: `least`, `most` (None: no bound), `users`, and of each model in `ndcg` `{value, low, high}`: mean
        -+ 1.96 standard errors. No group where there are no users.
    """
    part = np.searchsorted(ACTIVITY, history, side="right") - 1
    rows = []
    for parts in _joined(np.bincount(part, minlength=len(ACTIVITY))):
        chosen = (part >= parts[0]) & (part <= parts[-1])
        n = int(chosen.sum())
        figures = {}
        for model, values in ndcg.items():
            mean, error = float(values[chosen].mean()), float(values[chosen].std() / np.sqrt(n))
            figures[model] = {"value": mean, "low": max(mean - 1.96 * error, 0.0), "high": mean + 1.96 * error}
        most = ACTIVITY[parts[-1] + 1] - 1 if parts[-1] + 1 < len(ACTIVITY) else None
        rows.append({"least": ACTIVITY[parts[0]], "most": most, "users": n, "ndcg_at_10": figures})
    return rows


def _joined(users: Array) -> list[list[int]]:
    """Places of `ACTIVITY` that have users, in groups of `GROUP_USERS` users or more; `users` has each place's."""
    groups: list[list[int]] = []
    open_group: list[int] = []
    for place in np.flatnonzero(users).tolist():
        open_group.append(place)
        if users[open_group].sum() >= GROUP_USERS:
            groups.append(open_group)
            open_group = []
    if groups:
        groups[-1] += open_group
    elif open_group:
        groups.append(open_group)
    return groups


def gini(counts: Array) -> float:
    """0 where all have the same, near 1 where one has all: `2 sum(i x_i) / (n sum(x)) - (n + 1) / n`, x ascending.

    NaN where there is nothing to share.
    """
    x, n = np.sort(counts.astype(np.float64)), len(counts)
    if not n or not x.sum():
        return float("nan")
    return float(2 * (np.arange(1, n + 1) @ x) / (n * x.sum()) - (n + 1) / n)


def popularity_curve(counts: Array, popularity: Array) -> list[float]:
    """The share of `counts` that the most popular items have, at each of `SHARES` of the items: from 0 to 1.

    A straight line favours nobody; the higher above it, the more goes to what is popular already.

    Args:
        counts: `(n_items,)`, how often each item was recommended (or taken).
        popularity: `(n_items,)`, users of each item in training; ties in the order of the items.
    """
    order = np.argsort(-popularity, kind="stable")
    shares = np.concatenate([[0.0], np.cumsum(counts[order]) / max(counts.sum(), 1)])
    return [float(v) for v in np.interp(SHARES, np.linspace(0, 1, len(counts) + 1), shares)]


def spread(lists: Mapping[str, Array], popularity: Array, taken: Array) -> Document:
    """How evenly recommendations are spread over the catalogue: the items that training knows.

    Args:
        lists: of each model, item numbers `(m, n)`, `NONE` where there is none.
        popularity: `(n_items,)`, users of each item in training.
        taken: `(n_items,)`, how often users took each afterwards: what is measured against.

    Returns:
        `shares` (see `SHARES`), `items` of the catalogue, and of each model, and of `taken`: `gini` (None where nothing
        was given) and `curve`.
    """
    known = popularity > 0
    given = {name: np.bincount(items[items != NONE], minlength=len(known)) for name, items in lists.items()}
    out = {}
    for name, counts in (given | {"taken": taken}).items():
        inequality = gini(counts[known])
        out[name] = {
            "gini": inequality if np.isfinite(inequality) else None,
            "curve": popularity_curve(counts[known], popularity[known]),
        }
    return {"shares": list(SHARES), "items": int(known.sum()), "models": out}
