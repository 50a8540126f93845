"""The pack of a model is what was learned and listed, and the gate sees every way in which MongoDB could have another."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from tests.support import packs as made
from tests.support import tastes
from tidemark.errors import GateError
from tidemark.models import fallback
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.baselines import BASELINES
from tidemark.models.item_knn import ItemKnn
from tidemark.models.pairs import from_frame
from tidemark.models.popularity import Popularity
from tidemark.models.recipes import Recipe
from tidemark.retraining import publish, serving_pack
from tidemark.serving import pack as written
from tidemark.serving.catalogue import Catalogue
from tidemark.serving.columns import of_products
from tidemark.serving.details import Details
from tidemark.serving.texts import SortedTexts

ROWS = [("all", "a"), ("all", "b"), ("all", "c"), ("two", "a"), ("two", "b"), ("one", "a")]
PAIRS = from_frame(tastes.frame(ROWS, rating=4.0))


def pack_of(recommender, pairs=PAIRS, known=()):
    fitted = fallback.fit(recommender, pairs)
    lists = publish.make(fitted, pairs, 2)
    served = serving_pack.Served(lists.users, lists.items, lists.scores)
    parts = serving_pack.Parts(pairs, fitted, of_products(SortedTexts.of(pairs.items), known))
    return serving_pack.make(made.about(), parts, served), lists, fitted


def test_a_pack_has_the_lists_of_the_served_and_the_ids_of_all_items():
    pack, lists, fitted = pack_of(AlsImplicit(2, 1.0, 2.0))
    assert list(pack.users) == ["one", "two"]
    assert list(pack.items) == ["a", "b", "c"]
    assert pack.lists is lists.items
    assert pack.scores is lists.scores
    assert pack.learned["item_factors"] is fitted.first.item_factors


def test_what_people_made_of_the_items_is_counted():
    frame = tastes.frame(ROWS)
    frame["rating"] = [5.0, np.nan, np.nan, 2.0, 3.0, np.nan]
    pack, _, _ = pack_of(Popularity(), from_frame(frame))
    assert pack.stars.tolist()[:2] == [3.5, 3.0]
    assert np.isnan(pack.stars[2])
    assert pack.raters.tolist() == [2, 1, 0]
    hours = [datetime.fromtimestamp(at / 1e6, UTC) for at in pack.first_seen.tolist()]
    assert hours == [datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in (0, 1, 2)]
    assert {name: array.dtype.name for name, array in pack.arrays() if name in ("stars", "raters", "first_seen", "popular")} == {
        "stars": "float32", "raters": "int32", "first_seen": "int64", "popular": "int32",
    }  # fmt: skip


def test_what_is_popular_is_so_in_the_recent_window():
    pairs = tastes.tastes()
    pack, _, _ = pack_of(Popularity(), pairs)
    (scores,) = BASELINES["popularity_recent"].fit(pairs).arrays().values()
    assert pack.popular.tolist() == sorted(range(len(scores)), key=lambda number: -scores[number])
    assert pack.popular_scores.tolist() == sorted(scores.tolist(), reverse=True)


@pytest.mark.parametrize(
    ("recommender", "names"),
    [
        (Popularity(), {"item_scores"}),
        (ItemKnn(), {f"similarity/{part}" for part in ("data", "indices", "indptr", "shape")}),
    ],
    ids=lambda one: getattr(one, "name", ""),
)
def test_what_scores_a_history_is_in_the_pack(recommender, names):
    assert pack_of(recommender)[0].learned.keys() == names


def test_products_are_in_it_taken_or_not():
    known = [("b", Details(title="Lamp")), ("new", Details(title="New", available=False))]
    catalogue = Catalogue.of(pack_of(Popularity(), known=known)[0])
    assert [catalogue.title(number) for number in range(len(catalogue))] == ["", "Lamp", "", "New"]
    assert catalogue.item_id(3) == "new"
    assert not catalogue.available(3)


def test_it_says_what_it_is_of():
    stream = {"next_offsets": {"0": 3, "1": 5}, "topic_id": "t", "topic": "interactions"}
    snapshot = {"cut": "2026-01-01T00:00:00+00:00", "stream": stream, "asked": {"top_n": 20}, "run_id": "manual__1"}
    recipe = Recipe.of(AlsImplicit(2, 1.0, 2.0)).document()
    model = {"_id": made.MODEL, "params": recipe | {"engine": "implicit"}, "created_at": made.MADE}
    about = serving_pack.about("/runs/retrain_recommender/manual__1-0a0a0a0a", snapshot, model)
    assert (about.dag, about.run_id, about.n, about.topic_id) == ("retrain_recommender", "manual__1", 20, "t")
    assert about.next_offsets == {0: 3, 1: 5}
    assert about.recipe == recipe
    without = serving_pack.about(
        "memory://r/retrain_recommender/key/", snapshot | {"stream": None, "run_id": None}, model
    )
    assert (without.run_id, without.topic_id, without.next_offsets) == ("key", None, {})


def test_a_pack_of_an_earlier_try_counts_where_it_is_whole_and_of_the_same(tmp_path):
    pack, lists, _ = pack_of(Popularity())
    served = serving_pack.Served(lists.users, lists.items, lists.scores)
    folder = str(tmp_path / "pack")
    assert not serving_pack.is_there(folder, made.about(), served)
    written.write(folder, pack)
    assert serving_pack.is_there(folder, made.about(), served)
    assert not serving_pack.is_there(folder, made.about(run_id="another"), served)
    assert not serving_pack.is_there(folder, made.about(), replace(served, items=served.items[::-1].copy()))
    assert not serving_pack.is_there(folder, made.about(), replace(served, scores=served.scores + 1))
    (tmp_path / "pack" / "pack.json").unlink()
    assert not serving_pack.is_there(folder, made.about(), served)


@pytest.fixture
def held(monkeypatch):
    """A pack of seven users, looked at in batches of three; and what MongoDB has of it."""
    monkeypatch.setattr(serving_pack, "BATCH", 3)
    pack = made.pack(users=[f"u{n}" for n in range(7)], items="abcdefgh")
    pack.lists[4, 1], pack.scores[4, 1] = -1, -np.inf
    return pack, made.documents(pack)


def test_the_gate_passes_what_is_the_same(held):
    serving_pack.require_same(*held)
    serving_pack.require_same(made.pack(users=()), [])


@pytest.mark.parametrize(
    ("change", "means"),
    [
        (lambda d: d[3]["scores"].__setitem__(1, float(np.nextafter(np.float32(1.0), np.float32(2.0)))), "for the user u3"),
        (lambda d: d[6]["items"].__setitem__(0, "b"), "for the user u6"),
        (lambda d: d[6]["items"].__setitem__(0, "unheard of"), "for the user u6"),
        (lambda d: d[1]["items"].reverse(), "for the user u1"),
        (lambda d: (d[2]["items"].pop(), d[2]["scores"].pop()), "for the user u2"),
        (lambda d: (d[4]["items"].append("a"), d[4]["scores"].append(0.0)), "for the user u4"),
        (lambda d: (d[5]["items"].append("a"), d[5]["scores"].append(0.0)), "u5 has more than 2"),
        (lambda d: d.pop(0), "the user u0, whom the collection does not have"),
        (lambda d: d.pop(3), "the user u3, whom the collection does not have"),
        (lambda d: d.pop(), "the user u6, whom the collection does not have"),
        (lambda d: d.clear(), "the user u0, whom the collection does not have"),
        (lambda d: d.insert(0, {**d[0], "_id": "t"}), "no user t, whom the collection has"),
        (lambda d: d.insert(4, {**d[0], "_id": "u3a"}), "no user u3a, whom the collection has"),
        (lambda d: d.append({**d[0], "_id": "v"}), "no user v, whom the collection has"),
    ],
    ids=["a score", "an item", "an unknown item", "order", "shorter", "longer", "too long", "first missing", "one missing",
         "last missing", "all missing", "one more before", "one more between", "one more behind"],
)  # fmt: skip
def test_the_gate_finds_whatever_differs(held, change, means):
    pack, documents = held
    change(documents)
    with pytest.raises(GateError, match=means):
        serving_pack.require_same(pack, documents)
