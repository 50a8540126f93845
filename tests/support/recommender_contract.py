"""The one contract that every recommender must satisfy: each check takes a recommender, and a folder for its file.

A new recommender is added to the tests by one line (`tests/unit/models/test_recommenders.py`, or `tests/spark/models`).
"""

import inspect
import json
import re
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np

from tests.support import tastes
from tidemark.evaluation import ranking_metrics, splits
from tidemark.models import fallback, ranking, recipes, saved, user_history
from tidemark.models.alignment import Places
from tidemark.models.interface import Fitted, Learned, Recommender, recommend
from tidemark.models.pairs import Pairs, from_frame
from tidemark.models.popularity import Popularity
from tidemark.models.ranking import NONE
from tidemark.models.recipes import Recipe
from tidemark.models.user_history import History


@cache
def sides() -> tuple[Pairs, Pairs]:
    """What is learned from and what is held out, in a world of tastes."""
    pairs = tastes.tastes()
    held = splits.newest(pairs)
    return pairs.take(~held), pairs.take(held)


def sound(fitted: Fitted, pairs: Pairs) -> None:
    """Scores for every user: of the right shape and type, never NaN; some for everybody."""
    users = np.arange(pairs.shape[0])
    scores = fitted.scores(users)
    assert scores.shape == pairs.shape
    assert scores.dtype == np.float32
    assert not np.isnan(scores).any()
    assert not np.isposinf(scores).any()
    assert fitted.knows(users).dtype == bool
    assert fitted.knows(users).shape == users.shape


def lists_are_sound(recommender: Recommender, folder: Path) -> None:
    """Nothing seen, best first, nothing twice, and the same from a second fit."""
    train, held = sides()
    users = ranking_metrics.measurable_users(train, held)
    fitted = recommender.fit(train)
    items, values = recommend(fitted, users, 10, train.weights)
    assert not ranking_metrics.hits(items, users, train.weights).any()
    assert (np.diff(values, axis=1)[items[:, 1:] != NONE] <= 0).all()
    assert all(len(set(row[row != NONE])) == (row != NONE).sum() for row in items)
    again, _ = recommend(recommender.fit(train), users, 10, train.weights)
    assert np.array_equal(items, again)


def scores_are_new(recommender: Recommender, folder: Path) -> None:
    """Whoever gets scores may write to them."""
    train, _ = sides()
    fitted = fallback.fit(recommender, train)
    first = fitted.scores(np.arange(3)).copy()
    fitted.scores(np.arange(3))[:] = -np.inf
    assert np.array_equal(fitted.scores(np.arange(3)), first)
    sound(fitted, train)


def comes_back_from_its_file(recommender: Recommender, folder: Path) -> None:
    """The same scores, to the last bit, from the file that was kept; and it holds no Python objects."""
    train, _ = sides()
    fitted = fallback.fit(recommender, train)
    path = str(folder / "model.npz")
    saved.save_model(path, recommender, fitted, train)
    loaded, known = saved.load_model(path, train)
    users = np.arange(train.shape[0])
    assert np.array_equal(loaded.scores(users), fitted.scores(users))
    assert np.array_equal(loaded.knows(users), fitted.knows(users))
    assert known.all()
    assert all(array.dtype != object for array in fitted.arrays().values())


def comes_back_from_its_recipe(recommender: Recommender, folder: Path) -> None:
    """A recipe, stored as JSON and read again, makes the same recommender; the registry has it by its name."""
    document = json.loads(json.dumps(Recipe.of(recommender).document()))
    assert set(document) == {"name", "settings"}
    assert document["name"] == recommender.name
    assert recommender.name in recipes.RECOMMENDERS
    assert recipes.from_document(document).recommender() == recommender
    assert recommender.name in recipes.from_document(document).text()


def every_setting_is_described(recommender: Recommender, folder: Path) -> None:
    """The docstring's `Args` name each field, and settings cannot be changed."""
    told = inspect.getdoc(type(recommender)) or ""
    described = {name for line in re.findall(r"^    ([\w, ]+): \S", told, re.M) for name in line.split(", ")}
    assert {field.name for field in fields(recommender)} == described  # type: ignore[arg-type]
    assert hash(recommender) == hash(replace(recommender))  # type: ignore[type-var]


@cache
def others() -> Pairs:
    """Pairs that share some users and items with `sides`, numbered otherwise: new ones come before, between and behind."""
    rows = [
        (user, item) for user in ("a", "u003", "u100", "u1005", "z") for item in ("a", "i002", "i0025", "i077", "z")
    ]
    return from_frame(tastes.frame(rows))


