"""Grids: which settings of ALS a search tries, in which order.

What comes next depends on what was best so far: small data wants few factors and heavy regularisation, large data many
factors and little of it, and to try each on the other is work for nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.interface import Recommender

if TYPE_CHECKING:
    from tidemark.models.als_spark import AlsSpark

    Als = AlsImplicit | AlsSpark


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
BUDGETS = {"implicit": Budget(750_000, 2.5e9, 2.6e9, 6), "spark": Budget(200_000, 1.5e8, 1.6e10, 5)}


@dataclass(frozen=True)
class Grid:
    """Recommenders in the order in which they are worth a try.

    Args:
        first: are tried whatever comes.
        after: are tried after them: those that stand at the best of `first`.
    """

    first: "tuple[Als, ...]"
    after: "Mapping[Als, tuple[Als, ...]]" = field(default_factory=dict)

    def with_given(self, given: Mapping[str, Any]) -> "Grid":
        """The same with settings that a person asked for, in every recommender."""
        after = {at.with_given(given): tuple(r.with_given(given) for r in later) for at, later in self.after.items()}
        return Grid(tuple(recommender.with_given(given) for recommender in self.first), after)

    def affordable(self, pairs: int, budget: Budget) -> "Grid":
        """Those whose fit on so many pairs, with all iterations, is within `budget.fit`; the cheapest where none is."""

        def able(recommenders: "Sequence[Als]") -> "tuple[Als, ...]":
            return tuple(r for r in recommenders if _work(r, pairs) <= budget.fit)

        first = able(self.first) or (min(self.first, key=lambda recommender: recommender.factors),)
        return Grid(first, {at: able(later) for at, later in self.after.items() if at in first})

    def walk(self, ndcg_at_10: "Mapping[Als, float]") -> "Iterator[Als]":
        """All that are to be tried, each once; `ndcg_at_10` is to hold what those before it have reached."""
        yield from dict.fromkeys(self.first)
        best = max(self.first, key=lambda recommender: ndcg_at_10.get(recommender, 0))
        yield from (r for r in dict.fromkeys(self.after.get(best, ())) if r not in ndcg_at_10)

    def most_work(self, pairs: int) -> float:
        """What the dearest walk takes, with all iterations."""
        later = (sum(_work(r, pairs) for r in self.after.get(at, ())) for at in self.first)
        return sum(_work(r, pairs) for r in self.first) + max(later)


def _work(recommender: "Als", pairs: int) -> float:
    return float(pairs) * recommender.factors * recommender.iterations


def trials(
    grid: Grid, n_all: int, n_trial: int, budget: Budget, ndcg_at_10: "Mapping[Als, float]"
) -> "Iterator[tuple[Als, Als]]":
    """What is tried within `budget`: each recommender, and the same with the iterations of a trial; always at least one.

    Args:
        grid: in the order in which they are worth a try.
        n_all: pairs that the chosen one will be fitted on, with all its iterations.
        n_trial: pairs of a trial.
        budget: what may be spent.
        ndcg_at_10: is to hold what those given before have reached when the next one is asked for.
    """
    able = grid.affordable(n_all, budget)
    most = None if able.most_work(n_trial) <= budget.work else budget.short
    left = budget.work
    for recommender in able.walk(ndcg_at_10):
        tried = recommender if most is None else replace(recommender, iterations=min(most, recommender.iterations))
        left -= _work(tried, n_trial)
        if left < 0 and ndcg_at_10:
            return
        yield recommender, tried


def tried(recommender: Recommender, n_pairs: int, budget: Budget) -> Recommender:
    """`recommender` with the iterations that weighing it beside others may take: `budget.short` where all of them would be more
    than a third of what the search before it may."""
    if not isinstance(recommender, AlsImplicit) or _work(recommender, n_pairs) <= budget.work / 3:
        return recommender
    return replace(recommender, iterations=min(budget.short, recommender.iterations))


def _implicit(*settings: tuple[int, float, float]) -> tuple[AlsImplicit, ...]:
    return tuple(
        AlsImplicit(factors, float(regularization), float(alpha)) for factors, regularization, alpha in settings
    )


_SMALL, _LARGE = _implicit((16, 100, 20), (128, 10, 60))
_IMPLICIT = Grid(
    (_SMALL, _LARGE),
    {
        _SMALL: _implicit((64, 200, 60), (64, 100, 60), (32, 50, 20), (16, 30, 3), (64, 10, 60)),
        _LARGE: _implicit((256, 10, 60), (64, 10, 60)),
    },
)
# MLlib multiplies regularisation by the number of events of a user or item.
_SPARK = [(16, 5, 10), (32, 0.1, 40), (16, 10, 20), (64, 0.05, 40), (16, 20, 60)]
_EXPLICIT = [(16, 0.1, 1), (16, 0.3, 1), (8, 0.05, 1), (32, 0.1, 1)]


def grid(engine: str, feedback: str) -> Grid:
    """What a search of this engine walks through; see `recipes.choose_engine`."""
    if engine == "implicit":
        return _IMPLICIT
    from tidemark.models.als_spark import AlsSpark

    explicit = feedback == "explicit"
    settings = _EXPLICIT if explicit else _SPARK
    return Grid(tuple(AlsSpark(f, float(r), float(a), explicit=explicit) for f, r, a in settings))
