"""What an experiment has shown: users of each arm, their rates with intervals, whether the split is as planned, and what
may be concluded.

Users are compared, not lists: arms are given to users, and what one of them does in two lists is not independent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidemark.storefront.experiments import Arm, Experiment
from tidemark.stream.engagement_figures import Interval, Rate, difference

SUSPICIOUS = 0.001
"""The split is not as planned where chance alone brings one as uneven less often than this. Far below 0.05, for it is
looked at again and again while the experiment runs."""

NO_DECISION, UNEVEN, NO_DIFFERENCE, BETTER, WORSE, CONTROL = (
    "no decision yet",
    "the split is not as planned: nothing may be concluded",
    "no difference shown",
    "better",
    "worse",
    "compared with",
)


@dataclass(frozen=True)
class ArmFigures:
    """One arm: `users.shown` counts its users, `.clicked` those that have clicked, `.purchased` those that have bought.

    `beside_first` is the interval of its share of clickers less the first arm's; None for the first itself.
    """

    arm: Arm
    users: Rate
    beside_first: Interval | None
    verdict: str

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.arm.name,
            "model": self.arm.model,
            "share": self.arm.share,
            "users": self.users.shown,
            "clicked": {
                "users": self.users.clicked,
                "share": self.users.rate,
                "low": self.users.low,
                "high": self.users.high,
            },
            "purchased": {
                "users": self.users.purchased,
                "share": self.users.purchase_rate,
                **self.users.purchase._asdict(),
            },
            "beside_first": self.beside_first._asdict() if self.beside_first else None,
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class Figures:
    """All arms, in the experiment's order. `split_p` is how often chance alone brings a split as uneven as this one."""

    experiment: Experiment
    arms: tuple[ArmFigures, ...]
    split_p: float

    @property
    def split_is_planned(self) -> bool:
        """Whether as many users are in each arm as its share says, as far as chance goes."""
        return self.split_p >= SUSPICIOUS

    def document(self) -> dict[str, Any]:
        """As JSON: what the API gives, and `tidemark experiment figures --json`."""
        known = self.experiment
        return {
            "name": known.name,
            "start": known.start.isoformat(),
            "end": known.ended_at.isoformat(),
            "planned_users_per_arm": known.planned,
            "split": {"p": self.split_p, "as_planned": self.split_is_planned},
            "arms": [arm.document() for arm in self.arms],
        }


def split_p(arms: tuple[Arm, ...], users: Mapping[str, int]) -> float:
    """The p-value of Pearson's chi-square test that users are split by the arms' shares; 1 without users."""
    from scipy.stats import chisquare

    observed = [users.get(arm.name, 0) for arm in arms]
    total, shares = sum(observed), sum(arm.share for arm in arms)
    if total == 0:
        return 1.0
    return float(chisquare(observed, [total * arm.share / shares for arm in arms]).pvalue)


def figures(experiment: Experiment, users: Mapping[str, Rate]) -> Figures:
    """What the experiment has shown.

    Args:
        experiment: as it was planned.
        users: arm -> its users (`engagement_figures.users_by_arm`); an arm that nobody has met may be missing.
    """
    known = {arm.name: users.get(arm.name, Rate(0, 0)) for arm in experiment.arms}
    p = split_p(experiment.arms, {name: rate.shown for name, rate in known.items()})
    enough = all(rate.shown >= experiment.planned for rate in known.values())
    first = known[experiment.arms[0].name]
    made = []
    for place, arm in enumerate(experiment.arms):
        rate = known[arm.name]
        by = None if place == 0 else difference((first.clicked, first.shown), (rate.clicked, rate.shown))
        made.append(ArmFigures(arm, rate, by, _verdict(by, p, enough=enough)))
    return Figures(experiment, tuple(made), p)


def _verdict(by: Interval | None, p: float, *, enough: bool) -> str:
    if p < SUSPICIOUS:
        return UNEVEN
    if not enough:
        return NO_DECISION
    if by is None:
        return CONTROL
    return BETTER if by.low > 0 else WORSE if by.high < 0 else NO_DIFFERENCE
