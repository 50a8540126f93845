"""Portfolio: the recommenders that may be part of a blend, each with its best settings, and the blend that is proven.

ALS comes with its settings (`search`); of the others, each kind's best by NDCG@10 on the same validation periods is a
member. The held-out data is never looked at. What it costs is bounded by counts: of pairs and users by the search's
`Budget`, of fits by the grids below.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tidemark.evaluation import evidence, ranking_metrics, splits
from tidemark.models.blend import Blend
from tidemark.models.decayed import Decayed
from tidemark.models.decayed_popularity import DecayedPopularity
from tidemark.models.decayed_popularity_spark import DecayedPopularitySpark
from tidemark.models.interface import Fitted, Learned, Recommender, recommend
from tidemark.models.item_knn import ItemKnn
from tidemark.models.item_knn_spark import ItemKnnSpark
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import Popularity
from tidemark.models.recipes import Recipe
from tidemark.models.transitions import Transitions
from tidemark.retraining import blend_weights, grids
from tidemark.retraining.blend_weights import Unions, Weighting
from tidemark.retraining.grids import Budget
from tidemark.retraining.search import MOST, Fit, sample_users

Array = np.ndarray[Any, Any]

log = logging.getLogger(__name__)

FEW_USERS = 1_000
"""Users measured on the newest tenth, below which two older tenths are validated on as well."""

PERIODS = 3

ALS_HALF_LIFE = 0.5


@dataclass(frozen=True)
class Kinds:
    """What is tried beside ALS, kind by kind.

    Args:
        neighbours: item-kNN with every history counted alike.
        decays: then the best of these with older history counting less.
        transitions, popularities: need times.
    """

    neighbours: tuple[ItemKnn, ...]
    decays: tuple[float, ...]
    transitions: tuple[Recommender, ...]
    popularities: tuple[Recommender, ...]


KINDS = {
    "implicit": Kinds(
        tuple(ItemKnn(b=b) for b in (0.3, 0.1, 0.8)),
        (0.5, 1.0),
        (Transitions(), Transitions(lags=3, damping=0.5, decay=1.0)),
        (Popularity(), *(DecayedPopularity(half_life) for half_life in (0.5, 0.2, 0.05, 0.02))),
    ),
    "spark": Kinds((ItemKnnSpark(),), (0.5,), (), (Popularity(), DecayedPopularitySpark(0.2))),
}
"""By the engine of ALS. A fit by Spark has seconds of its own, so there are few; what goes by order has none there yet."""


@dataclass(frozen=True)
class Period:
    """One validation period.

    Args:
        train, held: what is learned from, and what is held out.
        users: int64 `(u,)`, who is ranked.
    """

    train: Pairs
    held: Pairs
    users: Array

    def ndcg(self, fitted: Fitted) -> Array:
        """NDCG@10 of each user, float64 `(u,)`."""
        lists, _ = recommend(fitted, self.users, 10, self.train.weights, self.train.item_counts > 0)
        hit = ranking_metrics.hits(lists, self.users, self.held.weights)
        return ranking_metrics.ndcg(hit, self.held.user_counts[self.users], 10)


def periods(pairs: Pairs, most_users: int) -> list[Period]:
    """What is validated on: the newest tenth of `pairs`, and where it measures fewer than `FEW_USERS`, the two tenths before
    it too; where all three measure fewer than `splits.ENOUGH_USERS`, what `splits.hold_out` holds out, if that is more.

    Those without a user to measure are left out.

    Args:
        pairs: ten or more.
        most_users: who is ranked in each, at most: drawn by a seed.
    """
    out: list[Period] = []
    for train, held in _tenths(pairs):
        out += _period(train, held, most_users)
        if out and len(out[0].users) >= min(FEW_USERS, most_users):
            return out
    if sum(len(period.users) for period in out) >= splits.ENOUGH_USERS:
        return out
    grown = splits.hold_out(pairs)
    return max(out, _period(grown.train, grown.held, most_users), key=lambda some: sum(len(p.users) for p in some))


def _tenths(pairs: Pairs) -> Iterator[tuple[Pairs, Pairs]]:
    """The newest tenths of `pairs`, newest first: what is older than each, and itself."""
    order = splits.oldest_first(pairs)
    for tenth in range(PERIODS):
        # The first as `splits.hold_out` has it, so that what a search has fitted is of the same pairs.
        start, end = (len(pairs) - round(len(pairs) * ((tenth + n) / 10)) for n in (1, 0))
        learned, held = np.zeros(len(pairs), bool), np.zeros(len(pairs), bool)
        learned[order[:start]], held[order[start:end]] = True, True
        yield pairs.take(learned), pairs.take(held)


def _period(train: Pairs, held: Pairs, most_users: int) -> list[Period]:
    """The period of these two sides; none where nobody can be measured."""
    users = ranking_metrics.users_of_both(train, held)
    return [Period(train, held, ranking_metrics.drawn(users, most_users))] if len(users) else []


@dataclass(frozen=True)
class Tried:
    """A recommender, fitted for each period, and the NDCG@10 that it reached over all of them.

    Args:
        recommender: as it is to be fitted.
        tried: the same, perhaps with fewer iterations.
        fitted: what that learned in each period.
        ndcg_at_10: over all periods.
    """

    recommender: Recommender
    tried: Recommender
    fitted: tuple[Fitted, ...]
    ndcg_at_10: float


@dataclass(frozen=True)
class Portfolio:
    """What was tried and what is proven.

    Args:
        recommender: to be fitted: the blend of the members that carry something, or one of them where it carries all.
        members: each kind's best, ALS first, in the order of the weights.
        trials: NDCG@10 of every recommender that was tried, in order.
        weightings: every weighting that was tried, ALS alone first.
        chosen: the proven one.
        users: measured, over all periods.
        learned: what it learned, perhaps with fewer iterations, of the past of the newest period, where that is most of all.
    """

    recommender: Recommender
    members: tuple[Recommender, ...]
    trials: tuple[tuple[Recommender, float], ...]
    weightings: tuple[Weighting, ...]
    chosen: Weighting
    users: int
    learned: Learned | None = field(compare=False, repr=False, default=None)

    def document(self) -> dict[str, Any]:
        """As it is stored with the model."""
        return {
            "members": [Recipe.of(member).document() for member in self.members],
            "trials": [Recipe.of(tried).document() | {"ndcg_at_10": value} for tried, value in self.trials],
            "weightings": [
                {"weights": list(w.weights), "ndcg_at_10": w.ndcg_at_10, "lead": w.lead, "bound": w.bound}
                for w in self.weightings
            ],
            "weights": list(self.chosen.weights),
            "lead": self.chosen.lead,
            "bound": self.chosen.bound,
            "users": self.users,
        }


def search(
    pairs: Pairs,
    als: Recommender,
    budget: Budget,
    fit: Fit | None = None,
    engine: str = "implicit",
    kinds: Kinds | None = None,
) -> Portfolio:
    """The members with their best settings, and the weights that validation can prove.

    Args:
        pairs: what may be learned from; never held-out pairs.
        als: the first member, with the settings that are to be fitted: what the others must lead to carry anything.
        budget: bounds of pairs and of users ranked in each period.
        fit: what the search for `als` has learned of these settings, where it has.
        engine: of ALS, a key of `KINDS`.
        kinds: what is tried beside ALS; None: those of the engine.
    """
    found = periods(sample_users(pairs, budget.pairs), budget.users)
    users = sum(len(period.users) for period in found)
    if users < evidence.LEAST:
        log.info("blend: %s users to validate on, %s are needed: ALS alone", users, evidence.LEAST)
        alone = Weighting((1.0,), 0.0, 0.0, 0.0)
        return Portfolio(als, (als,), (), (alone,), alone, users)
    trials: list[tuple[Recommender, float]] = []
    members = list(_members(pairs, als, budget, found, trials, fit, kinds or KINDS[engine]))
    blend = Blend(tuple(m.recommender for m in members), (1.0,) * len(members))
    stored = [_unions(blend, members, n, period) for n, period in enumerate(found)]
    weightings = blend_weights.weigh(stored, len(members))
    chosen = blend_weights.proven(weightings)
    log.info("blend: %s: NDCG@10 %.4f, lead over ALS %+.4f (from %+.4f), %s users",
             dict(zip((m.recommender.name for m in members), chosen.weights, strict=True)),
             chosen.ndcg_at_10, chosen.lead, chosen.bound, f"{users:,}")  # fmt: skip
    made = of_weights(blend.members, chosen.weights)
    learned = None
    if len(found[0].train) >= MOST * len(pairs):
        as_tried = of_weights([member.tried for member in members], chosen.weights)
        fitted = [member.fitted[0] for member, weight in zip(members, chosen.weights, strict=True) if weight > 0]
        whole = as_tried.fitted(tuple(fitted)) if isinstance(as_tried, Blend) else fitted[0]
        learned = Learned(as_tried, whole)
    return Portfolio(made, blend.members, tuple(trials), tuple(weightings), chosen, users, learned)


def of_weights(members: Sequence[Recommender], weights: Sequence[float]) -> Recommender:
    """The blend of those members that carry something; a member itself where it carries all."""
    carrying = [(member, weight) for member, weight in zip(members, weights, strict=True) if weight > 0]
    return carrying[0][0] if len(carrying) == 1 else Blend(*zip(*carrying, strict=True))


def _members(
    pairs: Pairs,
    als: Recommender,
    budget: Budget,
    found: Sequence[Period],
    trials: list[tuple[Recommender, float]],
    fit: Fit | None,
    kinds: Kinds,
) -> Iterator[Tried]:
    """Each kind's best, ALS first; what is tried is added to `trials`. ALS is tried with the iterations that can be afforded."""

    short = fit.recommender if fit else grids.tried(als, len(pairs), budget)

    def best(*recommenders: Recommender) -> Tried:
        able = [r for r in recommenders if pairs.has_times or not r.needs_times]
        tried = [_try(recommender, found, fit) for recommender in able]
        trials.extend((one.recommender, one.ndcg_at_10) for one in tried)
        return max(tried, key=lambda one: one.ndcg_at_10)

    yield replace(best(short), recommender=als)
    if pairs.has_times:
        yield replace(best(Decayed(short, ALS_HALF_LIFE)), recommender=Decayed(als, ALS_HALF_LIFE))
    if kinds.neighbours:
        knn = best(*kinds.neighbours)
        if (
            pairs.has_times
        ):  # how old a history counts and how long it is hardly depend on each other: one after the other
            newer = best(*(replace(knn.recommender, decay=decay) for decay in kinds.decays))  # type: ignore[type-var]
            knn = max(knn, newer, key=lambda one: one.ndcg_at_10)
        yield knn
    if pairs.has_times:
        if kinds.transitions:
            yield best(*kinds.transitions)
        yield best(*kinds.popularities)


def _try(recommender: Recommender, found: Sequence[Period], fit: Fit | None) -> Tried:
    fitted = tuple(
        fit.fitted if fit and fit.is_of(recommender, period.train) else recommender.fit(period.train)
        for period in found
    )
    ndcg = np.concatenate([period.ndcg(model) for model, period in zip(fitted, found, strict=True)])
    log.info("portfolio: %s: NDCG@10 %.4f", Recipe.of(recommender).text(), ndcg.mean())
    return Tried(recommender, recommender, fitted, float(ndcg.mean()))


def _unions(blend: Blend, members: Sequence[Tried], n: int, period: Period) -> Unions:
    """The unions of the members as they were fitted for period `n`."""
    fitted = blend.fitted(tuple(member.fitted[n] for member in members))
    return blend_weights.unions(fitted, period.users, period.train, period.held)
