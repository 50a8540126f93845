"""Whose lists are measured."""

import numpy as np
import pytest

from tests.support import tastes
from tidemark.evaluation import ranking_metrics, splits
from tidemark.models import fallback, saved
from tidemark.models.item_knn import ItemKnn
from tidemark.models.recipes import Recipe
from tidemark.retraining import evaluate
from tidemark.storage import run_folder

SPLIT = splits.split(tastes.tastes(), None)
KNN = ItemKnn(k=20)


@pytest.fixture
def run(tmp_path):
    saved.save_model(f"{tmp_path}/{run_folder.CANDIDATE}", KNN, fallback.fit(KNN, SPLIT.train), SPLIT.train)
    return str(tmp_path)


def test_of_many_users_some_are_drawn_the_same_every_time(run, monkeypatch):
    everybody = ranking_metrics.users_of_both(SPLIT.train, SPLIT.held)
    params = Recipe.of(KNN).document()
    whole = evaluate.evaluate(run, SPLIT, params, None)
    assert whole["measured_users"] == len(everybody) > 100
    monkeypatch.setattr(evaluate, "MOST_USERS", 100)
    some, again = (evaluate.evaluate(run, SPLIT, params, None) for _ in range(2))
    assert some == again
    assert some["measured_users"] == 100
    assert some["ndcg_at_10"]["candidate"] == pytest.approx(whole["ndcg_at_10"]["candidate"], abs=0.1)
    drawn = ranking_metrics.drawn(everybody, 100)
    assert set(drawn.tolist()) < set(everybody.tolist())
    assert (np.diff(drawn) > 0).all()
    assert np.array_equal(ranking_metrics.drawn(everybody, len(everybody)), everybody)
