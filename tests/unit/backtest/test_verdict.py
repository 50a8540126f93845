"""What all origins together show: by hand, and nothing where too few were measured."""

import numpy as np
import pytest

from tidemark.backtest import verdict
from tidemark.backtest.gate_trials import GateTrial
from tidemark.backtest.measuring import FOLDED, FRESH, STALE
from tidemark.evaluation.promotion import Lead

RNG = np.random.default_rng(1)


def origin(users=100, **losses):
    """`losses`: lag -> what folding in loses of a constant .5."""
    out = {}
    for lag in (0, 1, 2, 5, 10):
        fresh = 0.5 + 0.01 * RNG.normal(size=users)
        loss = losses.get(f"at_{lag}", 0.0)
        noise = 0.02 * RNG.normal(size=users)
        out[lag] = {
            FRESH: fresh,
            FOLDED: fresh - loss + noise - noise.mean(),
            STALE: fresh - 2 * loss + noise - noise.mean(),
            "cpu_seconds": np.array([2.0]),
        }
    return out


def window_rows(*losses, users=100):
    rows = []
    for share, loss in zip((0.25, 0.5, 1.0), losses, strict=True):
        figure = {"value": loss, "low": loss - 0.005, "high": loss + 0.005}
        rows.append({"share": share, "pairs": 1_000 * share, "users": users, "loss": figure})
    return rows


def test_users_of_all_origins_are_taken_together():
    rows = verdict.of_lags([origin(30), origin(70)], 1_000)
    assert [(row["lag"], row["interactions"], row["users"]) for row in rows] == [
        (n, 1_000 * n, 100) for n in (0, 1, 2, 5, 10)
    ]
    assert rows[0]["cpu_seconds"] == 2.0
    assert rows[0]["fresh"]["value"] == pytest.approx(0.5, abs=0.01)


def test_a_loss_is_the_mean_of_each_users():
    row = verdict.of_lags([origin(at_5=0.1)], 10)[3]
    assert row["loss"]["value"] == pytest.approx(0.1)
    assert row["loss_without_fold_in"]["value"] == pytest.approx(0.2)
    assert row["loss"]["low"] > 0


@pytest.mark.parametrize(
    ("losses", "mark", "said"),
    [
        ({"at_5": 0.05, "at_10": 0.1}, 2_000, "first shown after 5,000 interactions"),
        ({"at_1": 0.05, "at_2": 0.05, "at_5": 0.05, "at_10": 0.1}, 1_000, "less than a mark was not measured"),
        ({}, 10_000, "no loss is shown up to 10,000 interactions"),
    ],
    ids=["between", "at once", "never"],
)
def test_the_mark_is_the_last_before_a_loss_is_shown(losses, mark, said):
    told = verdict.recommended(verdict.of_lags([origin(400, **losses)], 1_000), window_rows(0.1, 0.0, 0.0, users=400))
    assert told["mark"] == mark
    assert said in told["why"][0]


@pytest.mark.parametrize(
    ("losses", "window", "said"),
    [
        ((0.1, 0.0, 0.0), 500, "newest 50%"),
        ((0.0, 0.0, 0.0), 250, "newest 25%"),
        ((0.1, 0.1, 0.0), 1_000, "every shorter window"),
    ],
    ids=["half", "a quarter", "all"],
)
def test_the_window_is_the_shortest_that_is_not_shown_to_lose(losses, window, said):
    told = verdict.recommended(verdict.of_lags([origin(100)], 1_000), window_rows(*losses))
    assert told["window"] == window
    assert said in told["why"][1]


@pytest.mark.parametrize("users", [0, 29])
def test_of_few_users_nothing_is_recommended(users):
    rows = verdict.of_lags([origin(users)], 1_000)
    told = verdict.recommended(rows, window_rows(0, 0, 0, users=users))
    assert (told["mark"], told["window"]) == (None, None)
    assert f"{users} users were measured: nothing can be concluded" in told["why"][0]


def trial(published, mean, width):
    return GateTrial("als", "candidate", published, Lead(mean, mean - width, mean + width, 100)).document()


def test_the_gate_is_right_where_the_future_shows_it():
    told = verdict.of_gate(
        [
            trial(True, 0.1, 0.01),
            trial(False, -0.1, 0.01),
            trial(True, -0.1, 0.01),
            trial(False, 0.1, 0.01),
            trial(True, 0.0, 0.01),
        ]
    )
    assert {name: told[name] for name in ("decisions", "right", "wrong", "open", "kept_worse", "published_worse")} == {
        "decisions": 5, "right": 2, "wrong": 2, "open": 1, "kept_worse": 1, "published_worse": 1,
    }  # fmt: skip
    assert verdict.of_gate([]) == {
        "decisions": 0,
        "right": 0,
        "wrong": 0,
        "open": 0,
        "kept_worse": 0,
        "published_worse": 0,
        "trials": [],
    }
