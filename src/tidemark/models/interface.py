"""The one interface of every recommender: settings that fit pairs, and what is then learned, which scores items for users.

A new recommender is one file with these two classes and one line in `models.recipes.RECOMMENDERS`; searches, jobs, the
registry and the DAG know neither. What is stored of it: its `name` and settings (a recipe), and its `arrays`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from tidemark.errors import SettingError

if TYPE_CHECKING:  # so that recipes are read, by pages too, without SciPy
    from scipy.sparse import csr_matrix

    from tidemark.models.alignment import Places
    from tidemark.models.pair_rows import PairRows
    from tidemark.models.pairs import Pairs
    from tidemark.models.user_history import History

Array = np.ndarray[Any, Any]

NEIGHBOURS, FACTORS = "neighbours", "factors"


class Fitted(ABC):
    """A recommender that has learned, over the users and items of the pairs that it learned from, or was aligned to."""

    @abstractmethod
    def scores(self, user_nums: Array) -> Array:
        """A new float32 array `(len(user_nums), n_items)`, never NaN; greater is better, comparable within a row only.

        -inf: not to be recommended to that user.
        """

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """What it has learned, by name, without Python objects: all that `Recommender.load` needs, beside the settings."""

    @abstractmethod
    def aligned(self, users: "Places", items: "Places") -> "Fitted":
        """The same model over another numbering of users and items; those that it does not know score as if they had
        been there and had taken part in nothing."""

    def of_users(self, pairs: "Pairs") -> "Fitted":
        """The same model, that knows the users of `pairs`, and them alone, by what they had: as its fit would have known them.

        Args:
            pairs: over the items that it learned from, numbered as there; their ids do not matter.

        Raises:
            SettingError: it does not know a user by what they had.
        """
        raise SettingError(f"{type(self).__name__} knows no user by what they had: train with engine=implicit")

    def knows(self, user_nums: Array) -> Array:
        """For which of these users it has anything to go by: boolean `(len(user_nums),)`. Others get the fallback."""
        return np.ones(len(user_nums), bool)

    def scores_of_all(self) -> Array | None:
        """The row of `scores` that everybody has, float32 `(n_items,)`, not to be written to; None where users differ."""
        return None

    def standardised_scores_of(self, user_nums: Array) -> tuple[Array, Array]:
        """`scores` as a blend adds them up: see `standard_scores.standardised`."""
        from tidemark.models import standard_scores

        return standard_scores.standardised(self.scores(user_nums), self.knows(user_nums))

    def scores_of_history(self, history: "History") -> Array | None:
        """The scores of someone who had `history`, known or not: a new float32 array `(n_items,)` as in `scores`, the same as
        there for a user who had just that; None where it has nothing to go by.

        Items are numbered as in `scores`; what the model did not learn from says nothing.
        """
        return None

    def best_of_history(self, history: "History", allowed: Array, n: int) -> tuple[Array, Array] | None:
        """The `n` best by `scores_of_history` of the items that the boolean array `allowed` `(n_items,)` has: numbers int64, best
        first, ties by the lower number, and scores float32; fewer where fewer have a score; None where it has nothing to go by."""
        from tidemark.models import ranking

        scores = self.scores_of_history(history)
        if scores is None:
            return None
        scores[~allowed] = -np.inf
        numbers = ranking.best(scores, n)
        return numbers, scores[numbers]

    def member_names(self) -> tuple[str, ...]:
        """The names of the recommenders that it is a blend of; none of one that is no blend."""
        return ()

    def scores_and_parts(self, user_nums: Array) -> tuple[Array, "Sequence[Array]"]:
        """`scores`, and of a blend the part of each member in them, float32 `(len(user_nums), n_items)` each, in the order of
        `member_names`; a row of -inf where no member knows the user."""
        return self.scores(user_nums), ()

    def brought_to_history(self, history: "History", items: Array) -> Array | None:
        """Which member of a blend brought each of `items` `(n,)` to someone who had `history`: int8 `(n,)` places in
        `member_names`, as `brought.greatest` tells them; None where no member can tell, or it is no blend."""
        return None

    def reads_histories(self) -> bool:
        """Whether `scores_of_history` can tell anything of any history."""
        return False

    def history_arrays(self) -> dict[str, Array]:
        """Of `arrays`, those that say nothing of any user: what `Recommender.load_for_histories` needs."""
        return {}

    def contributions(self, history: "History", items: Array) -> Array | None:
        """What each item of `history` adds to the scores of `items` (int `(n,)`) in `scores_of_history`, float
        `(n, len(history))`: what a score has beyond the sum of its row is the same of every item, or for every history. None
        where it cannot tell.
        """
        return None

    def likeness(self, item: int) -> "Likeness | None":
        """How like `item` each item is; None where it knows nothing of the kind."""
        return None

    def factors_of_items(self) -> Array | None:
        """Vectors of the items, which point the same way where items are alike: float32 `(n_items, n_factors)`; None where it
        has learned nothing of the kind."""
        return None

    def factors_of_users(self, user_nums: Array) -> Array | None:
        """Vectors of the users, whose product with `factors_of_items` is what ranks: float32 `(len(user_nums), n_factors)`; zeros
        where nothing is known of a user; None where it has learned nothing of the kind."""
        return None

    def factor_of_history(self, history: "History") -> Array | None:
        """The same of someone who had `history`: float32 `(n_factors,)`; None where it cannot tell."""
        return None


@dataclass(frozen=True)
class Likeness:
    """How like one item the others are.

    Args:
        by: `NEIGHBOURS`, what the same people take; or `FACTORS`, what points the same way.
        scores: float32 `(n_items,)`; 0 or less where an item is not like it.
    """

    by: str
    scores: Array


class Recommender(ABC):
    """A recommender before it has learned: a frozen dataclass of its settings, each with its meaning in the docstring.

    Settings are what decides a fit, seeds included: numbers, texts, booleans, other recommenders, tuples of these. One
    that is added later needs a default under which a model that was stored without it stays what it was.
    """

    name: ClassVar[str]
    """What it is called in `models.recipes.RECOMMENDERS` and in every stored recipe; never changed."""

    fallback: ClassVar["Recommender | None"] = None
    """Who recommends to users whom a fit does not know (`Fitted.knows`); None: it has something for everybody."""

    needs_times: ClassVar[bool] = False
    """Whether all that it adds comes of the order in time: of pairs without times (`Pairs.has_times`) it may be left out."""

    @abstractmethod
    def fit(self, pairs: "Pairs") -> Fitted:
        """Learn from `pairs`; the same pairs and settings give the same model.

        Raises:
            NotEnoughDataError: these pairs cannot be learned from with these settings.
        """

    def fit_on(self, pairs: "Pairs", earlier: "Learned | None") -> Fitted:
        """Learn from `pairs`, going on from what was learned `earlier` of most of them, numbered alike, where that is of these
        settings and saves time: nearly what `fit` gives, and of the same two always the same.

        Raises:
            NotEnoughDataError: see `fit`.
        """
        return self.fit(pairs)

    def fit_rows(self, rows: "PairRows") -> dict[str, Array]:
        """Learn from pairs that no one process holds; gives what `Fitted.history_arrays` would be, small enough for one.

        Raises:
            SettingError: it cannot (`why_not_rows`).
        """
        raise SettingError(f"{self.why_not_rows(rows.n_items)}: choose engine=implicit, or another recommender")

    def why_not_rows(self, n_items: int) -> str:
        """Why `fit_rows` cannot be asked for so many items, in words; empty where it can."""
        return f"{self.name} learns in one process alone"

    @abstractmethod
    def load(self, arrays: Mapping[str, Array]) -> Fitted:
        """The model whose `Fitted.arrays` these are, which these settings fitted."""

    def load_for_histories(self, arrays: Mapping[str, Array]) -> Fitted:
        """The model whose `Fitted.history_arrays` these are: it knows no user, and all that it had to say of a history, or of
        an item, it still says. The arrays may be read-only; they are not copied. Where these are all its arrays, it is `load`.

        Raises:
            KeyError, ValueError: they are not those of such a model.
        """
        return self.load(arrays)

    def settings(self) -> dict[str, Any]:
        """Every setting by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def with_given(self, given: Mapping[str, Any]) -> Self:
        """This recommender with `given` settings in place of its own; those that it does not have mean nothing to it."""
        return replace(self, **{name: value for name, value in given.items() if name in self.settings()})  # type: ignore[type-var]


