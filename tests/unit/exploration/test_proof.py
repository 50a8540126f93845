"""The proof of a sample: known answers worked by hand, honest samples that pass, skewed ones that fail."""

import json
from math import exp, sqrt

import numpy as np
import pytest

from tidemark.exploration import proof
from tidemark.exploration.proof import FAILS, PASSES, Moments


def test_chi_square_by_hand() -> None:
    """100 of 1,000: expected 10, 10, 20, 20, 40; Pearson 4/10 + 4/10 + 16/20 + 0 + 16/40 = 2; times 999 / 900 = 2.22."""
    finding = proof.ratings([100, 100, 200, 200, 400], [12, 8, 16, 20, 44])
    assert finding.statistic == pytest.approx(2.22)
    # The upper tail of chi-square with 4 degrees of freedom: e^(-x/2) (1 + x/2).
    assert finding.p_value == pytest.approx(exp(-1.11) * 2.11)
    assert finding.method == "chi-square, 4 d.f."


def test_rare_stars_are_counted_with_their_neighbours() -> None:
    """Expected .1, .4, 4.5, 45, 50: the first three make one cell of 5; Pearson 1/5 + 0 + 1/50 = .22, 2 d.f."""
    finding = proof.ratings([100, 400, 4_500, 45_000, 50_000], [0, 1, 3, 45, 51])
    assert finding.method == "chi-square, 2 d.f."
    assert finding.statistic == pytest.approx(0.22 * 99_999 / 99_900)
    assert finding.p_value == pytest.approx(exp(-finding.statistic / 2))


def test_moments_by_hand() -> None:
    """1, 1, 3, 3: mean 2, all deviations 1."""
    counted = Moments.of_counts([2, 0, 2, 0, 0])
    assert counted == Moments(4, 2.0, 1.0, 1.0)
    assert counted.unbiased == pytest.approx(4 / 3)
    deviations = [-2, -2, 0, 0]
    powers = [sum(d**k for d in deviations) for k in range(1, 5)]
    assert Moments.of_powers(4, powers, about=3) == counted


def test_mean_and_spread_by_hand() -> None:
    """Deviations of 2 alone: sigma^2 = 4, mu4 = 16; the variance of s^2 is (16 - 16 * 7 / 9) / 10 * (101 - 10) / 100."""
    population = Moments(101, 3.0, 4.0, 16.0)
    sample = Moments(10, 3.4, 3.6, 0.0)
    mean = proof.mean(population, sample)
    assert mean.statistic == pytest.approx(0.4 / sqrt(4 * 101 / 100 / 10 * (1 - 10 / 101)))
    spread = proof.spread(population, sample)
    assert spread.statistic == pytest.approx((3.6 * 10 / 9 - 4.04) / sqrt((16 - 16 * 7 / 9) / 10 * 0.91))
    assert (spread.population, spread.sample) == (pytest.approx(sqrt(4.04)), pytest.approx(2.0))


def test_kolmogorov_smirnov_by_hand() -> None:
    """Activity 1, 2, 4 of 40, 20, 40 reviews against 10, 4, 6: steps .5 - .4, .7 - .6, 0, so D = .1; 20 of 100."""
    finding = proof.activity("user activity", [40, 20, 40], [10, 4, 6])
    assert finding.statistic == pytest.approx(0.1)
    x2 = 0.1**2 * 20 / (80 / 99)
    series = 2 * sum((-1) ** (k - 1) * exp(-2 * k * k * x2) for k in range(1, 100))
    assert finding.p_value == pytest.approx(series)


def test_holm_by_hand() -> None:
    """.001, .02, .03 of three: 3 * .001, then 2 * .02, then the greater of .04 and .03."""
    given = [proof.Finding("a", "", 0, 0.03), proof.Finding("b", "", 0, 0.001), proof.Finding("c", "", 0, 0.02)]
    judged = proof.judge(10, 5, given)
    assert [f.adjusted for f in judged.findings] == pytest.approx([0.04, 0.003, 0.04])
    assert [f.verdict for f in judged.findings] == [PASSES, FAILS, PASSES]
    assert judged.verdict == FAILS


EVEN = [0.0753633, 0.0549606, 0.0706933, 0.1600885, 0.6388943]
"""The five-star distribution of greatest entropy among those of mean 4.23219 and standard deviation 1.24651."""


def test_the_published_proof_of_the_full_corpus_fails_by_its_spread() -> None:
    """4.23219 / 1.24651 against 4.23927 / 1.22919 at n = 100,000, of 233 million: two curves that look alike."""
    share = np.array(EVEN)
    stars = np.arange(1, 6)
    centred = stars - 4.23219
    assert share @ stars == pytest.approx(4.23219, abs=1e-5)
    assert sqrt(share @ centred**2) == pytest.approx(1.24651, abs=1e-5)
    population = Moments(233_055_327, 4.23219, 1.24651**2, float(share @ centred**4))
    sample = Moments(100_000, 4.23927, 1.22919**2, 0.0)
    mean, spread = proof.mean(population, sample), proof.spread(population, sample)
    assert mean.statistic == pytest.approx(1.80, abs=0.005)
    assert spread.statistic == pytest.approx(-4.9, abs=0.05)
    judged = proof.judge(population.n, sample.n, [mean, spread])
    assert [f.verdict for f in judged.findings] == [PASSES, FAILS]
    # No five-star distribution of that mean and spread has a fourth moment above 12.72 (a linear programme's optimum).
    widest = Moments(population.n, population.mean, population.variance, 12.72)
    assert proof.spread(widest, sample).statistic < -4.2


