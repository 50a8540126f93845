"""The gate, from figures alone."""

import numpy as np
import pytest

from tidemark.errors import SettingError
from tidemark.evaluation import promotion
from tidemark.evaluation.evidence import Evidence
from tidemark.evaluation.promotion import Lead, lead

ENOUGH = Evidence(300, "newest_tenth")


def decide(ndcg, leads, promote, compared_with, evidence=ENOUGH, champion_engine=None):
    engine = champion_engine or ("implicit" if compared_with else None)
    return promotion.decide(ndcg, leads, promote, compared_with, evidence=evidence, champion_engine=engine)


def figures(candidate=0.10, popularity=0.05, recent=0.06, knn=None, champion=None, spread=0.01):
    ndcg = {"candidate": candidate, "popularity": popularity, "popularity_recent": recent}
    ndcg |= {} if knn is None else {"item_knn": knn}
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


def test_the_first_model_goes_live_when_it_is_ahead_of_popularity():
    decision = decide(*figures(), "gate", None)
    assert decision.publish
    assert decision.contender == "candidate"
    assert any("no champion" in r for r in decision.reasons)


def test_a_lead_that_may_be_chance_is_enough_over_popularity():
    decision = decide(*figures(candidate=0.065), "gate", None)
    assert (decision.publish, decision.contender) == (True, "candidate")
    assert any("ahead of popularity_recent" in r for r in decision.reasons)


@pytest.mark.parametrize("candidate", [0.055, 0.05, 0.02])
def test_what_is_not_ahead_of_popularity_is_replaced_by_the_better_one(candidate):
    decision = decide(*figures(candidate=candidate), "gate", None)
    assert (decision.publish, decision.contender) == (True, "popularity_recent")
    assert any("not ahead of popularity_recent" in r for r in decision.reasons)
    assert any("popularity_recent is the contender" in r for r in decision.reasons)


def test_another_model_takes_the_candidate_s_place_only_where_it_is_shown_to_be_better():
    assert decide(*figures(knn=0.105), "gate", None).contender == "candidate"
    shown = decide(*figures(knn=0.115), "gate", None)
    assert (shown.publish, shown.contender) == (True, "item_knn")
    assert any("item_knn is shown to be better than the candidate: NDCG@10 0.1150" in r for r in shown.reasons)
    assert decide(*figures(knn=0.115), "always", None).contender == "candidate"


def test_of_several_that_are_better_the_best_is_taken():
    assert decide(*figures(candidate=0.02, knn=0.055), "gate", None).contender == "popularity_recent"
    assert decide(*figures(candidate=0.02, knn=0.07), "gate", None).contender == "item_knn"


def test_another_model_takes_over_only_from_a_champion_that_is_no_better():
    assert decide(*figures(candidate=0.08, knn=0.100, champion=0.100), "gate", "champion").publish
    decision = decide(*figures(candidate=0.08, knn=0.100, champion=0.101), "gate", "champion")
    assert (decision.publish, decision.contender) == (False, "item_knn")


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


def test_the_first_reason_says_how_many_users_were_measured_and_on_what():
    assert decide(*figures(), "gate", None).reasons[0] == "300 users measured on the newest tenth"


FEW = [Evidence(n, "last_of_each_user") for n in (0, 1, 3, 29)]
CLAIMS = ("ahead", "better", "worse", "NDCG")


@pytest.mark.parametrize("evidence", FEW, ids=lambda e: str(e.count))
@pytest.mark.parametrize(
    ("given", "compared_with"),
    [({"candidate": 0.9}, None), ({"candidate": 0.9, "champion": 0.1}, "champion"), ({"candidate": 0.0}, None)],
    ids=["far ahead", "far ahead of the champion", "far behind"],
)
@pytest.mark.parametrize("promote", promotion.POLICIES)
def test_few_users_prove_nothing_whatever_their_figures(evidence, given, compared_with, promote):
    decision = decide(*figures(**given), promote, compared_with, evidence)
    assert decision.reasons[0] == evidence.doubt()
    assert "nothing can be concluded (30 are needed)" in decision.reasons[0]
    assert not [r for r in decision.reasons for claim in CLAIMS if claim in r]


@pytest.mark.parametrize("evidence", FEW, ids=lambda e: str(e.count))
def test_without_proof_the_first_model_is_popularity_of_all_time_and_a_champion_stays(evidence):
    first = decide(*figures(candidate=0.9, recent=0.8), "gate", None, evidence)
    assert (first.publish, first.contender) == (True, "popularity")
    later = decide(*figures(candidate=0.9, champion=0.1), "gate", "recipe", evidence)
    assert (later.publish, later.contender) == (False, "candidate")
    assert later.reasons[-1] == "the champion stays"


@pytest.mark.parametrize("engine", promotion.POPULARITIES)
def test_without_proof_popularity_that_is_live_is_fitted_again(engine):
    decision = decide(*figures(candidate=0.9, champion=0.1), "gate", "recipe", FEW[2], engine)
    assert (decision.publish, decision.contender) == (True, engine)


def test_without_proof_always_publishes_the_candidate_and_never_nothing():
    always = decide(*figures(champion=0.2), "always", "champion", FEW[2])
    never = decide(*figures(), "never", None, FEW[2])
    assert (always.publish, always.contender) == (True, "candidate")
    assert not never.publish
    assert "never" in never.reasons[-1]


def test_where_nobody_was_measured_there_need_be_no_figures():
    decision = decide({}, {}, "gate", None, FEW[0])
    assert (decision.publish, decision.contender) == (True, "popularity")
    assert not decide({}, {}, "gate", None, FEW[0], "spark").publish


def test_thirty_users_are_weighed():
    decision = decide(*figures(), "gate", None, Evidence(30))
    assert decision.contender == "candidate"
    assert any("ahead of popularity" in r for r in decision.reasons)
