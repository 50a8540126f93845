"""Search: which settings of an engine rank best, on a validation slice inside what may be learned from.

The held-out data is never looked at. What the search costs is bounded beforehand, by counts and not by a clock, so
that the same data always searches the same settings: users are sampled until their pairs fit, then the grid is walked
in order until the budget of multiply-adds is spent, with fewer iterations where all of them would be too many.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tidemark.errors import NotEnoughDataError
from tidemark.evaluation import evidence, ranking_metrics, splits
from tidemark.evaluation.evidence import Evidence
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.interface import Recommender, recommend
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import Popularity
from tidemark.models.recipes import Recipe
from tidemark.retraining.search_memory import Remembered

if TYPE_CHECKING:
    from tidemark.models.als_spark import AlsSpark

    Als = AlsImplicit | AlsSpark

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


def grid(engine: str, feedback: str) -> "list[Als]":
    """The recommenders that a search of this engine walks through, in order; see `recipes.choose_engine`."""
    if engine == "implicit":
        return [AlsImplicit(f, float(r), float(a)) for f, r, a in _IMPLICIT]
    from tidemark.models.als_spark import AlsSpark

    explicit = feedback == "explicit"
    settings = _EXPLICIT if explicit else _SPARK
    return [AlsSpark(f, float(r), float(a), explicit=explicit) for f, r, a in settings]


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
class Search:
    """What a search did.

    Args:
        best: the trial with the greatest NDCG@10.
        trials: every one, in order.
        popularity: NDCG@10 of popularity on the same slice.
        pairs, users: what the trials learned from, and who was ranked.
    """

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
            "trials": [trial.document() for trial in self.trials],
            "pairs": self.pairs,
            "users": self.users,
        }


def plan(recommenders: "Sequence[Als]", n_all: int, n_trial: int, budget: Budget) -> "list[tuple[Als, Als]]":
    """What is tried: each recommender, and the same with the iterations of a trial; always at least one.

    Args:
        recommenders: in the order in which they are worth a try.
        n_all: pairs that the chosen one will be fitted on, with all its iterations.
        n_trial: pairs of a trial.
        budget: what may be spent.
    """
    affordable = [r for r in recommenders if n_all * r.factors * r.iterations <= budget.fit]
    affordable = affordable or [min(recommenders, key=lambda r: r.factors)]
    if sum(n_trial * r.factors * r.iterations for r in affordable) <= budget.work:
        return [(r, r) for r in affordable]
    chosen: list[tuple[Als, Als]] = []
    left = budget.work
    for recommender in affordable:
        short = replace(recommender, iterations=min(budget.short, recommender.iterations))
        left -= n_trial * short.factors * short.iterations
        if left < 0 and chosen:
            break
        chosen.append((recommender, short))
    return chosen


def sample_users(pairs: Pairs, most: int) -> Pairs:
    """`pairs` of so many users that at most `most` remain (of one user at least), chosen by hash: the same every time."""
    if len(pairs) <= most:
        return pairs
    order = np.argsort(splits.tie_break(pairs)[np.unique(pairs.user_num, return_index=True)[1]], kind="stable")
    users = np.unique(pairs.user_num)[order]
    last = max(1, int(np.searchsorted(np.cumsum(pairs.user_counts[users]), most, side="right")))
    return pairs.take(np.isin(pairs.user_num, users[:last]))


def search(pairs: Pairs, recommenders: "Sequence[Als]", budget: Budget) -> Search:
    """The best of `recommenders` by NDCG@10 on what is held out of `pairs` (`splits.hold_out`); where two are equally
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
    users = ranking_metrics.measurable_users(train, validation)
    users = np.sort(np.random.default_rng(ranking_metrics.SEED).permutation(users)[: budget.users])

    def score(recommender: Recommender) -> float:
        lists, _ = recommend(recommender.fit(train), users, 10, train.weights, train.item_counts > 0)
        hit = ranking_metrics.hits(lists, users, validation.weights)
        return float(ranking_metrics.ndcg(hit, validation.user_counts[users], 10).mean())

    trials = []
    for recommender, tried in plan(recommenders, len(pairs), len(train), budget):
        trials.append(Trial(recommender, score(tried)))
        log.info("search: %s: NDCG@10 %.4f", Recipe.of(tried).text(), trials[-1].ndcg_at_10)
    best = max(trials, key=lambda trial: trial.ndcg_at_10)
    return Search(best, trials, score(Popularity()), len(train), len(users))


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
    """

    recommender: Recommender
    settings_from: str
    why: str
    search: Search | None = None
    search_of: str | None = None
    portfolio: dict[str, Any] | None = None


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
    default, *others = dict.fromkeys(recommender.with_given(asked) for recommender in grid(engine, feedback))
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
        done = search(pairs, [default, *others], BUDGETS[engine])
    except NotEnoughDataError as error:
        log.info("no search: %s", error)
        return Choice(default, "defaults", "the first settings of the grid: too few users to validate on")
    return Choice(done.best.recommender, "searched", f"best of {len(done.trials)} on the validation slice", done)
