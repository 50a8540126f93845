"""A model can be anything: recommenders that the platform does not have go through its jobs, registry and gate; and models
that were stored before recommenders had settings of their own are still compared with, and remembered."""

import numpy as np
import pytest

from tests.support import tastes, toy_recommenders
from tests.support.retraining import as_frame, retrain, store_interactions
from tests.support.toy_recommenders import Blend, Newest
from tidemark.contracts import conformance
from tidemark.models import saved
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.interface import recommend
from tidemark.models.item_knn import ItemKnn
from tidemark.models.recipes import from_document
from tidemark.registry import champion, entries
from tidemark.retraining import report, search
from tidemark.storage import artifacts, mongo

pytestmark = pytest.mark.usefixtures("spark", "mongo_db")

BLEND = Blend((AlsImplicit(8, 1.0, 20.0), ItemKnn(k=20), Newest()), (0.1, 0.9, 0.0))


def compared(decided):
    """How the model of a run was compared, and with which figure of the champion."""
    model = entries.get(mongo.connect(), decided["model"])
    return model["decision"]["compared_with"], model["metrics"]["champion"]["ndcg_at_10"]["value"]


def test_a_recommender_that_the_platform_does_not_have_goes_live_and_is_compared_with(monkeypatch):
    toy_recommenders.register(monkeypatch)
    table = as_frame(tastes.tastes())
    store_interactions(table.head(3_000))
    choice = search.Choice(BLEND, "given", "a test chose it")
    with monkeypatch.context() as context:
        context.setattr(search, "choose", lambda *_, **__: choice)
        decided = retrain("blend", promote="always")
    db = mongo.connect()
    model = entries.get(db, decided["model"])
    assert champion.live(db)["_id"] == model["_id"]
    assert conformance.reasons("model", model) == []
    assert (model["params"]["name"], model["settings_from"], model["search_of"]) == ("toy_blend", "given", None)
    assert from_document(model["params"]).recommender() == BLEND
    assert "toy_blend: members [(als_implicit: " in report.text(model, [], [])

    pairs = saved.load_pairs(decided["run"])
    items, _ = recommend(BLEND.fit(pairs), np.arange(3), 10, pairs.weights)
    for user, expected in zip(pairs.users[:3].tolist(), items.tolist(), strict=True):
        stored = db[mongo.recommendations(model["_id"])].find_one({"_id": user})
        assert [pairs.items[item] for item in expected] == [item["item_id"] for item in stored["items"]]

    # its recipe is fitted on the same past; then, once enough is newer, its file is read
    assert compared(retrain("als", 1, force=True, promote="never"))[0] == "recipe"
    store_interactions(table.tail(len(table) - 3_000))
    assert compared(retrain("later", 2, promote="never"))[0] == "champion"


def make_old(model_id):
    """Bring a model, its document and its file, into the form in which they were stored before."""
    db = mongo.connect()
    model = entries.get(db, model_id)
    params = {"engine": "implicit", "feedback": "implicit", **model["params"]["settings"]}
    db["models"].update_one(
        {"_id": model_id},
        {"$set": {"params": params, "tried": params}, "$unset": {"settings_from": "", "search_of": ""}},
    )
    path = f"{model['artifacts']}/model.npz"
    arrays = artifacts.read_arrays(path)
    artifacts.write_arrays(
        path,
        users=arrays["users"],
        items=arrays["items"],
        item_scores=arrays["fitted/other/item_scores"],
        user_factors=arrays["fitted/first/user_factors"],
        item_factors=arrays["fitted/first/item_factors"],
    )
    assert conformance.reasons("model", entries.get(db, model_id)) == []


def test_a_champion_that_was_stored_before_is_remembered_compared_with_and_rolled_back_to():
    table = as_frame(tastes.tastes())
    store_interactions(table.head(3_000))
    first = retrain("first", factors=8, regularization=None, alpha=None)["model"]
    make_old(first)

    # the same recipe, whichever way it is written, on the same past is the same model
    again = retrain(
        "again", 1, force=True, promote="never", search="never", factors=None, regularization=None, alpha=None
    )
    model = entries.get(mongo.connect(), again["model"])
    assert (model["settings_from"], model["search_of"]) == ("remembered", first)
    assert model["decision"]["compared_with"] == "recipe"
    of_champion, of_candidate = (model["metrics"][name] for name in ("champion", "candidate"))
    assert of_champion.keys() == of_candidate.keys()
    for metric, figure in of_candidate.items():  # a bootstrap's sums depend on a column's place in the last digit
        assert of_champion[metric] == pytest.approx(figure, rel=1e-12), metric

    store_interactions(table.tail(len(table) - 3_000))
    by_old_file = compared(retrain("third", 2, promote="always"))
    assert by_old_file[0] == "champion"
    assert by_old_file[1] > 0.1
    assert champion.roll_back(mongo.connect(), None, "back")[1] == first
