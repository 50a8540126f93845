"""Promotion: whether a model goes live, decided from figures alone.

A candidate must be ahead of popularity, of all time and recent, in the mean; else the better of the two is the model. That
it is *shown* to be ahead is not asked: where few users are measured, a good model could seldom prove it, and would be thrown
away. Whatever else was measured (a baseline, another recommender) takes the candidate's place only where it is shown to be
better: the 95 % lower bound of its lead in NDCG@10, by paired bootstrap over users, is above zero.

Against the champion the model must not be worse: its lead is neither shown to be negative (95 % upper bound below zero) nor,
whatever the bound says, further below zero than `TOLERANCE` of the champion's figure, so that many small losses do not add up.

Where too few users were measured to conclude anything (`evidence.LEAST`), nothing is called better or worse: the
champion stays, and the first model of a platform is popularity of all time, which needs no proof. Popularity that is
live is fitted again on the newer interactions: the same model, so that new items and users are served.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tidemark.errors import SettingError
from tidemark.evaluation import ranking_metrics
from tidemark.evaluation.evidence import Evidence

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
        contender: what is weighed and would be published: `candidate`, or the name of what takes its place.
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
    ndcg: Mapping[str, float],
    leads: Mapping[str, Mapping[str, Lead]],
    promote: str,
    compared_with: str | None,
    *,
    evidence: Evidence,
    champion_engine: str | None = None,
) -> Decision:
    """Decide.

    Args:
        ndcg: NDCG@10 of `candidate`, `popularity`, `popularity_recent`, of whatever else could be published and, where there
            is one, `champion`; empty where nobody was measured.
        leads: `leads[a][b]`, the lead of a over b: of each over the candidate and the champion, of the candidate over each.
        promote: `gate`, `always` (the candidate, whatever the figures) or `never`.
        compared_with: see `Decision`; None where there is no champion.
        evidence: on how many users the figures rest.
        champion_engine: the engine of the live model, weighed only where nothing can be concluded; None: none is live.

    Raises:
        SettingError: `promote` is something else.
    """
    if promote not in POLICIES:
        raise SettingError(f"promote={promote!r}: choose gate, always or never")
    if evidence.conclusive:
        good, contender, reasons = _weigh(ndcg, leads, compared_with, always=promote == "always")
        reasons = [evidence.text(), *reasons] if evidence.text() else reasons
    else:
        good, contender, why = _without_proof(champion_engine)
        reasons = [evidence.doubt()] + ([why] if promote == "gate" else [])
    if promote == "always":
        contender = "candidate"
    if promote != "gate":
        reasons.append(f"promote={promote}: published {'whatever the figures' if promote == 'always' else 'never'}")
        good = promote == "always"
    return Decision(good, contender, promote, compared_with, reasons)


def _without_proof(champion_engine: str | None) -> tuple[bool, str, str]:
    """Whether to publish, what, and why, where no figure may be compared."""
    if champion_engine is None:
        return True, "popularity", "popularity is the contender, and there is no champion: it goes live"
    if champion_engine in POPULARITIES:
        return True, champion_engine, f"{champion_engine} is live: it is fitted again on newer interactions, and stays"
    return False, "candidate", "the champion stays"


def _weigh(
    ndcg: Mapping[str, float], leads: Mapping[str, Mapping[str, Lead]], compared_with: str | None, *, always: bool
) -> tuple[bool, str, list[str]]:
    """Whether the figures are good enough, of which contender, and the reasons."""
    contender, reasons = ("candidate", []) if always else _contender(ndcg, leads)
    ahead = {name: leads["candidate"][name].mean > 0 for name in POPULARITIES}
    reasons = [
        f"candidate is {'ahead' if ahead[name] else 'not ahead'} of {name}: {_text(ndcg, leads, 'candidate', name)}"
        for name in POPULARITIES
    ] + reasons
    if compared_with is None:
        return True, contender, [*reasons, "there is no champion to compare with"]
    good, reason = _against_champion(contender, ndcg, leads, compared_with)
    return good, contender, [*reasons, reason]


def _contender(ndcg: Mapping[str, float], leads: Mapping[str, Mapping[str, Lead]]) -> tuple[str, list[str]]:
    """What is to be published, and why it is not the candidate."""
    shown = [name for name in ndcg if name not in ("candidate", "champion") and leads[name]["candidate"].low > 0]
    behind = any(leads["candidate"][name].mean <= 0 for name in POPULARITIES)
    pool = [*shown, *(POPULARITIES if behind else ())]
    if not pool:
        return "candidate", []
    contender = max(pool, key=lambda name: ndcg[name])
    if contender in shown:
        why = f"{contender} is shown to be better than the candidate: {_text(ndcg, leads, contender, 'candidate')}"
    else:
        why = "the candidate is not ahead of popularity"
    return contender, [f"{why}; {contender} is the contender"]


def _against_champion(
    contender: str, ndcg: Mapping[str, float], leads: Mapping[str, Mapping[str, Lead]], compared_with: str
) -> tuple[bool, str]:
    what = "the champion" if compared_with == "champion" else "the champion's recipe, fitted on the same past"
    text = _text(ndcg, leads, contender, "champion")
    ahead = leads[contender]["champion"]
    not_worse = ahead.high >= 0 and ahead.mean >= -TOLERANCE * ndcg["champion"]
    # What stands in for the candidate takes over only from what is no better than it.
    good = not_worse if contender == "candidate" else ahead.mean >= 0
    return good, f"{contender} is {'not worse' if good else 'worse'} than {what}: {text}"


def _text(ndcg: Mapping[str, float], leads: Mapping[str, Mapping[str, Lead]], one: str, other: str) -> str:
    ahead = leads[one][other]
    return (
        f"NDCG@10 {ndcg[one]:.4f} against {ndcg[other]:.4f}, lead {ahead.mean:+.4f} "
        f"({ahead.low:+.4f} to {ahead.high:+.4f}, {ahead.users:,} users)"
    )
