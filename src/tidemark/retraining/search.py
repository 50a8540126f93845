"""Search: which settings of an engine rank best, on a validation slice inside what may be learned from.

The held-out data is never looked at. What the search costs is bounded beforehand, by counts and not by a clock, so
that the same data always searches the same settings: users are sampled until their pairs fit, then the grid is walked
in order until the budget of multiply-adds is spent, with fewer iterations where all of them would be too many.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tidemark.errors import NotEnoughDataError
from tidemark.evaluation import ranking_metrics, splits
from tidemark.models.interface import Recommender, recommend
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import Popularity
from tidemark.models.recipes import Recipe

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Budget:
    """Bounds of one search.

    Args:
        pairs: beyond this, users are sampled.
        work: sum over trials of pairs x factors x iterations.
        fit: the same for one fit with all its iterations; dearer settings are for a person to ask for.
        short: iterations of a trial where all of them would exceed `work`.
        users: validation users who are ranked.
    """

    pairs: int
    work: float
    fit: float
    short: int
    users: int = 5_000


# `implicit` does about 2e8 a second on two cores; MLlib a twentieth of that, on more machines.
BUDGETS = {"implicit": Budget(750_000, 2.5e9, 1.6e9, 6), "spark": Budget(200_000, 1.5e8, 1.6e10, 5)}

# Small data wants few factors and heavy regularisation, large data the reverse: both ends come early.
_IMPLICIT = [
    (64, 10, 60),
    (16, 100, 20),
    (128, 10, 60),
    (32, 200, 60),
    (32, 50, 20),
    (16, 50, 20),
    (64, 100, 60),
    (128, 1, 100),
    (8, 100, 20),
    (64, 200, 60),
]
# MLlib multiplies regularisation by the number of events of a user or item.
_SPARK = [(16, 5, 10), (32, 0.1, 40), (16, 10, 20), (64, 0.05, 40), (16, 20, 60)]
_EXPLICIT = [(16, 0.1, 1), (16, 0.3, 1), (8, 0.05, 1), (32, 0.1, 1)]


def grid(engine: str, feedback: str) -> list[Recipe]:
    """The recipes that a search of this engine walks through, in order."""
    settings = _IMPLICIT if engine == "implicit" else _EXPLICIT if feedback == "explicit" else _SPARK
    iterations = 15 if engine == "implicit" else 10
    return [Recipe(engine, feedback, f, float(r), float(a), iterations) for f, r, a in settings]


@dataclass(frozen=True)
class Trial:
    """One recipe and the NDCG@10 it reached on the validation slice."""

    recipe: Recipe
    ndcg_at_10: float


@dataclass(frozen=True)
class Found:
    """What a search found: the best trial, every trial, popularity on the same slice, and on how much it was tried."""

    best: Trial
    trials: Sequence[Trial]
    popularity: float
    pairs: int
    users: int

    def document(self) -> dict[str, Any]:
        """As it is stored with the model."""
        return {
            "validation_ndcg_at_10": self.best.ndcg_at_10,
            "popularity_ndcg_at_10": self.popularity,
            "trials": [{**t.recipe.document(), "ndcg_at_10": t.ndcg_at_10} for t in self.trials],
            "pairs": self.pairs,
            "users": self.users,
        }


def plan(recipes: Sequence[Recipe], n_all: int, n_trial: int, budget: Budget) -> list[Recipe]:
    """The recipes that are tried, with the iterations of a trial; always at least one.

    Args:
        recipes: in the order in which they are worth a try.
        n_all: pairs that the chosen recipe will be fitted on, with all its iterations.
        n_trial: pairs of a trial.
        budget: what may be spent.
    """
    affordable = [r for r in recipes if n_all * r.factors * r.iterations <= budget.fit]
    affordable = affordable or [min(recipes, key=lambda r: r.factors)]
    if sum(n_trial * r.factors * r.iterations for r in affordable) <= budget.work:
        return affordable
    chosen: list[Recipe] = []
    left = budget.work
    for recipe in affordable:
        short = replace(recipe, iterations=min(budget.short, recipe.iterations))
        left -= n_trial * short.factors * short.iterations
        if left < 0 and chosen:
            break
        chosen.append(short)
    return chosen


def sample_users(pairs: Pairs, most: int) -> Pairs:
    """`pairs` of so many users that at most `most` remain (of one user at least), chosen by hash: the same every time."""
    if len(pairs) <= most:
        return pairs
    order = np.argsort(splits.tie_break(pairs)[np.unique(pairs.user_num, return_index=True)[1]], kind="stable")
    users = np.unique(pairs.user_num)[order]
    last = max(1, int(np.searchsorted(np.cumsum(pairs.user_counts[users]), most, side="right")))
    return pairs.take(np.isin(pairs.user_num, users[:last]))


def search(pairs: Pairs, recipes: Sequence[Recipe], budget: Budget) -> Found:
    """The best of `recipes` by NDCG@10 on the newest tenth of `pairs`; of equals the first.

    Raises:
        NotEnoughDataError: no user has pairs on both sides of the validation split.
    """
    part = sample_users(pairs, budget.pairs)
    held = splits.newest(part)
    train, validation = part.take(~held), part.take(held)
    users = ranking_metrics.measurable_users(train, validation)
    users = np.sort(np.random.default_rng(ranking_metrics.SEED).permutation(users)[: budget.users])

    def score(recommender: Recommender) -> float:
        lists, _ = recommend(recommender.fit(train), users, 10, train.weights, train.item_counts > 0)
        hit = ranking_metrics.hits(lists, users, validation.weights)
        return float(ranking_metrics.ndcg(hit, validation.user_counts[users], 10).mean())

    full = {(r.factors, r.regularization, r.alpha): r for r in recipes}
    trials = []
    for recipe in plan(recipes, len(pairs), len(train), budget):
        trial = Trial(full[recipe.factors, recipe.regularization, recipe.alpha], score(recipe.recommender()))
        trials.append(trial)
        log.info(
            "search: %d factors, regularization %g, alpha %g, %d iterations: NDCG@10 %.4f",
            recipe.factors, recipe.regularization, recipe.alpha, recipe.iterations, trial.ndcg_at_10,
        )  # fmt: skip
    best = max(trials, key=lambda t: t.ndcg_at_10)
    return Found(best, trials, score(Popularity()), len(train), len(users))


def choose(
    pairs: Pairs, engine: str, feedback: str, given: dict[str, Any], remembered: Recipe | None
) -> tuple[Recipe, Found | None, str]:
    """The recipe to fit, the search that found it (if one ran), and how it was chosen, in words.

    Args:
        pairs: what may be learned from; never held-out pairs.
        engine, feedback: see `recipes.choose_engine`.
        given: `factors, regularization, alpha, iterations`; None where a person left it open.
        remembered: settings of an earlier search that still hold; None: search.
    """
    kinds = {"factors": int, "regularization": float, "alpha": float, "iterations": int}
    asked = {key: kind(given[key]) for key, kind in kinds.items() if given.get(key) is not None}
    if asked.keys() >= {"factors", "regularization", "alpha"}:
        return grid(engine, feedback)[0].with_given(asked), None, "all settings were given"
    if remembered:
        return remembered.with_given(asked), None, "settings remembered from an earlier search"
    recipes = list(dict.fromkeys(r.with_given(asked) for r in grid(engine, feedback)))
    try:
        found = search(pairs, recipes, BUDGETS[engine])
    except NotEnoughDataError:
        return recipes[0], None, "too few interactions to search on: the first settings of the grid"
    return found.best.recipe, found, f"best of {len(found.trials)} on the validation slice"