def _drawn(rng: np.random.Generator, stars: np.ndarray, users: np.ndarray, rows: np.ndarray) -> proof.Proof:
    """The proof of the sample `rows` of reviews with `stars` by `users` (who stand for the items as well)."""
    activity = np.bincount(users)[users]
    levels = np.unique(activity)
    reviews = [int((activity == level).sum()) for level in levels]
    sampled = [int((activity[rows] == level).sum()) for level in levels]
    counts = [np.bincount(part, minlength=6)[1:].tolist() for part in (stars, stars[rows])]
    moments = [Moments.of_counts(count) for count in counts]
    findings = [proof.ratings(*counts), proof.mean(*moments), proof.spread(*moments)]
    findings += [proof.activity(name, reviews, sampled) for name in ("user activity", "item activity")]
    return proof.judge(len(stars), len(rows), findings)


@pytest.fixture(scope="module")
def reviews() -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    n = 40_000
    weight = rng.lognormal(0, 1.2, 4_000)
    return (
        rng,
        rng.choice(np.arange(1, 6), n, p=np.array(EVEN) / sum(EVEN)),
        rng.choice(4_000, n, p=weight / weight.sum()),
    )


@pytest.mark.parametrize("n", [200, 2_000, 20_000])
def test_honest_samples_pass_as_often_as_is_promised(
    reviews: tuple[np.random.Generator, np.ndarray, np.ndarray], n: int
) -> None:
    """At most 1 in 100 may fail; of 300, 9 would be three standard deviations too many."""
    rng, stars, users = reviews
    failed = sum(
        _drawn(rng, stars, users, rng.choice(len(stars), n, replace=False)).verdict == FAILS for _ in range(300)
    )
    assert failed <= 8


def test_skewed_samples_fail_by_the_test_that_sees_it(
    reviews: tuple[np.random.Generator, np.ndarray, np.ndarray],
) -> None:
    rng, stars, users = reviews
    activity = np.bincount(users)[users]

    def failing(rows: np.ndarray) -> set[str]:
        return {f.name for f in _drawn(rng, stars, users, rows).findings if f.verdict == FAILS}

    heavy = rng.permutation(np.flatnonzero(activity > np.quantile(activity, 0.7)))[:2_000]
    assert failing(heavy) == {"user activity", "item activity"}
    glad = rng.permutation(np.flatnonzero(stars == 5))[:2_000]
    assert {"ratings", "mean", "spread"} <= failing(glad)
    # The same mean with a smaller spread: pairs of 1 and 5 stars give way to threes.
    honest = rng.choice(len(stars), 4_000, replace=False)
    ones, fives, threes = (rng.permutation(np.flatnonzero(stars == star)) for star in (1, 5, 3))
    kept = honest[~np.isin(honest, np.concatenate([ones[: len(ones) // 2], fives[: len(ones) // 2]]))]
    shrunken = np.concatenate([kept, threes[: (len(honest) - len(kept)) * 2]])
    failed = failing(shrunken)
    assert "spread" in failed
    slightly = np.concatenate([honest, threes[~np.isin(threes, honest)][:5]])
    assert failing(slightly) == set()


def test_the_whole_population_is_like_itself() -> None:
    counts = [1, 0, 3, 4, 10]
    moments = Moments.of_counts(counts)
    findings = [proof.ratings(counts, counts), proof.mean(moments, moments), proof.spread(moments, moments)]
    findings.append(proof.activity("user activity", [4, 14], [4, 14]))
    assert {(f.statistic, f.p_value) for f in findings} == {(0.0, 1.0)}


def test_ratings_that_never_vary_have_nothing_to_fail() -> None:
    population, sample = [0, 0, 0, 0, 500], [0, 0, 0, 0, 50]
    moments = [Moments.of_counts(counts) for counts in (population, sample)]
    findings = [proof.ratings(population, sample), proof.mean(*moments), proof.spread(*moments)]
    assert all(f.p_value == 1 for f in findings)


def test_a_proof_is_json_and_readable() -> None:
    judged = proof.judge(1_000, 100, [proof.ratings([100, 100, 200, 200, 400], [12, 8, 16, 20, 44])])
    kept = json.loads(json.dumps(judged.document()))
    assert (kept["verdict"], kept["findings"][0]["name"], kept["correction"]) == ("passes", "ratings", "Holm")
    assert judged.text().splitlines()[0] == "sample of 100 of 1,000 reviews: passes (alpha 0.01, Holm)"
