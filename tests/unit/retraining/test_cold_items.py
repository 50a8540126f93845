"""Cold items: users of six tastes, and products whose brand says which taste they are of; some were taken later only."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tests.support import tastes
from tidemark.models import fallback, new_items
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.item_features import Product
from tidemark.models.item_knn import ItemKnn
from tidemark.models.ranking import NONE
from tidemark.retraining import cold_items, decide, publish

PAIRS = tastes.tastes()
NEW = np.arange(len(PAIRS.items)) >= 96
"""Items that are in nothing that is learned from."""
KNOWN = {
    item: Product(f"Thing {int(item[1:]) % 5}", brand=f"taste {int(item[1:]) % 6}") for item in PAIRS.items.tolist()
}
ALS = AlsImplicit(8, 1.0, 20.0)


def sides(new=True):
    """What is learned from, and what is held out: a tenth of the rest, and what was taken of new items."""
    later = np.arange(len(PAIRS)) % 10 == 0
    of_new = NEW[PAIRS.item_num]
    return PAIRS.take(~later & ~of_new), PAIRS.take((later & ~of_new) | (of_new if new else False))


@pytest.mark.parametrize("recommender", [ALS, ItemKnn()], ids=["als", "item-kNN, which places nobody"])
def test_content_reaches_what_nobody_had_taken(recommender):
    train, held = sides()
    found = cold_items.measure(fallback.fit(recommender, train), train, held, KNOWN, 0.2)
    assert found["new_items"] == NEW.sum() == 24
    assert found["reach"]["low"] > found["reach"]["by_chance"] == pytest.approx(20 / 24)
    assert found["whole"]["with"]["low"] > found["whole"]["without"]["high"]
    assert found["lead"]["low"] > 0
    assert found["share"] == 0.2
    assert "do not lose" in found["why"]


def test_where_nobody_takes_what_is_new_lists_with_it_lose_and_it_gets_no_share():
    train, held = sides(new=False)
    found = cold_items.measure(fallback.fit(ALS, train), train, held, KNOWN, 0.2)
    assert (found["share"], found["asked"]) == (0, 0.2)
    assert "reach" not in found
    assert "lists with new items lose: NDCG@10" in found["why"]


@pytest.mark.parametrize(
    ("known", "share", "why"),
    [
        ({}, 0.1, "content was not learned"),
        ({"zzz": Product("Untaken")}, 0.1, "content was not learned"),
        ({item: KNOWN[item] for item in PAIRS.items[:10].tolist()}, 0.1, "content was not learned"),
        ({item: Product() for item in KNOWN}, 0.1, "content was not learned"),
        (KNOWN, 0.0, "no share was asked for"),
    ],
    ids=["no products", "one product", "nothing new is known", "no texts", "not asked for"],
)
def test_where_content_cannot_tell_it_is_said_why(known, share, why):
    train, held = sides()
    found = cold_items.measure(fallback.fit(ALS, train), train, held, known, share)
    assert found["share"] == 0
    assert why in found["why"]


def test_of_few_users_nothing_is_concluded():
    train, held = sides()
    few = held.take(held.user_num < 20)
    found = cold_items.measure(fallback.fit(ALS, train), train, few, KNOWN, 0.1)
    assert found["share"] == 0
    assert "nothing can be concluded (30 are needed)" in found["why"]


def test_what_took_the_candidates_place_gives_new_items_no_share():
    measured = {"new_items": {"share": 0.1, "why": "lists with new items do not lose"}}
    assert decide.new_items(measured, "candidate") == measured["new_items"]
    replaced = decide.new_items(measured, "item_knn")
    assert replaced is not None
    assert (replaced["share"], replaced["why"][:8]) == (0.0, "item_knn")
    assert decide.new_items({}, "candidate") is None


def test_lists_have_new_items_of_the_users_taste_in_their_places():
    train = PAIRS
    fitted = fallback.fit(ALS, train)
    extra = [f"x{number:02}" for number in range(12)]
    known = KNOWN | {item: Product("New thing", brand=f"taste {int(item[1:]) % 6}") for item in extra[1:]}
    learned = cold_items.learn(fitted, train, known)
    assert learned is not None
    assert learned.ids.tolist() == extra[1:]
    plain = publish.make(fitted, train, 10)
    lists = publish.with_new_items(plain, learned, extra, train, 0.2)
    new = lists.items >= len(train.items)
    assert new[:, new_items.places(10, 0.2)].all()
    assert new.sum() == 2 * len(lists.users)
    taste = (lists.items[:, 4] - len(train.items)) % 6
    assert (taste == np.array([int(user[1:]) % 6 for user in train.users[lists.users]])).mean() > 0.9
    assert np.array_equal(lists.items[:, :4], plain.items[:, :4])
    assert (np.diff(lists.scores, axis=1) <= 0).all()
    frame = publish.summary(lists, train)
    assert frame[["finite", "descending"]].all(axis=None)
    assert (frame["n"] == frame["wanted"]).all()
    assert not frame["already_had"].any()
    documents = list(publish.documents(lists, train, "m", datetime(2026, 1, 1, tzinfo=UTC)))
    assert {item["item_id"] for document in documents for item in document["items"]} >= {"x01"}
    assert "x00" not in {item["item_id"] for document in documents for item in document["items"]}
    assert publish.with_new_items(plain, learned, extra, train, 0.0) is plain
    assert (plain.items != NONE).all()


def test_vectors_of_features_place_what_has_one_and_texts_the_rest():
    fitted, extra = fallback.fit(ALS, PAIRS), [f"x{number:02}" for number in range(12)]
    known = KNOWN | {item: Product("New thing", brand="of no taste at all") for item in extra}
    by_texts = cold_items.learn(fitted, PAIRS, known)
    ids = sorted([*PAIRS.items.tolist(), *extra[:6], "of nobody"])
    rows = np.zeros((len(ids), 6), np.float32)
    rows[np.arange(len(ids)), [int(item[1:]) % 6 if item[1:].isdigit() else 0 for item in ids]] = 1
    by_vectors = cold_items.learn(fitted, PAIRS, known, (ids, rows))
    assert by_texts is not None
    assert by_vectors is not None
    space = by_vectors.space.factors_of_items()
    assert space is not None
    tastes = np.array([int(item[1:]) % 6 for item in PAIRS.items.tolist()])
    centers = np.stack([space[tastes == taste].mean(axis=0) for taste in range(6)])
    assert (by_vectors.factors[:6] @ centers.T).argmax(axis=1).tolist() == [0, 1, 2, 3, 4, 5]
    assert np.array_equal(by_vectors.factors[6:], by_texts.factors[6:])
    few = cold_items.learn(fitted, PAIRS, known, (ids[:3], rows[:3]))
    assert few is not None
    assert np.array_equal(few.factors, by_texts.factors), "too few vectors: the texts do"
    none = cold_items.learn(fitted, PAIRS, known, ([], rows[:0]))
    assert none is not None
    assert np.array_equal(none.factors, by_texts.factors)
