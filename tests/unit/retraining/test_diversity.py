"""What more diverse lists cost and gain is measured on the same users, and says why where it is not."""

import numpy as np
import pytest

from tests.support import tastes
from tidemark.evaluation import splits
from tidemark.models import fallback, saved
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.blend import Blend
from tidemark.models.interface import recommend
from tidemark.models.item_knn import ItemKnn
from tidemark.models.pairs import Pairs, from_frame
from tidemark.models.popularity import Popularity
from tidemark.retraining import diversity, publish
from tidemark.storage import artifacts, run_folder

PAIRS = tastes.tastes()
SPLIT = splits.split(PAIRS, None)
ALS = AlsImplicit(8, 1.0, 20.0)


@pytest.fixture(scope="module")
def curve():
    return diversity.curve(fallback.fit(ALS, SPLIT.train), SPLIT)


def test_the_first_step_is_the_models_own_order_and_costs_nothing(curve):
    assert [row["at"] for row in curve] == list(diversity.STEPS)
    assert curve[0]["cost"] == {"value": 0, "low": 0, "high": 0}
    assert {row["users"] for row in curve} == {SPLIT.measured_users}


def test_lists_grow_less_alike_and_each_figure_has_its_interval(curve):
    unlike = [row["diversity"]["value"] for row in curve]
    assert unlike[-1] > unlike[0]
    for row in curve:
        for name in (*diversity.SHOWN, "cost"):
            assert row[name]["low"] <= row[name]["value"] <= row[name]["high"]
        lost = curve[0]["ndcg_at_10"]["value"] - row["ndcg_at_10"]["value"]
        assert row["cost"]["value"] == pytest.approx(lost)


def test_a_model_without_vectors_and_data_without_measured_users_have_no_curve():
    assert diversity.curve(fallback.fit(Popularity(), SPLIT.train), SPLIT) == []
    once = from_frame(tastes.frame([(f"u{n:02}", f"i{n % 3}") for n in range(30)]))
    alone = splits.split(once, None)
    assert diversity.curve(fallback.fit(ALS, alone.train), alone) == []


@pytest.mark.parametrize(
    ("pairs", "recommender", "why"),
    [
        (PAIRS, ALS, ""),
        (PAIRS, Popularity(), "this model places no items beside each other"),
        (from_frame(tastes.frame([(f"u{n:02}", f"i{n % 3}") for n in range(30)])), ALS, "nobody can be measured"),
    ],
    ids=["measured", "no vectors", "nobody"],
)
def test_of_a_run_it_is_kept_with_why_it_is_not_there(tmp_path, pairs: Pairs, recommender, why):
    run = str(tmp_path)
    asked = {"champion_cut": None, "asked": {"diversity": 0.25}}
    artifacts.write_json(f"{run}/{run_folder.SNAPSHOT}", asked)
    saved.save_pairs(run, pairs)
    train = splits.split(pairs, None).train
    saved.save_model(f"{run}/{run_folder.CANDIDATE}", recommender, fallback.fit(recommender, train), train)
    told = diversity.of_run(run)
    assert (told["diversity"], told["why"], bool(told["curve"])) == (0.25, why, not why)
    assert artifacts.read_json(f"{run}/{run_folder.DIVERSITY}") == told
    assert diversity.of_run(run) == told


@pytest.mark.parametrize("recommender", [ALS, Blend((ALS, ItemKnn()), (0.5, 0.5))], ids=["als", "blend"])
def test_what_is_published_is_what_is_measured(recommender):
    fitted = fallback.fit(recommender, PAIRS)
    lists = publish.make(fitted, PAIRS, 10, 0.5)
    measured, _ = recommend(fitted, lists.users, 10, PAIRS.weights, None, 0.5)
    assert np.array_equal(lists.items, measured)
    plain = publish.make(fitted, PAIRS, 10)
    assert (lists.items != plain.items).any()
    assert publish.summary(lists, PAIRS)[["finite", "descending"]].all(axis=None)
    assert publish.summary(lists, PAIRS)["already_had"].sum() == 0
    if lists.brought_by is not None:
        assert ((lists.brought_by >= 0) == (lists.items >= 0)).all()


def test_a_model_without_vectors_lists_by_score():
    fitted = Popularity().fit(PAIRS)
    assert np.array_equal(publish.make(fitted, PAIRS, 10, 0.5).items, publish.make(fitted, PAIRS, 10).items)
