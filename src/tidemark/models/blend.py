"""Blend: several recommenders as one, by a weighted sum of their scores, each standardised over all items of a user.

Standardised (z-)scores of different models are on one scale, so that a weight says what a member carries. One function
does it, whether the scores come of what a model has learned of a user or of a history that it is shown.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tidemark.errors import SettingError
from tidemark.models import brought, ranking, standard_scores
from tidemark.models.alignment import Places
from tidemark.models.interface import NEIGHBOURS, Fitted, Learned, Likeness, Recommender, part_of, prefixed
from tidemark.models.pairs import Pairs
from tidemark.models.popularity import Popularity
from tidemark.models.user_history import History

if TYPE_CHECKING:
    from tidemark.models.pair_rows import PairRows

Array = np.ndarray[Any, Any]


def weighted(parts: Iterable[tuple[Array, Array]], weights: Sequence[float]) -> tuple[Array, Array]:
    """The sum of what `standard_scores.standardised` gives of each member, times its weight; the parts are written over, one by one."""
    total = nothing = None
    for (part, part_nothing), weight in zip(parts, weights, strict=True):
        part *= np.float32(weight)
        part_nothing *= np.float32(weight)
        if total is None or nothing is None:
            total, nothing = part, part_nothing
        else:
            total += part
            nothing += part_nothing
    if total is None or nothing is None:
        raise ValueError("a blend of nothing")
    return total, nothing


@dataclass(frozen=True)
class FittedBlend(Fitted):
    """What the members have learned, over the users and items that they learned from.

    Args:
        members: fitted, in the order of `weights`.
        names: of the members.
        weights: what each carries.
        personal: which of them go by what a user had; a user whom none of these knows is not known to the blend.
    """

    members: tuple[Fitted, ...]
    names: tuple[str, ...]
    weights: tuple[float, ...]
    personal: tuple[bool, ...]

    def scores(self, user_nums: Array) -> Array:
        """See `Fitted.scores`."""
        return self.scores_and_nothing(user_nums)[0]

    def scores_and_nothing(self, user_nums: Array) -> tuple[Array, Array]:
        """`scores`, and what an item which took part in nothing would have, float32 `(len(user_nums),)`."""
        return weighted(self.standardised_scores(user_nums), self.weights)

    def standardised_scores(self, user_nums: Array) -> Iterator[tuple[Array, Array]]:
        """What `standard_scores.standardised` gives of each member in turn, for these users."""
        for member in self.members:
            yield member.standardised_scores_of(user_nums)

    def member_names(self) -> tuple[str, ...]:
        """See `Fitted.member_names`."""
        return self.names

    def scores_and_parts(self, user_nums: Array) -> tuple[Array, Sequence[Array]]:
        """See `Fitted.scores_and_parts`."""
        parts = self._weighted_parts(self.standardised_scores(user_nums))
        total, unknown = parts[0].copy(), ~self.knows(user_nums)
        for part in parts[1:]:
            total += part
        for part in parts:
            part[unknown] = -np.inf
        return total, parts

    def scores_of_history(self, history: History) -> Array | None:
        """See `Fitted.scores_of_history`: of the members that can tell; None where none of the personal ones can."""
        found = self.scores_and_nothing_of_history(history)
        return None if found is None else found[0]

    def scores_and_nothing_of_history(self, history: History) -> tuple[Array, float] | None:
        """`scores_of_history`, and what an item which took part in nothing would have."""
        parts = self._parts_of_history(history)
        if parts is None:
            return None
        scores, nothing = weighted(parts, self.weights)
        return scores[0], nothing[0]

    def reads_histories(self) -> bool:
        """See `Fitted.reads_histories`: whether any personal member does."""
        return any(own and m.reads_histories() for m, own in zip(self.members, self.personal, strict=True))

    def brought_to_history(self, history: History, items: Array) -> Array | None:
        """See `Fitted.brought_to_history`."""
        parts = self._parts_of_history(history)
        return None if parts is None else brought.greatest(self._weighted_parts(parts), items[np.newaxis])[0]

    def of_users(self, pairs: Pairs) -> "FittedBlend":
        """See `Fitted.of_users`."""
        return replace(self, members=tuple(member.of_users(pairs) for member in self.members))

    def arrays(self) -> dict[str, Array]:
        """Those of each member, as `<place>/<name>`."""
        return _by_place(member.arrays() for member in self.members)

    def history_arrays(self) -> dict[str, Array]:
        """Those of each member, named as in `arrays`."""
        return _by_place(member.history_arrays() for member in self.members)

    def contributions(self, history: History, items: Array) -> Array | None:
        """See `Fitted.contributions`: those of the members, standardised as their scores are; who cannot tell adds nothing."""
        total, told = np.zeros((len(items), len(history))), False
        for member, weight in zip(self.members, self.weights, strict=True):
            brought, scores = member.contributions(history, items), member.scores_of_history(history)
            if brought is not None and scores is not None:
                np.copyto(scores, 0, where=scores < ranking.LEAST)
                total += weight * standard_scores.centred(scores[np.newaxis])[1][0] * brought
                told = True
        return total if told else None

    def likeness(self, item: int) -> Likeness | None:
        """See `Fitted.likeness`: that of the first member that knows neighbours of it, else of the first that knows it."""
        found = [likeness for member in self.members if (likeness := member.likeness(item)) is not None]
        return min(found, key=lambda likeness: likeness.by != NEIGHBOURS, default=None)

    def aligned(self, users: Places, items: Places) -> "AlignedBlend":
        """See `Fitted.aligned`."""
        return AlignedBlend(self, users, items)

    def knows(self, user_nums: Array) -> Array:
        """See `Fitted.knows`: whom a personal member knows."""
        known = [m.knows(user_nums) for m, own in zip(self.members, self.personal, strict=True) if own]
        return np.logical_or.reduce(known) if known else np.ones(len(user_nums), bool)

    def factors_of_items(self) -> Array | None:
        """See `Fitted.factors_of_items`: those of the first member that has some."""
        placing = self._placing()
        return placing.factors_of_items() if placing else None

    def factors_of_users(self, user_nums: Array) -> Array | None:
        """See `Fitted.factors_of_users`: by the member whose `factors_of_items` are the blend's."""
        placing = self._placing()
        return placing.factors_of_users(user_nums) if placing else None

    def factor_of_history(self, history: History) -> Array | None:
        """See `Fitted.factor_of_history`: by the same."""
        placing = self._placing()
        return placing.factor_of_history(history) if placing else None

    def _placing(self) -> Fitted | None:
        """The first member that has learned factors."""
        return next((member for member in self.members if member.factors_of_items() is not None), None)

    def _weighted_parts(self, parts: Iterable[tuple[Array, Array]]) -> list[Array]:
        """The part of each member in the scores: its z, which is written over, times its weight."""
        return [np.multiply(z, np.float32(w), out=z) for (z, _), w in zip(parts, self.weights, strict=True)]

    def _parts_of_history(self, history: History) -> list[tuple[Array, Array]] | None:
        """What `standard_scores.standardised` gives of each member; None where no personal one can tell."""
        found = [member.scores_of_history(history) for member in self.members]
        told = [scores for scores in found if scores is not None]
        if not told or (any(self.personal) and all(s is None for s, p in zip(found, self.personal, strict=True) if p)):
            return None
        rows = [np.zeros_like(told[0]) if scores is None else scores for scores in found]
        return [
            standard_scores.standardised(row[np.newaxis], np.array([scores is not None]))
            for row, scores in zip(rows, found, strict=True)
        ]


