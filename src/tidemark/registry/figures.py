"""The figures of what went live: a model's document has those of every model it was measured beside."""

from typing import Any

from tidemark.registry.names import CANDIDATE, NAMES

Document = dict[str, Any]


def contender(model: Document) -> str:
    """Whose figures are the model's: `candidate`, or the member or baseline that takes its place."""
    return str((model.get("decision") or {}).get("contender") or CANDIDATE)


def of_contender(model: Document) -> Document:
    """Metric -> `{value, low, high}` of what went live, or would have; empty where nothing was measured."""
    return dict((model.get("metrics") or {}).get(contender(model)) or {})


def fields(*metrics: str) -> tuple[str, ...]:
    """The paths of `metrics` in a model document, of everything that can take the candidate's place or stand beside it."""
    return tuple(f"metrics.{name}.{metric}" for name in NAMES for metric in metrics)


def names(model: Document) -> dict[str, str]:
    """What the models are called that it was measured beside, what went live first: as `NAMES`, unless another took the
    candidate's place."""
    own = contender(model)
    if own == CANDIDATE:
        return NAMES
    shown = NAMES[own].removeprefix("its ")
    return {own: f"this model: {shown}", CANDIDATE: "what was to be published"} | {
        name: text for name, text in NAMES.items() if name not in (own, CANDIDATE)
    }


def of(model: Document, name: str) -> Document:
    """The same of another that it was measured beside, such as `popularity`; empty where there is none."""
    return dict((model.get("metrics") or {}).get(name) or {})


def of_stars(model: Document) -> Document:
    """Rating model -> its `rmse` and `mae`; empty where there were no ratings."""
    return of(model, "ratings")
