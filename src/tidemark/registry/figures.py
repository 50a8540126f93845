"""The figures of what went live: a model's document has those of every model it was measured beside."""

from typing import Any

Document = dict[str, Any]


def contender(model: Document) -> str:
    """Whose figures are the model's: `candidate`, or the popularity that is published in its place."""
    return str((model.get("decision") or {}).get("contender") or "candidate")


def of_contender(model: Document) -> Document:
    """Metric -> `{value, low, high}` of what went live, or would have; empty where nothing was measured."""
    return dict((model.get("metrics") or {}).get(contender(model)) or {})


def of(model: Document, name: str) -> Document:
    """The same of another that it was measured beside, such as `popularity`; empty where there is none."""
    return dict((model.get("metrics") or {}).get(name) or {})


def of_stars(model: Document) -> Document:
    """Rating model -> its `rmse` and `mae`; empty where there were no ratings."""
    return of(model, "ratings")
