"""Recipes: a recommender's name and settings, as they are stored with a model; and all recommenders by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tidemark.errors import ContractError, SettingError
from tidemark.models.interface import Recommender

RECOMMENDERS = {
    "als_implicit": "tidemark.models.als_implicit:AlsImplicit",
    "als_spark": "tidemark.models.als_spark:AlsSpark",
    "blend": "tidemark.models.blend:Blend",
    "decayed": "tidemark.models.decayed:Decayed",
    "decayed_popularity": "tidemark.models.decayed_popularity:DecayedPopularity",
    "decayed_popularity_spark": "tidemark.models.decayed_popularity_spark:DecayedPopularitySpark",
    "item_knn": "tidemark.models.item_knn:ItemKnn",
    "item_knn_spark": "tidemark.models.item_knn_spark:ItemKnnSpark",
    "popularity": "tidemark.models.popularity:Popularity",
    "transitions": "tidemark.models.transitions:Transitions",
}
"""Every recommender that can be stored: its name -> `module:class`, imported when it is first used."""

ONE_MACHINE_PAIRS = 20_000_000
"""`engine=auto` stays on one machine up to here, where search, blend and fit held 3.6 GiB at most (0.9 of a million pairs;
`python -m benchmarks.memory`), and `implicit` takes 15 CPU-s a million pairs."""

FEEDBACKS = ("implicit", "explicit")

Document = dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a fit.

    Args:
        name: the recommender, as in `RECOMMENDERS`.
        settings: by the names of its settings class, as JSON holds them.
    """

    name: str
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, recommender: Recommender) -> "Recipe":
        """The recipe of a recommender."""
        return cls(recommender.name, {name: _plain(value) for name, value in recommender.settings().items()})

    def recommender(self) -> Recommender:
        """The recommender of this recipe.

        Raises:
            ContractError: this version has none of that name, or not with these settings.
        """
        if self.name not in RECOMMENDERS:
            raise ContractError(
                f"no recommender is called {self.name!r} (there are {', '.join(RECOMMENDERS)}): the model is of a newer "
                "version of Tidemark; upgrade, or run retrain_recommender"
            )
        module, _, name = RECOMMENDERS[self.name].partition(":")
        settings = {name: _typed(value) for name, value in self.settings.items()}
        try:
            made: Recommender = getattr(import_module(module), name)(**settings)
        except TypeError as error:
            raise ContractError(
                f"the recipe {self.text()} does not fit the recommender's settings ({error}): the model is of another "
                "version of Tidemark; upgrade, or run retrain_recommender"
            ) from None
        return made

    def document(self) -> Document:
        """As it is stored."""
        return {"name": self.name, "settings": dict(self.settings)}

    def text(self) -> str:
        """`als_implicit: factors 64, regularization 10, ...`."""
        return f"{self.name}: {', '.join(f'{name} {_shown(value)}' for name, value in self.settings.items())}"


def from_document(document: Mapping[str, Any]) -> Recipe:
    """The recipe that `Recipe.document` stored, now or as it did when every recipe was one bag of ALS settings.

    Raises:
        ContractError: it is neither.
    """
    if "name" in document:
        return Recipe(document["name"], document["settings"])
    als = {key: value for key, value in document.items() if key not in ("engine", "feedback")}
    match document.get("engine"):
        case "implicit":
            return Recipe("als_implicit", als)
        case "spark":
            return Recipe("als_spark", als | {"explicit": document["feedback"] == "explicit"})
        case "popularity" | "popularity_recent" as engine:
            from tidemark.models.baselines import BASELINES

            return Recipe.of(BASELINES[engine])
    raise ContractError(f"this is no recipe: {dict(document)}; run retrain_recommender for a model with one")


def _plain(value: Any) -> Any:
    """A setting as JSON holds it: recommenders as the documents of their recipes, tuples as lists."""
    if isinstance(value, Recommender):
        return Recipe.of(value).document()
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def _typed(value: Any) -> Any:
    """The setting that `_plain` made plain."""
    if isinstance(value, Mapping):
        return from_document(value).recommender()
    return tuple(_typed(part) for part in value) if isinstance(value, list) else value


def _shown(value: Any) -> str:
    """A setting for a person to read."""
    if isinstance(value, Mapping):
        return f"({from_document(value).text()})"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def choose_engine(asked: str, feedback: str, n_pairs: int) -> tuple[str, str]:
    """The engine of ALS for `n_pairs` and why, in words.

    Raises:
        SettingError: `asked` or `feedback` is unknown, or the two do not go together.
    """
    if asked not in ("auto", "implicit", "spark") or feedback not in FEEDBACKS:
        raise SettingError(
            f"engine={asked!r}, feedback={feedback!r}: engine is auto, implicit or spark; feedback is implicit or explicit"
        )
    if asked == "implicit" and feedback == "explicit":
        raise SettingError(
            "engine=implicit has no explicit feedback: choose engine=spark or auto, or feedback=implicit"
        )
    if asked != "auto":
        return asked, "asked for"
    if feedback == "explicit":
        return "spark", "auto: explicit feedback is Spark MLlib's"
    if n_pairs <= ONE_MACHINE_PAIRS:
        return "implicit", f"auto: {n_pairs:,} pairs fit one machine (up to {ONE_MACHINE_PAIRS:,})"
    return "spark", f"auto: {n_pairs:,} pairs are more than one machine should take ({ONE_MACHINE_PAIRS:,})"