def is_aligned(recommender: Recommender, folder: Path) -> None:
    """By another numbering, whom and what it knows has the scores it had; of the rest it says that it knows nothing."""
    train, _ = sides()
    other = others()
    fitted = fallback.fit(recommender, train)
    path = str(folder / "model.npz")
    saved.save_model(path, recommender, fitted, train)
    loaded, known_items = saved.load_model(path, other)
    sound(loaded, other)
    assert other.items[known_items].tolist() == ["i002", "i077"]
    users, items = Places(train.users, other.users), Places(train.items, other.items)
    assert other.users[users.known].tolist() == ["u003", "u100"]
    before = fitted.scores(users.places[users.known])[:, items.places[known_items]]
    after = loaded.scores(np.flatnonzero(users.known))[:, known_items]
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)
    assert np.isfinite(after).any()


def a_user_whom_it_does_not_know_gets_what_its_fallback_has(recommender: Recommender, folder: Path) -> None:
    """Cold to the model, or in it without a history: somebody else recommends, and there is something to recommend."""
    train, _ = sides()
    empty = train.take(train.user_num != 3)
    fitted = fallback.fit(recommender, empty)
    aligned = fitted.aligned(Places(train.users, others().users), Places(train.items, train.items))
    cold = np.array([0, 3, 4])
    for model, users in ((fitted, np.array([3])), (aligned, cold)):
        scores = model.scores(users)
        assert np.isfinite(scores).any(axis=1).all()
        if recommender.fallback:
            expected = recommender.fallback.fit(empty).scores(users)
            assert np.array_equal(scores, expected)
    items, _ = recommend(fitted, np.array([3]), 10, empty.weights)
    assert (items != NONE).all()


def has_factors_of_every_item_or_none(recommender: Recommender, folder: Path) -> None:
    """What newer users are folded into is of this numbering of items, finite, and the same for the model with its fallback."""
    train, _ = sides()
    alone, whole = recommender.fit(train).factors_of_items(), fallback.fit(recommender, train).factors_of_items()
    assert (alone is None) == (whole is None)
    if alone is not None and whole is not None:
        assert np.array_equal(alone, whole)
        assert whole.shape[0] == train.shape[1]
        assert whole.dtype == np.float32
        assert np.isfinite(whole).all()


def learns_from_one_user_or_one_item(recommender: Recommender, folder: Path) -> None:
    """The least that can be fitted is: one user, one item, one pair; it is kept and comes back like any other."""
    for rows in ([("u", f"i{n}") for n in range(4)], [(f"u{n}", "i") for n in range(4)], [("u", "i")]):
        pairs = from_frame(tastes.frame(rows, rating=4.0))
        fitted = fallback.fit(recommender, pairs)
        sound(fitted, pairs)
        path = str(folder / "little.npz")
        saved.save_model(path, recommender, fitted, pairs)
        users = np.arange(pairs.shape[0])
        assert np.array_equal(saved.load_model(path, pairs)[0].scores(users), fitted.scores(users))


def a_history_scores_as_its_user_does(recommender: Recommender, folder: Path) -> None:
    """Whoever had what a known user had gets that user's scores: exactly, and where factors are folded in, but for what the
    solver had left to do. A model that was loaded says the same."""
    train, _ = sides()
    fitted = recommender.fit(train)
    path = str(folder / "model.npz")
    saved.save_model(path, recommender, fallback.fit(recommender, train), train)
    loaded, _ = saved.load_model(path, train)
    users = np.arange(0, train.shape[0], 7)
    for user, expected in zip(users.tolist(), fitted.scores(users), strict=True):
        history = user_history.of_user(train, user)
        found = fitted.scores_of_history(history)
        if found is None:
            continue
        assert (found.shape, found.dtype) == ((train.shape[1],), np.float32)
        again = loaded.scores_of_history(history)
        assert again is not None
        assert np.array_equal(again, found)
        chosen = ranking.best(found, 10)
        for many in (ranking.MANY, 1):
            with patch.object(ranking, "MANY", many):
                told = fitted.best_of_history(history, np.ones(train.shape[1], bool), 10)
            assert told is not None
            assert told[0].tolist() == chosen.tolist()
            assert np.allclose(told[1], found[chosen], rtol=1e-5)
        if fitted.factors_of_items() is None:
            assert np.array_equal(found, expected)
        else:
            assert np.corrcoef(found, expected)[0, 1] > 0.98


def of_no_history_it_says_nothing_or_what_it_says_to_everybody(recommender: Recommender, folder: Path) -> None:
    """Nobody is nobody in particular."""
    train, _ = sides()
    fitted = recommender.fit(train)
    nothing = np.empty(0, np.int64)
    found = fitted.scores_of_history(History(nothing, nothing.astype(np.float32), nothing))
    if found is not None:
        assert recommender.fallback is None
        assert np.array_equal(found, fitted.scores(np.array([0]))[0])