@dataclass(frozen=True)
class AlignedBlend(Fitted):
    """A blend over another numbering: it goes on to standardise over the items that it learned from.

    Args:
        blend: as it was fitted.
        users, items: where the ids of the new numbering stand in its own.
    """

    blend: FittedBlend
    users: Places
    items: Places

    def scores(self, user_nums: Array) -> Array:
        """See `Fitted.scores`; of users whom it does not know, zeros: `fallback.WithFallback` replaces them."""
        own, nothing = self.blend.scores_and_nothing(self.users.places[user_nums])
        scores = np.where(self.items.known, own[:, self.items.places], nothing[:, np.newaxis])
        scores[~self.users.known[user_nums]] = 0
        return scores

    def scores_of_history(self, history: History) -> Array | None:
        """See `Fitted.scores_of_history`."""
        found = self.blend.scores_and_nothing_of_history(history.by_older_numbers(self.items))
        return None if found is None else np.where(self.items.known, found[0][self.items.places], found[1])

    def reads_histories(self) -> bool:
        """See `Fitted.reads_histories`."""
        return self.blend.reads_histories()

    def arrays(self) -> dict[str, Array]:
        """Those of the blend as it was fitted."""
        return self.blend.arrays()

    def aligned(self, users: Places, items: Places) -> "AlignedBlend":
        """See `Fitted.aligned`."""
        return AlignedBlend(self.blend, Places(self.users.old, users.new), Places(self.items.old, items.new))

    def knows(self, user_nums: Array) -> Array:
        """See `Fitted.knows`."""
        known: Array = self.blend.knows(self.users.places[user_nums]) & self.users.known[user_nums]
        return known

    def factors_of_items(self) -> Array | None:
        """See `Fitted.factors_of_items`: zeros for what it does not know."""
        factors = self.blend.factors_of_items()
        return None if factors is None else self.items.rows(factors)


