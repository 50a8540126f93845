"""Beyond: which windows are trained on by Spark alone, and what is left out there, in words.

Of such a window nothing that grows with interactions or users is in one process: that holds the items (ids, factors, figures:
some 400 bytes an item at 64 factors) and a sample of the users, of a size that is stated.
"""

from collections.abc import Iterable
from typing import Any

from tidemark.errors import SettingError
from tidemark.models.blend import Blend
from tidemark.models.interface import Recommender
from tidemark.models.item_knn_spark import ItemKnnSpark
from tidemark.models.recipes import ONE_MACHINE_PAIRS, choose_engine
from tidemark.retraining import portfolio
from tidemark.retraining.portfolio import Kinds

Document = dict[str, Any]


def is_beyond(snapshot: Document) -> bool:
    """Whether the window of a run is beyond one machine: Spark was asked for, or there may be more pairs than `engine=auto` lets
    one machine take."""
    engine = snapshot["asked"]["engine"]
    return engine == "spark" or (engine == "auto" and min(snapshot["stored"], snapshot["window"]) > ONE_MACHINE_PAIRS)


def why_engine(asked: Document, n_pairs: int) -> str:
    """Why Spark trains, in words.

    Raises:
        SettingError: see `choose_engine`.
    """
    engine, why = choose_engine(asked["engine"], asked["feedback"], n_pairs)
    if engine == "spark":
        return why
    return f"auto: the window has more than {ONE_MACHINE_PAIRS:,} interactions; {n_pairs:,} pairs were left of it"


def kinds(n_items: int) -> Kinds:
    """What is tried beside ALS where there are so many items."""
    every = portfolio.KINDS["spark"]
    return Kinds(
        tuple(one for one in every.neighbours if not one.why_not_rows(n_items)),
        every.decays,
        every.transitions,
        every.popularities,
    )


def carried(recommender: Recommender, n_items: int) -> Recommender:
    """`recommender`, or of a blend those members that Spark can learn of so many items.

    Raises:
        SettingError: it can learn none.
    """
    why = recommender.why_not_rows(n_items)
    if not why:
        return recommender
    if isinstance(recommender, Blend):
        both = zip(recommender.members, recommender.weights, strict=True)
        able = [(member, weight) for member, weight in both if weight > 0 and not member.why_not_rows(n_items)]
        if able:
            return portfolio.of_weights(*zip(*able, strict=True))
    raise SettingError(f"engine=spark cannot fit this recipe: {why}. Choose engine=implicit, or search=always")


def left_out(n_items: int, n_users: int, sampled: int, tried: Iterable[Recommender] = ()) -> str:
    """What this size leaves out, in words; empty where nothing is.

    Args:
        n_items, n_users: of the window.
        sampled: users of the sample.
        tried: other recommenders that would have been fitted.
    """
    found = [one.why_not_rows(n_items) for one in (ItemKnnSpark(), *tried)]
    if sampled < n_users:
        found.append(
            f"models are measured on a sample of {sampled:,} of {n_users:,} users, of which the diversity of lists cannot be told"
        )
    return "; ".join(dict.fromkeys(why for why in found if why))