def a_history_needs_no_user(recommender: Recommender, folder: Path) -> None:
    """What is kept for histories says the same of them as the whole model, and what its items add makes up the scores, but
    for what everybody gets."""
    train, _ = sides()
    fitted = fallback.fit(recommender, train)
    arrays = fitted.history_arrays()
    if not fitted.reads_histories():
        return
    for array in arrays.values():
        array.setflags(write=False)
    alone = recommender.load_for_histories(arrays)
    items = np.arange(train.shape[1])
    rest, largest = [], 0.0
    for user in (0, 3, 100):
        history = user_history.of_user(train, user)
        scores, kept = fitted.scores_of_history(history), alone.scores_of_history(history)
        assert scores is not None
        assert kept is not None
        assert np.array_equal(scores, kept)
        brought = alone.contributions(history, items)
        assert (brought is None) == (recommender.fallback is None)
        if brought is not None:
            rest.append(np.where(np.isfinite(scores), scores - brought.sum(axis=1), np.nan))
            largest = max(largest, float(np.abs(scores[np.isfinite(scores)]).max()))
    for others in rest[1:]:
        differ = (rest[0] - others)[np.isfinite(rest[0] - others)]
        assert len(differ)
        np.testing.assert_allclose(differ, differ[0], atol=1e-3 * largest)
    like = alone.likeness(5)
    assert like is None or like.scores.shape == items.shape


def learns_without_times(recommender: Recommender, folder: Path) -> None:
    """Where all is equally old, there are scores and lists all the same."""
    train, _ = sides()
    timeless = replace(train, timestamp=np.full_like(train.timestamp, train.timestamp[0]))
    fitted = fallback.fit(recommender, timeless)
    sound(fitted, timeless)
    items, _ = recommend(fitted, np.arange(5), 10, timeless.weights)
    assert (items != NONE).all()


def goes_on_from_what_it_learned(recommender: Recommender, folder: Path) -> None:
    """From most of the pairs to all of them: the same every time, as near to what a fit of all gives as another seed would be; and
    of other settings just that."""
    train, _ = sides()
    most = train.take(np.arange(len(train)) % 10 > 0)
    users = np.arange(train.shape[0])
    earlier = Learned(recommender, recommender.fit(most))
    whole, gone_on = (fallback.fit(recommender, train, start) for start in (None, earlier))
    sound(gone_on, train)
    again = fallback.fit(recommender, train, Learned(recommender, fallback.fit(recommender, most)))
    assert np.array_equal(gone_on.scores(users), again.scores(users))
    lists, wanted = (recommend(fitted, users, 10, train.weights)[0] for fitted in (gone_on, whole))
    assert np.mean([len(set(a) & set(b)) for a, b in zip(lists.tolist(), wanted.tolist(), strict=True)]) > 7
    another = Learned(Popularity(), Popularity().fit(most))
    assert np.array_equal(fallback.fit(recommender, train, another).scores(users), whole.scores(users))


CHECKS = [
    lists_are_sound,
    scores_are_new,
    comes_back_from_its_file,
    comes_back_from_its_recipe,
    every_setting_is_described,
    is_aligned,
    a_user_whom_it_does_not_know_gets_what_its_fallback_has,
    has_factors_of_every_item_or_none,
    learns_from_one_user_or_one_item,
    a_history_scores_as_its_user_does,
    of_no_history_it_says_nothing_or_what_it_says_to_everybody,
    a_history_needs_no_user,
    learns_without_times,
    goes_on_from_what_it_learned,
]
"""What every recommender does."""


def quality(recommender: Recommender) -> float:
    """NDCG@10 in the world of tastes."""
    train, held = sides()
    users = ranking_metrics.measurable_users(train, held)
    lists, _ = recommend(recommender.fit(train), users, 10, train.weights, train.item_counts > 0)
    hits = ranking_metrics.hits(lists, users, held.weights)
    return float(ranking_metrics.ndcg(hits, held.user_counts[users], 10).mean())


def beats_popularity(recommender: Recommender, folder: Path) -> None:
    """Half as good again, where people have tastes."""
    assert quality(recommender) > 1.5 * quality(Popularity())


def solves_the_checkerboard(recommender: Recommender, folder: Path) -> None:
    """The best unseen item of user n is item n."""
    pairs = tastes.checkerboard()
    users = np.arange(pairs.shape[0])
    items, _ = recommend(recommender.fit(pairs), users, 1, pairs.weights)
    assert items[:, 0].tolist() == users.tolist()


LEARNERS_CHECKS = [*CHECKS, beats_popularity, solves_the_checkerboard]
"""What those who learn tastes do besides."""
