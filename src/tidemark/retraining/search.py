"""Search: which settings of an engine rank best, on a validation slice inside what may be learned from.

The held-out data is never looked at. What the search costs is bounded beforehand, by counts and not by a clock, so
that the same data always searches the same settings: users are sampled until their pairs fit, then the grid is walked
(`grids`) until the budget of multiply-adds is spent, with fewer iterations where all of them would be too many.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tidemark.errors import NotEnoughDataError
from tidemark.evaluation import evidence, ranking_metrics, splits
from tidemark.evaluation.evidence import Evidence
from tidemark.models.interface import Fitted, Learned, Recommender, recommend
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import Popularity
from tidemark.models.recipes import Recipe
from tidemark.retraining import grids
from tidemark.retraining.grids import BUDGETS, Budget, Grid
from tidemark.retraining.search_memory import Remembered

if TYPE_CHECKING:
    from tidemark.retraining.grids import Als

log = logging.getLogger(__name__)

MOST = 0.7
"""Share of the pairs from which on it is worth to go on from what was learned of them."""


@dataclass(frozen=True)
class Trial:
    """One recommender and the NDCG@10 it reached on the validation slice.

    Args:
        recommender: as it would be fitted; a trial may have had fewer iterations.
        ndcg_at_10: mean over the validation users.
    """

    recommender: "Als"
    ndcg_at_10: float

    def document(self) -> dict[str, Any]:
        """One flat row, as the table and the chart of the search show it."""
        recipe = Recipe.of(self.recommender)
        return {"name": recipe.name, **recipe.settings, "ndcg_at_10": self.ndcg_at_10}


@dataclass(frozen=True)
class Fit(Learned):
    """What a trial learned, kept so that it need not be learned again.

    Args:
        train: what it learned from.
    """

    train: Pairs

    def is_of(self, recommender: Recommender, train: Pairs) -> bool:
        """Whether `recommender` would learn the same from `train`."""
        return self.recommender == recommender and all(
            np.array_equal(getattr(self.train, name), getattr(train, name))
            for name in ("user_num", "item_num", "weight", "timestamp")
        )


@dataclass(frozen=True)
class Search:
    """What a search did.

    Args:
        best: the trial with the greatest NDCG@10.
        trials: every one, in order.
        popularity: NDCG@10 of popularity on the same slice.
        pairs, users: what the trials learned from, and who was ranked.
        fit: what the best of them learned.
    """

    best: Trial
    trials: Sequence[Trial]
    popularity: float
    pairs: int
    users: int
    fit: Fit = field(compare=False, repr=False)

    def document(self) -> dict[str, Any]:
        """As it is stored with the model."""
        return {
            "validation_ndcg_at_10": self.best.ndcg_at_10,
            "popularity_ndcg_at_10": self.popularity,
            "trials": [trial.document() for trial in self.trials],
            "pairs": self.pairs,
            "users": self.users,
        }


def sample_users(pairs: Pairs, most: int) -> Pairs:
    """`pairs` of so many users that at most `most` remain (of one user at least), chosen by hash: the same every time."""
    if len(pairs) <= most:
        return pairs
    order = np.argsort(splits.tie_break(pairs)[np.unique(pairs.user_num, return_index=True)[1]], kind="stable")
    users = np.unique(pairs.user_num)[order]
    last = max(1, int(np.searchsorted(np.cumsum(pairs.user_counts[users]), most, side="right")))
    return pairs.take(np.isin(pairs.user_num, users[:last]))


def search(pairs: Pairs, grid: Grid, budget: Budget) -> Search:
    """The best of `grid` by NDCG@10 on what is held out of `pairs` (`splits.hold_out`); where two are equally
    good, the first.

    Raises:
        NotEnoughDataError: too few users have pairs on both sides of the validation split to conclude anything, or a trial
            cannot learn from them.
    """
    validation_split = splits.hold_out(sample_users(pairs, budget.pairs))
    train, validation = validation_split.train, validation_split.held
    if not Evidence(validation_split.measured_users).conclusive:
        raise NotEnoughDataError(
            f"{validation_split.measured_users} users to validate on, {evidence.LEAST} are needed: load more reviews"
        )
    users = ranking_metrics.drawn(ranking_metrics.measurable_users(train, validation), budget.users)

    def score(fitted: Fitted) -> float:
        lists, _ = recommend(fitted, users, 10, train.weights, train.item_counts > 0)
        hit = ranking_metrics.hits(lists, users, validation.weights)
        return float(ranking_metrics.ndcg(hit, validation.user_counts[users], 10).mean())

    found: dict[Als, float] = {}
    fit: Fit | None = None
    for recommender, tried in grids.trials(grid, len(pairs), len(train), budget, found):
        learned = Fit(tried, tried.fit(train), train)
        reached = score(learned.fitted)
        if fit is None or reached > max(found.values()):
            fit = learned
        found[recommender] = reached
        log.info("search: %s: NDCG@10 %.4f", Recipe.of(tried).text(), found[recommender])
    trials = [Trial(recommender, ndcg) for recommender, ndcg in found.items()]
    best = max(trials, key=lambda trial: trial.ndcg_at_10)
    assert fit is not None  # noqa: S101 -- a grid is tried once at least
    return Search(best, trials, score(Popularity().fit(train)), len(train), len(users), fit)


@dataclass(frozen=True)
class Choice:
    """The recommender to fit, and where its settings come from.

    Args:
        recommender: with every setting.
        settings_from: `searched` (now), `remembered` (from the search of an earlier model), `given` (by a person) or
            `defaults` (the first of the grid: nothing was remembered and nothing could, or should, be searched). Single
            settings that a person gave take the place of searched, remembered and default ones alike.
        why: the same in words.
        search: the search that ran; None where none did.
        search_of: the earlier model whose search is remembered.
        portfolio: what the other recommenders add, as it is stored (`portfolio.Portfolio.document`), where that was searched
            too.
        learned: what it learned of most of the pairs while it was searched for; None where it did not.
    """

    recommender: Recommender
    settings_from: str
    why: str
    search: Search | None = None
    search_of: str | None = None
    portfolio: dict[str, Any] | None = None
    learned: Learned | None = field(compare=False, repr=False, default=None)


_GIVEN = {"factors": int, "regularization": float, "alpha": float, "iterations": int}
"""Settings that a person can ask for, by the names of the DAG's params and of the settings of ALS."""


