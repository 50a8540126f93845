"""Proof that a sample is like its population: five tests with statistics, p-values and one verdict.

The sample is drawn without replacement from a population that is known whole, so nothing about the population is
estimated, and every statistic carries the finite population correction: a sample of half the reviews varies less than
one of a thousandth, and a sample of all of them not at all.

- **ratings**: Pearson's chi-square of the five stars' counts, times (N - 1) / (N - n) (the covariance of the
  multivariate hypergeometric distribution is the multinomial's times the inverse of it).
- **mean**: z of the mean rating, variance S^2 / n * (1 - n / N) (Cochran, Sampling Techniques, 1977, theorem 2.2).
- **spread**: z of the variance s^2 of the rating, whose variance is (mu4 - sigma^4 (n - 3) / (n - 1)) / n (Cramer,
  Mathematical Methods of Statistics, 1946, 27.4), times (N - n) / (N - 1). mu4 is the population's own fourth central
  moment: stars are far from normal, for which the textbook's sqrt(2 / (n - 1)) holds.
- **user activity**, **item activity**: Kolmogorov-Smirnov of how much the users (items) behind the reviews were
  reviewed in the population. Both sides count reviews: a user of 40 reviews is there 40 times. p is of the limiting
  distribution (Kolmogorov 1933) with n / (1 - n / N) in place of n (Rosen 1964). Activity is a whole number, and with
  ties the test is conservative (Noether 1963): it refuses honest samples less often than it says.

All five are one question, so that p-values are adjusted by Holm (1979), which holds whatever depends on what: an honest
sample fails at all with a probability of at most ALPHA.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np
from scipy import stats

ALPHA = 0.01
"""How often an honest sample may fail the five tests together."""

FEWEST_EXPECTED = 5
"""Stars of which fewer are expected in the sample are counted with their neighbours (Cochran 1954)."""

PASSES, FAILS = "passes", "fails"


@dataclass(frozen=True)
class Moments:
    """Of a rating: how many, mean, variance about it (divisor n), fourth central moment (divisor n)."""

    n: int
    mean: float
    variance: float
    fourth: float

    @classmethod
    def of_powers(cls, n: int, powers: Sequence[float], about: float) -> "Moments":
        """From the sums of (x - about)^k, k = 1..4."""
        a, b, c, d = (power / n for power in powers)
        return cls(n, about + a, max(b - a * a, 0.0), max(d - 4 * a * c + 6 * a * a * b - 3 * a**4, 0.0))

    @classmethod
    def of_counts(cls, counts: Sequence[float]) -> "Moments":
        """From how often each of 1, 2, ... stars was given (shares do as well: then n is their sum)."""
        share = np.asarray(counts, float) / sum(counts)
        stars = np.arange(1, len(counts) + 1)
        mean = float(share @ stars)
        central = [float(share @ (stars - mean) ** k) for k in (2, 4)]
        return cls(int(sum(counts)), mean, *central)

    @property
    def unbiased(self) -> float:
        """Variance with the divisor n - 1."""
        return self.variance * self.n / (self.n - 1) if self.n > 1 else 0.0


@dataclass(frozen=True)
class Finding:
    """What one test finding.

    Attributes:
        name: `ratings`, `mean`, `spread`, `user activity` or `item activity`.
        method: the test, and what its statistic is called.
        statistic, p_value: two-sided.
        population, sample: what was compared, where that is one number each.
        adjusted: the p-value by Holm over all tests of the proof.
        verdict: `passes` or `fails`.
    """

    name: str
    method: str
    statistic: float
    p_value: float
    population: float | None = None
    sample: float | None = None
    adjusted: float = 1.0
    verdict: str = PASSES


@dataclass(frozen=True)
class Proof:
    """All tests of a sample of `rows` of `population` reviews, and the verdict on it."""

    population: int
    rows: int
    alpha: float
    correction: str
    findings: tuple[Finding, ...]
    verdict: str

    def document(self) -> dict[str, Any]:
        """As JSON and MongoDB keep it."""
        return asdict(self) | {"findings": [asdict(finding) for finding in self.findings]}

    def text(self) -> str:
        """For reading in a log."""
        lines = [f"sample of {self.rows:,} of {self.population:,} reviews: {self.verdict} (alpha {self.alpha}, Holm)"]
        for finding in self.findings:
            both = "" if finding.sample is None else f"  {finding.population:.5f} and {finding.sample:.5f}"
            lines.append(
                f"  {finding.name:<14}{finding.method:<22}{finding.statistic:>10.4f}  p {finding.p_value:<9.3g} "
                f"adjusted {finding.adjusted:<9.3g}{finding.verdict}{both}"
            )
        return "\n".join(lines)


def _share_left(population: int, sample: int) -> float:
    """The finite population correction: (N - n) / (N - 1)."""
    return (population - sample) / (population - 1) if population > 1 else 0.0


def _z(difference: float, variance: float) -> tuple[float, float]:
    """z and its two-sided p; no difference at all passes, also where nothing varies."""
    if abs(difference) < 1e-12:
        return 0.0, 1.0
    z = difference / sqrt(variance) if variance > 0 else np.inf * np.sign(difference)
    return float(z), float(2 * stats.norm.sf(abs(z)))


def _cells(expected: Sequence[float], observed: Sequence[float]) -> list[tuple[float, float]]:
    """Expected and observed of neighbouring stars, joined until each cell expects enough."""
    cells: list[tuple[float, float]] = []
    e, o = 0.0, 0.0
    for more_e, more_o in zip(expected, observed, strict=True):
        e, o = e + more_e, o + more_o
        if e >= FEWEST_EXPECTED:
            cells.append((e, o))
            e, o = 0.0, 0.0
    if e or o:
        last = cells.pop() if cells else (0.0, 0.0)
        cells.append((last[0] + e, last[1] + o))
    return cells


def ratings(population: Sequence[int], sample: Sequence[int]) -> Finding:
    """Chi-square of how often each star was given.

    Args:
        population, sample: counts of 1, 2, 3, 4, 5 stars.
    """
    whole, n = sum(population), sum(sample)
    left = _share_left(whole, n)
    cells = _cells([n * count / whole for count in population], sample)
    pearson = sum((o - e) ** 2 / e for e, o in cells)
    statistic = pearson / left if left else 0.0
    method = f"chi-square, {len(cells) - 1} d.f."
    p = float(stats.chi2.sf(statistic, len(cells) - 1)) if len(cells) > 1 else 1.0
    return Finding("ratings", method, statistic, p)


def mean(population: Moments, sample: Moments) -> Finding:
    """z of the mean rating."""
    left = 1 - sample.n / population.n
    z, p = _z(sample.mean - population.mean, population.unbiased / sample.n * left)
    return Finding("mean", "z", z, p, population.mean, sample.mean)


def spread(population: Moments, sample: Moments) -> Finding:
    """z of the variance of the rating; what is shown of both are standard deviations."""
    n, sigma4 = sample.n, population.variance**2
    variance = (population.fourth - sigma4 * (n - 3) / (n - 1)) / n * _share_left(population.n, n)
    z, p = _z(sample.unbiased - population.unbiased, variance)
    return Finding("spread", "z of the variance", z, p, sqrt(population.unbiased), sqrt(sample.unbiased))


def activity(name: str, population: Sequence[int], sample: Sequence[int]) -> Finding:
    """Kolmogorov-Smirnov of activity.

    Args:
        name: `user activity` or `item activity`.
        population, sample: how many reviews belong to each activity, activities ascending, the same ones in both.
    """
    whole, n = sum(population), sum(sample)
    steps = np.cumsum(np.asarray(sample, float)) / n - np.cumsum(np.asarray(population, float)) / whole
    d = float(np.abs(steps).max())
    left = _share_left(whole, n)
    p = float(stats.kstwobign.sf(d * sqrt(n / left))) if left else 1.0
    return Finding(name, "Kolmogorov-Smirnov D", d, p)


def judge(population: int, rows: int, findings: Sequence[Finding], alpha: float = ALPHA) -> Proof:
    """Adjust the p-values by Holm and give each test, and the sample, its verdict."""
    order = sorted(range(len(findings)), key=lambda i: findings[i].p_value)
    adjusted, highest = [0.0] * len(findings), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(findings) - rank) * findings[i].p_value))
        adjusted[i] = highest
    judged = tuple(
        Finding(**asdict(finding) | {"adjusted": p, "verdict": FAILS if p <= alpha else PASSES})
        for finding, p in zip(findings, adjusted, strict=True)
    )
    verdict = FAILS if any(finding.verdict == FAILS for finding in judged) else PASSES
    return Proof(population, rows, alpha, "Holm", judged, verdict)
