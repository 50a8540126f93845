"""Placement: where items that nobody has taken stand beside those of a model, by content; those that came after it too."""

from collections.abc import Iterable
from threading import Lock
from typing import Any

import numpy as np

from tidemark.errors import PackError
from tidemark.models import new_items, ranking
from tidemark.models.content import Content
from tidemark.models.interface import Fitted, part_of
from tidemark.models.item_features import Product
from tidemark.models.user_history import History
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.pack import Pack

Array = np.ndarray[Any, Any]


class Placement:
    """What the pack of a model says of new items. It may be asked by any number of threads.

    Args:
        content: what was learned.
        space: who places users, and the items of the model.
        n_items: how many the model has.
        factors: float32 `(n_new, f)`, of the items from `n_items` on, as the pack has them.
    """

    def __init__(self, content: Content, space: Fitted, n_items: int, factors: Array) -> None:
        self._content, self._space, self._n_items, self._factors = content, space, n_items, factors
        self._lock = Lock()
        self._known: tuple[int, Array] = (0, factors)

    @classmethod
    def of(cls, pack: Pack, fitted: Fitted | None) -> "Placement | None":
        """That of a pack, whose recommender is `fitted`; None where it places nobody.

        Raises:
            PackError: what it holds is not of content.
        """
        arrays = dict(pack.content)
        try:
            own = part_of(arrays, new_items.SPACE)
            space = new_items.PLACING.load_for_histories(own) if own else fitted
            content, factors = Content.load(arrays), arrays[new_items.NEW_FACTORS]
            of_items = space.factors_of_items() if space is not None else None
            if space is None or of_items is None:
                return None
            _require_one_space(factors, content.weights, of_items)
        except (KeyError, ValueError, IndexError) as error:
            raise PackError(
                f"the pack of {pack.about.model_id} does not hold what places new items ({error})",
                "run retrain_recommender, or roll back to another model",
            ) from None
        return cls(content, space, len(pack.items), factors)

    def user(self, history: History) -> Array | None:
        """The vector of someone who had `history`: float32 `(f,)`; None where it cannot tell."""
        return self._space.factor_of_history(history)

    def best(self, user: Array, catalogue: Catalogue, allowed: Array, n: int) -> tuple[Array, Array]:
        """The `n` best new items for a user: numbers int64 and scores float32, best first; fewer where fewer are known.

        Args:
            user: as `user` gives it.
            catalogue: whose numbers these are.
            allowed: boolean `(len(catalogue),)`.
        """
        scores = self._of_new(catalogue) @ user
        scores[~allowed[self._n_items :]] = -np.inf
        scores[scores == 0] = -np.inf  # nothing is known of it
        places = ranking.best(scores, n)
        return places + self._n_items, scores[places]

    def likeness(self, item: int, catalogue: Catalogue) -> Array | None:
        """How like a new item each item of the catalogue is: cosines float32 `(len(catalogue),)`; None where too little is known
        of it, or it is not new."""
        of_items = self._space.factors_of_items()
        if item < self._n_items or of_items is None:
            return None
        every = (of_items, self._of_new(catalogue))
        own = every[1][item - self._n_items]
        length = np.linalg.norm(own)
        if not length > 0:
            return None
        return np.concatenate([_cosines(part, own / length) for part in every])

    def _of_new(self, catalogue: Catalogue) -> Array:
        """The factors of everything from `n_items` on, float32 `(len(catalogue) - n_items, f)`: remembered for one version of the
        catalogue, since a change of it changes few."""
        version, known = self._known
        if version == catalogue.version and len(known) == len(catalogue) - self._n_items:
            return known
        with self._lock:
            made = np.zeros((len(catalogue) - self._n_items, self._factors.shape[1]), np.float32)
            made[: len(self._factors)] = self._factors[: len(made)]
            changed = [number for number in catalogue.changed() if number >= self._n_items]
            if changed:
                made[np.array(changed) - self._n_items] = self._content.factors(_products(catalogue, changed))
            self._known = catalogue.version, made
        return made


def _require_one_space(*several: Array) -> None:
    """That all have vectors of the same length.

    Raises:
        ValueError: they have not.
    """
    if any(array.ndim != 2 for array in several) or len({array.shape[1] for array in several}) > 1:
        raise ValueError(f"factors of {', '.join(str(array.shape) for array in several)}")


def _products(catalogue: Catalogue, numbers: Iterable[int]) -> Iterable[Product]:
    for number in numbers:
        one = catalogue.details(number)
        yield Product(one.title, "", one.brand, one.categories, one.price)


def _cosines(factors: Array, direction: Array) -> Array:
    lengths = np.sqrt(np.einsum("ij,ij->i", factors, factors))
    return np.divide(factors @ direction, lengths, out=np.zeros(len(factors), np.float32), where=lengths > 0)
