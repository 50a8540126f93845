"""The gate, from figures alone."""

import numpy as np
import pytest

from tidemark.errors import SettingError
from tidemark.evaluation.promotion import Lead, decide, lead


def figures(candidate=0.10, popularity=0.05, recent=0.06, champion=None, spread=0.01):
    ndcg = {"candidate": candidate, "popularity": popularity, "popularity_recent": recent}
    ndcg |= {} if champion is None else {"champion": champion}
    leads = {
        a: {
            b: Lead(ndcg[a] - ndcg[b], ndcg[a] - ndcg[b] - spread, ndcg[a] - ndcg[b] + spread, 300)
            for b in ndcg
            if b != a
        }
        for a in ndcg
    }
    return ndcg, leads


def test_a_lead_is_paired():
    other = np.random.default_rng(0).random(2_000)
    ahead = lead(other + 0.01, other)
    assert (ahead.mean, ahead.low, ahead.high) == pytest.approx((0.01, 0.01, 0.01))
    assert ahead.users == 2_000
    noise = lead(np.random.default_rng(1).random(2_000), other)
    assert noise.low < 0 < noise.high


def test_the_first_model_goes_live_when_it_beats_popularity():
    decision = decide(*figures(), "gate", None)
    assert decision.publish
    assert decision.contender == "candidate"
    assert any("no champion" in r for r in decision.reasons)


def test_a_lead_that_may_be_chance_does_not_beat_popularity():
    decision = decide(*figures(candidate=0.065), "gate", None)
    assert decision.publish
    assert decision.contender == "popularity_recent"
    assert any("does not beat popularity_recent" in r for r in decision.reasons)


def test_better_than_the_champion_goes_live():
    assert decide(*figures(champion=0.09), "gate", "champion").publish


def test_not_shown_to_be_worse_is_enough_within_the_tolerance():
    assert decide(*figures(candidate=0.100, champion=0.104), "gate", "champion").publish
    assert not decide(*figures(candidate=0.100, champion=0.109), "gate", "champion").publish


def test_shown_to_be_worse_does_not_go_live_even_within_the_tolerance():
    decision = decide(*figures(candidate=0.100, champion=0.104, spread=0.001), "gate", "champion")
    assert not decision.publish
    assert any("worse than the champion" in r for r in decision.reasons)


def test_popularity_does_not_replace_a_champion_that_is_better_than_it():
    decision = decide(*figures(candidate=0.04, champion=0.07), "gate", "recipe")
    assert (decision.publish, decision.contender) == (False, "popularity_recent")
    assert any("recipe" in r for r in decision.reasons)


def test_popularity_replaces_a_champion_that_is_no_better():
    assert decide(*figures(candidate=0.04, champion=0.055), "gate", "champion").publish


def test_always_publishes_the_candidate_and_never_nothing():
    always = decide(*figures(candidate=0.01, champion=0.2), "always", "champion")
    never = decide(*figures(candidate=0.3, champion=0.2), "never", "champion")
    assert (always.publish, always.contender) == (True, "candidate")
    assert not never.publish
    assert "never" in never.reasons[-1]


def test_another_policy_is_refused():
    with pytest.raises(SettingError, match="gate, always or never"):
        decide(*figures(), "maybe", None)