def choose(
    pairs: Pairs,
    engine: str,
    feedback: str,
    given: dict[str, Any],
    remembered: Remembered | None,
    *,
    may_search: bool = True,
) -> Choice:
    """The recommender to fit on `pairs`.

    Args:
        pairs: what may be learned from; never held-out pairs.
        engine, feedback: see `recipes.choose_engine`.
        given: `factors, regularization, alpha, iterations`; None where a person left it open. They are settings of ALS
            and mean nothing to a recommender that does not have them (popularity).
        remembered: what an earlier search found, if it still holds.
        may_search: whether to search where nothing is remembered.
    """
    asked = {name: kind(given[name]) for name, kind in _GIVEN.items() if given.get(name) is not None}
    grid = grids.grid(engine, feedback).with_given(asked)
    default = grid.first[0]
    if asked.keys() >= {"factors", "regularization", "alpha"}:
        return Choice(default, "given", "all settings were given")
    if remembered:
        recommender = remembered.recommender.with_given(asked)
        return Choice(
            recommender, "remembered", "settings remembered from an earlier search", search_of=remembered.model_id
        )
    if not may_search:
        return Choice(
            default, "defaults", "the first settings of the grid: nothing is remembered and no search was wanted"
        )
    try:
        done = search(pairs, grid, BUDGETS[engine])
    except NotEnoughDataError as error:
        log.info("no search: %s", error)
        return Choice(default, "defaults", "the first settings of the grid: too few users to validate on")
    why = f"best of {len(done.trials)} on the validation slice"
    learned = done.fit if len(done.fit.train) >= MOST * len(pairs) else None
    return Choice(done.best.recommender, "searched", why, done, learned=learned)
