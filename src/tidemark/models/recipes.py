"""Recipes: everything that decides a fit, as it is stored with a model; from a recipe comes the recommender."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from tidemark.errors import SettingError
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.interface import Recommender
from tidemark.models.popularity import RECENT_SHARE, Popularity

ONE_MACHINE_PAIRS = 20_000_000
"""`engine=auto` stays on one machine up to here: `implicit` takes 24 bytes a pair and 15 CPU-s a million pairs."""

ENGINES = ("implicit", "spark", "popularity", "popularity_recent")
FEEDBACKS = ("implicit", "explicit")


@dataclass(frozen=True)
class Recipe:
    """An engine and its settings; `factors`, `regularization`, `alpha`, `iterations` mean nothing to popularity."""

    engine: str
    feedback: str = "implicit"
    factors: int = 64
    regularization: float = 10.0
    alpha: float = 60.0
    iterations: int = 15
    seed: int = 42

    def recommender(self) -> Recommender:
        """The recommender of this recipe.

        Raises:
            SettingError: there is none with this engine and feedback.
        """
        match self.engine, self.feedback:
            case "implicit", "implicit":
                return AlsImplicit(self.factors, self.regularization, self.alpha, self.iterations, self.seed)
            case "spark", "implicit" | "explicit":
                from tidemark.models.als_spark import AlsSpark  # Spark is loaded only where it is used

                explicit = self.feedback == "explicit"
                return AlsSpark(self.factors, self.regularization, self.alpha, self.iterations, explicit, self.seed)
            case "popularity", _:
                return Popularity()
            case "popularity_recent", _:
                return Popularity(RECENT_SHARE)
        raise SettingError(
            f"no model has engine={self.engine} with feedback={self.feedback}: "
            "explicit feedback needs engine=spark (or auto)"
        )

    def document(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)

    def with_given(self, given: dict[str, Any]) -> "Recipe":
        """This recipe with what a person asked for in place of its own."""
        return replace(self, **given)


def from_document(document: dict[str, Any]) -> Recipe:
    """The recipe that `Recipe.document` stored."""
    return Recipe(**document)


def choose_engine(asked: str, feedback: str, n_pairs: int) -> tuple[str, str]:
    """The engine for `n_pairs` and why, in words.

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