@dataclass(frozen=True)
class Learned:
    """A recommender and what it learned.

    Args:
        recommender: as it was fitted, perhaps with fewer iterations than it is to have.
        fitted: what it learned.
    """

    recommender: Recommender
    fitted: Fitted


def recommend(
    fitted: Fitted, user_nums: Array, n: int, seen: "csr_matrix", known: Array | None = None, diversity: float = 0.0
) -> tuple[Array, Array]:
    """The `n` best unseen items of each user: items int32, scores float32, `(len(user_nums), n)`; see `ranking.top_n`, and
    for `diversity` `variety`."""
    from tidemark.models import ranking, variety

    depth, shared = variety.candidates(n, diversity), fitted.scores_of_all()
    if shared is None:
        items, scores = ranking.top_n(fitted.scores, user_nums, depth, seen, known)
    else:
        items, scores = ranking.top_n_of_all(shared, user_nums, depth, seen, known)
    return variety.listed(items, scores, fitted.factors_of_items() if diversity else None, diversity, n)[:2]


def prefixed(part: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays of one part of a model made of several, named `<part>/<name>`."""
    return {f"{part}/{name}": array for name, array in arrays.items()}


def part_of(arrays: Mapping[str, Array], part: str) -> dict[str, Array]:
    """The arrays that `prefixed` named after `part`, under their own names."""
    start = f"{part}/"
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