@dataclass(frozen=True)
class Blend(Recommender):
    """Settings of one fit.

    Args:
        members: the recommenders, of different names.
        weights: what each carries, at least 0; only their ratios matter to the order of a list.
    """

    members: tuple[Recommender, ...]
    weights: tuple[float, ...]

    name = "blend"
    fallback = Popularity()

    def __post_init__(self) -> None:
        names = [member.name for member in self.members]
        if not names or len(set(names)) < len(names) or len(names) != len(self.weights):
            raise SettingError(
                f"a blend of {', '.join(names) or 'nobody'} with {len(self.weights)} weights: give one or more members of "
                "different names, and a weight for each"
            )
        if not all(0 <= weight < float("inf") for weight in self.weights) or not any(self.weights):
            raise SettingError(f"weights {self.weights}: give numbers of 0 or more, not all 0")

    def fit(self, pairs: Pairs) -> FittedBlend:
        """See `Recommender.fit`; a member that needs times learns nothing without, and so says nothing."""
        return self.fit_on(pairs, None)

    def fit_on(self, pairs: Pairs, earlier: Learned | None) -> FittedBlend:
        """See `Recommender.fit_on`: each member from what it learned itself."""
        own: dict[str, Learned] = {}
        if earlier and isinstance(earlier.recommender, Blend) and isinstance(earlier.fitted, FittedBlend):
            both = zip(earlier.recommender.members, earlier.fitted.members, strict=True)
            own = {member.name: Learned(member, fitted) for member, fitted in both}
        return self.fitted(tuple(member.fit_on(pairs, own.get(member.name)) for member in self.members))

    def fit_rows(self, rows: "PairRows") -> dict[str, Array]:
        """See `Recommender.fit_rows`."""
        return _by_place(member.fit_rows(rows) for member in self.members)

    def why_not_rows(self, n_items: int) -> str:
        """See `Recommender.why_not_rows`."""
        return "; ".join(why for member in self.members if (why := member.why_not_rows(n_items)))

    def load(self, arrays: Mapping[str, Array]) -> FittedBlend:
        """See `Recommender.load`."""
        return self.fitted(tuple(member.load(part_of(arrays, str(n))) for n, member in enumerate(self.members)))

    def load_for_histories(self, arrays: Mapping[str, Array]) -> FittedBlend:
        """See `Recommender.load_for_histories`."""
        parts = ((member, part_of(arrays, str(n))) for n, member in enumerate(self.members))
        return self.fitted(tuple(member.load_for_histories(part) for member, part in parts))

    def fitted(self, members: tuple[Fitted, ...]) -> FittedBlend:
        """The blend of members that are fitted already, in the order of `members`."""
        names = tuple(member.name for member in self.members)
        # Who falls back on nobody has the same to say to everybody.
        return FittedBlend(members, names, self.weights, tuple(member.fallback is not None for member in self.members))

    def with_given(self, given: Mapping[str, Any]) -> "Blend":
        """See `Recommender.with_given`: what is given is the members'."""
        return replace(self, members=tuple(member.with_given(given) for member in self.members))


def _by_place(arrays: Iterable[dict[str, Array]]) -> dict[str, Array]:
    """The arrays of the members in turn, as `<place>/<name>`."""
    return {name: array for n, part in enumerate(arrays) for name, array in prefixed(str(n), part).items()}
