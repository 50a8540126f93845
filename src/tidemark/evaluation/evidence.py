"""Evidence: on how many users, or ratings, a model's figures rest, and whether anything can be concluded from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidemark.registry.names import SPLIT_RULES

LEAST = 30
"""Users (or held-out ratings) measured, below which nothing is concluded: percentile bootstrap intervals are too narrow
for samples smaller than about this (Hesterberg 2015, What Teachers Should Know About the Bootstrap)."""


@dataclass(frozen=True)
class Evidence:
    """What figures rest on.

    Args:
        count: how many were measured; None where that was not stored, as with models of earlier releases.
        rule: how they were held out, a key of `SPLIT_RULES`; empty where that was not stored.
        unit: what is counted: `user` or `held-out rating`.
    """

    count: int | None
    rule: str = ""
    unit: str = "user"

    @property
    def conclusive(self) -> bool:
        """Whether figures may be compared: false below `LEAST`. Figures of unknown evidence are taken as they are."""
        return self.count is None or self.count >= LEAST

    def text(self) -> str:
        """`5,000 users measured on the newest tenth`; empty where it is not known."""
        if self.count is None:
            return ""
        where = f" on {SPLIT_RULES[self.rule]}" if self.rule in SPLIT_RULES else ""
        return f"{self._counted()} measured{where}"

    def doubt(self) -> str:
        """Why nothing can be concluded, in a sentence; empty where something can."""
        if self.conclusive:
            return ""
        measured = f"{self._counted()} {'were' if self.count and self.count > 1 else 'was'} measured"
        if not self.count and self.unit == "user":
            measured += ", as none took two items"
        return f"{measured}: nothing can be concluded ({LEAST} are needed)"

    def _counted(self) -> str:
        return f"{self.count:,} {self.unit}{'' if self.count == 1 else 's'}" if self.count else f"no {self.unit}"


def of(model: Mapping[str, Any]) -> Evidence:
    """What the ranking figures of a model document rest on."""
    data = model.get("data") or {}
    return Evidence(data.get("measured_users"), str(data.get("split_rule") or ""))


def of_stars(model: Mapping[str, Any]) -> Evidence:
    """What RMSE and MAE of a model document rest on."""
    data = model.get("data") or {}
    return Evidence(data.get("measured_ratings"), str(data.get("split_rule") or ""), "held-out rating")
