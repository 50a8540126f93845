"""What is served to whom, and that the gate before publishing sees every way in which it can be wrong."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from tests.support import tastes
from tidemark.contracts import conformance, gates
from tidemark.errors import GateError
from tidemark.evaluation import splits
from tidemark.models import fallback, saved
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.interface import Learned
from tidemark.models.pairs import from_frame
from tidemark.models.popularity import Popularity
from tidemark.models.recipes import Recipe
from tidemark.retraining import publish
from tidemark.storage import run_folder

PAIRS = from_frame(tastes.frame([("all", "a"), ("all", "b"), ("all", "c"), ("two", "a"), ("two", "b"), ("one", "a")]))
LISTS = publish.make(Popularity().fit(PAIRS), PAIRS, 2)


def test_each_user_gets_n_unseen_items_or_what_is_left_and_who_has_everything_is_not_served():
    assert PAIRS.users[LISTS.users].tolist() == ["one", "two"]
    assert LISTS.items.tolist() == [[1, 2], [2, -1]]
    assert LISTS.wanted.tolist() == [2, 1]


def test_what_is_not_to_be_had_is_in_no_list_and_not_missed():
    there = np.array([True, False, True])
    lists = publish.make(Popularity().fit(PAIRS), PAIRS, 2, available=there)
    assert PAIRS.users[lists.users].tolist() == ["one", "two"]
    assert lists.items.tolist() == [[2, -1], [2, -1]]
    assert lists.wanted.tolist() == [1, 1]
    assert not len(publish.make(Popularity().fit(PAIRS), PAIRS, 2, available=np.array([True, False, False])).users)


def test_the_summary_of_good_lists_is_good():
    rows = publish.summary(LISTS, PAIRS).to_dict("records")
    assert rows[1] == {
        "user_id": "two", "wanted": 1, "n": 1, "distinct": 1, "already_had": 0, "finite": True, "descending": True,
    }  # fmt: skip


def test_documents_satisfy_the_contract():
    documents = list(publish.documents(LISTS, PAIRS, "20240101T000000-00000000", datetime(2024, 1, 1, tzinfo=UTC)))
    assert [conformance.reasons("recommendation", d) for d in documents] == [[], []]
    assert documents[0]["items"] == [{"item_id": "b", "score": 2.0}, {"item_id": "c", "score": 1.0}]
    assert len(documents[1]["items"]) == 1


def test_of_a_blend_each_item_says_who_brought_it():
    lists = replace(LISTS, brought_by=np.array([[1, 0], [1, -1]], np.int8), members=("als_implicit", "item_knn"))
    documents = list(publish.documents(lists, PAIRS, "20240101T000000-00000000", datetime(2024, 1, 1, tzinfo=UTC)))
    assert [conformance.reasons("recommendation", d) for d in documents] == [[], []]
    assert [[item["brought_by"] for item in d["items"]] for d in documents] == [
        ["item_knn", "als_implicit"],
        ["item_knn"],
    ]
    fallen_back = replace(lists, brought_by=np.full((2, 2), -1, np.int8))
    first, _ = publish.documents(fallen_back, PAIRS, "m", documents[0]["made_at"])
    assert first["items"][0].keys() == {"item_id", "score"}


def spoilt(**changes):
    arrays: dict[str, Any] = {name: np.array(values) for name, values in changes.items()}
    return publish.summary(replace(LISTS, **arrays), PAIRS)


@pytest.mark.parametrize(
    ("frame", "means"),
    [
        (spoilt(items=[[1, -1], [2, -1]]), "too few or too many"),
        (spoilt(items=[[1, 1], [2, -1]]), "recommended twice"),
        (spoilt(items=[[1, 2], [0, -1]]), "already have"),
        (spoilt(scores=[[2.0, np.nan], [1.0, -np.inf]]), "not a number"),
        (spoilt(scores=[[1.0, 2.0], [1.0, -np.inf]]), "not best first"),
        (publish.summary(LISTS, PAIRS).head(0), "nobody would be served"),
    ],
    ids=["too few", "twice", "already had", "not finite", "not descending", "nobody"],
)
def test_the_gate_fails_bad_lists_and_says_which_way(frame, means, tmp_path):
    with pytest.raises(GateError, match=means):
        gates.check(frame, "recommendations", str(tmp_path / "docs"))


def test_the_gate_passes_good_lists(tmp_path):
    assert gates.check(publish.summary(LISTS, PAIRS), "recommendations", str(tmp_path / "docs"))["passed"]
    assert (tmp_path / "docs" / "index.html").exists()


def test_what_goes_live_goes_on_from_what_was_measured(tmp_path):
    pairs, recommender = tastes.tastes(), AlsImplicit(8, 1.0, 20.0)
    train = pairs.take(~splits.newest(pairs))
    run, model = str(tmp_path), {"params": Recipe.of(recommender).document()}
    saved.save_pairs(run, pairs)
    candidate = fallback.fit(recommender, train)
    saved.save_model(f"{run}/{run_folder.CANDIDATE}", recommender, candidate, train)
    _, fitted = publish.fit(run, model)
    users = np.arange(pairs.shape[0])
    expected = fallback.fit(recommender, pairs, Learned(recommender, candidate))
    assert np.array_equal(fitted.scores(users), expected.scores(users))
    assert not np.array_equal(fitted.scores(users), fallback.fit(recommender, pairs).scores(users))
    again, _ = saved.load_model(f"{run}/{run_folder.MODEL}", pairs)
    assert np.array_equal(again.scores(users), fitted.scores(users))
