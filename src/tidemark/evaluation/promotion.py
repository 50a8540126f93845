"""Promotion: whether a model goes live, decided from figures alone.

A candidate must beat popularity, of all time and recent: the 95 % lower bound of its lead in NDCG@10, by paired
bootstrap over users, is above zero. Against the champion it must not be worse: its lead is neither shown to be
negative (95 % upper bound below zero) nor, whatever the bound says, further below zero than `TOLERANCE` of the
champion's figure, so that many small losses do not add up. Where nothing beats popularity, popularity is the model.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tidemark.errors import SettingError
from tidemark.evaluation import ranking_metrics

Array = np.ndarray[Any, Any]

TOLERANCE = 0.05
POLICIES = ("gate", "always", "never")
POPULARITIES = ("popularity", "popularity_recent")


@dataclass(frozen=True)
class Lead:
    """How far one model is ahead of another in NDCG@10, over the same users.

    Args:
        mean: of the users' differences.
        low, high: one-sided 95 % bounds each, so a 90 % interval.
        users: how many.
    """

    mean: float
    low: float
    high: float
    users: int


def lead(ndcg: Array, other: Array) -> Lead:
    """The lead of `ndcg` `(m,)` over `other` `(m,)`, NDCG@10 of the same users: a paired bootstrap, seeded."""
    difference = (ndcg - other)[:, np.newaxis]
    low, high = np.quantile(ranking_metrics.resampled_means(difference), [0.05, 0.95])
    return Lead(float(difference.mean()), float(low), float(high), len(difference))


@dataclass(frozen=True)
class Decision:
    """What was decided and why.

    Args:
        publish: whether a model goes live.
        contender: whose figures count: `candidate`, or the popularity that is published in its place.
        promote: the policy that was asked for.
        compared_with: `champion`, `recipe` (the champion's recipe, fitted on the candidate's training part), or None.
        reasons: sentences, each with its figures.
    """

    publish: bool
    contender: str
    promote: str
    compared_with: str | None
    reasons: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """As it is stored with the model."""
        return asdict(self)


def decide(
    ndcg: Mapping[str, float], leads: Mapping[str, Mapping[str, Lead]], promote: str, compared_with: str | None
) -> Decision:
    """Decide.

    Args:
        ndcg: NDCG@10 of `candidate`, `popularity`, `popularity_recent` and, where there is one, `champion`.
        leads: `leads[a][b]`, the lead of a over b, for every two of them.
        promote: `gate`, `always` (the candidate, whatever the figures) or `never`.
        compared_with: see `Decision`; None where there is no champion.

    Raises:
        SettingError: `promote` is something else.
    """
    if promote not in POLICIES:
        raise SettingError(f"promote={promote!r}: choose gate, always or never")
    beaten = [leads["candidate"][name].low > 0 for name in POPULARITIES]
    reasons = [
        f"candidate {'beats' if won else 'does not beat'} {name}: {_text(ndcg, leads, 'candidate', name)}"
        for name, won in zip(POPULARITIES, beaten, strict=True)
    ]
    contender = "candidate" if all(beaten) else max(POPULARITIES, key=lambda name: ndcg[name])
    if promote == "always":
        contender = "candidate"
    elif contender != "candidate":
        reasons.append(f"nothing beats popularity: {contender} is the contender")
    good = True
    if compared_with is None:
        reasons.append("there is no champion to compare with")
    else:
        good, reason = _against_champion(contender, ndcg, leads, compared_with)
        reasons.append(reason)
    if promote != "gate":
        reasons.append(f"promote={promote}: published {'whatever the figures' if promote == 'always' else 'never'}")
        good = promote == "always"
    return Decision(good, contender, promote, compared_with, reasons)


def _against_champion(
    contender: str, ndcg: Mapping[str, float], leads: Mapping[str, Mapping[str, Lead]], compared_with: str
) -> tuple[bool, str]:
    what = "the champion" if compared_with == "champion" else "the champion's recipe, fitted on the same past"
    text = _text(ndcg, leads, contender, "champion")
    ahead = leads[contender]["champion"]
    not_worse = ahead.high >= 0 and ahead.mean >= -TOLERANCE * ndcg["champion"]
    # Popularity takes over only from what is no better than it.
    good = not_worse if contender == "candidate" else ahead.mean >= 0
    return good, f"{contender} is {'not worse' if good else 'worse'} than {what}: {text}"


def _text(ndcg: Mapping[str, float], leads: Mapping[str, Mapping[str, Lead]], one: str, other: str) -> str:
    ahead = leads[one][other]
    return (
        f"NDCG@10 {ndcg[one]:.4f} against {ndcg[other]:.4f}, lead {ahead.mean:+.4f} "
        f"({ahead.low:+.4f} to {ahead.high:+.4f}, {ahead.users:,} users)"
    )
