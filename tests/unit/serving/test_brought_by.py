"""Whoever asks for reasons is told which member of a blend brought each item, whatever way it came."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support import packs as made
from tests.support import tastes
from tests.support.serving_worlds import KnownCatalogue, events
from tidemark.errors import PackError
from tidemark.models import fallback
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.blend import Blend
from tidemark.models.item_knn import ItemKnn
from tidemark.models.recipes import Recipe
from tidemark.retraining import publish, serving_pack
from tidemark.serving import pack as written
from tidemark.serving import ways
from tidemark.serving.answers import Ask
from tidemark.serving.columns import of_products
from tidemark.serving.filters import Filter
from tidemark.serving.folding import Model
from tidemark.serving.texts import SortedTexts

PAIRS = tastes.tastes(n_users=60, n_items=40, n_pairs=900)
BLEND = Blend((AlsImplicit(8, 1.0, 20.0), ItemKnn()), (0.25, 0.75))
MEMBERS = ("als_implicit", "item_knn")
USER = PAIRS.users[7]


@pytest.fixture(scope="module")
def lists():
    return publish.make(fallback.fit(BLEND, PAIRS), PAIRS, 10)


@pytest.fixture(scope="module")
def folder(lists, tmp_path_factory):
    fitted = fallback.fit(BLEND, PAIRS)
    served = serving_pack.Served(lists.users, lists.items, lists.scores, lists.brought_by)
    about = made.about(recipe=Recipe.of(BLEND).document(), n=10)
    folder = tmp_path_factory.mktemp("pack")
    columns = of_products(SortedTexts.of(PAIRS.items), ())
    written.write(str(folder), serving_pack.make(about, serving_pack.Parts(PAIRS, fitted, columns), served))
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return Model.of(written.read(folder))


def answered(model, ask, newer=()):
    return ways.answer(ask, model, KnownCatalogue(list(PAIRS.items)), newer, lambda: newer)


def test_of_a_stored_list_what_publish_found(model, lists):
    answer = answered(model, Ask(USER, 10, explain=True))
    assert {item.method for item in answer.items} == {"stored"}
    row = int(np.flatnonzero(PAIRS.users[lists.users] == USER)[0])
    assert [item.brought_by for item in answer.items] == [MEMBERS[place] for place in lists.brought_by[row]]
    assert {item.brought_by for item in answer.items} == set(MEMBERS)


def test_of_what_is_left_of_a_stored_list_the_same(model):
    whole = answered(model, Ask(USER, 10, explain=True)).items
    rest = answered(model, Ask(USER, 5, Filter(exclude=frozenset({whole[0].item_id})), explain=True)).items
    assert [(item.item_id, item.brought_by) for item in rest] == [(i.item_id, i.brought_by) for i in whole[1:6]]


def test_of_what_is_scored_now_the_greatest_part_of_that(model):
    newer = events("somebody new", [PAIRS.items[0], PAIRS.items[5]])
    answer = answered(model, Ask("somebody new", 10, explain=True), newer)
    assert {item.method for item in answer.items} == {"fold_in"}
    counted = model.read(newer, KnownCatalogue(list(PAIRS.items))).counted
    numbers = np.searchsorted(PAIRS.items, [item.item_id for item in answer.items])
    expected = model.fitted.brought_to_history(counted, numbers)
    assert [item.brought_by for item in answer.items] == [MEMBERS[place] for place in expected]


def test_who_does_not_ask_is_not_told_and_the_popular_is_brought_by_nobody(model):
    assert {item.brought_by for item in answered(model, Ask(USER, 10)).items} == {""}
    assert {item.brought_by for item in answered(model, Ask("stranger", 10, explain=True)).items} == {""}


def test_a_pack_whose_places_are_of_another_shape_is_refused(folder, tmp_path):
    pack = written.read(folder)
    spoilt = tmp_path / "pack"
    written.write(str(spoilt), replace(pack, brought_by=pack.brought_by[:, :3]))
    with pytest.raises(PackError, match="brought_by"):
        written.read(spoilt)
