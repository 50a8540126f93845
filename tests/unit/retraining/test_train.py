"""What is learned from, what a champion is compared on, and models kept and aligned to other pairs."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tests.support import tastes
from tidemark.contracts import gates
from tidemark.errors import GateError
from tidemark.models.interface import Factors, WithFallback
from tidemark.models.pairs import from_frame
from tidemark.models.popularity import FittedPopularity
from tidemark.models.recipes import Recipe
from tidemark.retraining import train


def cut_after(pairs, share):
    """ISO time of the pair that `share` of all are not newer than."""
    moment = np.sort(pairs.timestamp)[int(len(pairs) * share) - 1]
    return datetime.fromtimestamp(moment / 1e6, UTC).isoformat()


def test_without_a_champion_the_newest_tenth_is_held_out():
    found = train.split(tastes.tastes(), None)
    assert (len(found.held), found.compare) == (round(0.1 * (len(found.held) + len(found.train))), None)


def test_a_champion_of_long_ago_is_compared_itself():
    pairs = tastes.tastes()
    found = train.split(pairs, cut_after(pairs, 0.5))
    assert found.compare == "champion"
    assert len(found.held) == round(0.1 * len(pairs))


def test_a_recent_champion_is_compared_on_what_is_newer_than_its_cut():
    pairs = tastes.tastes(n_users=300, n_pairs=12_000)
    cut = cut_after(pairs, 0.93)
    found = train.split(pairs, cut)
    learned = datetime.fromisoformat(cut).timestamp() * 1e6
    assert found.compare == "champion"
    assert found.train.timestamp.max() <= learned < found.held.timestamp.min()
    assert "newer than the champion's cut" in found.why


def test_where_too_little_is_newer_the_recipe_is_compared_and_it_is_said():
    pairs = tastes.tastes()
    found = train.split(pairs, cut_after(pairs, 1))
    assert found.compare == "recipe"
    assert len(found.held) == round(0.1 * len(pairs))
    assert "only 0 users" in found.why


def test_a_model_is_kept_and_aligned_to_other_rows(tmp_path):
    old = from_frame(tastes.frame([("u1", "a"), ("u1", "b"), ("u3", "a")]))
    factors = Factors(np.array([[1, 2], [3, 4]], np.float32), np.array([[1, 0], [0, 1]], np.float32))
    train.save_model(
        str(tmp_path / "m.npz"), WithFallback(factors, FittedPopularity(np.array([2, 1], np.float32))), old
    )
    new = from_frame(tastes.frame([("u1", "b"), ("u2", "b"), ("u3", "c"), ("u0", "b")]))
    model, known = train.load_model(str(tmp_path / "m.npz"), new)
    assert new.items.tolist() == ["b", "c"]
    assert known.tolist() == [True, False]
    # u0 and u2 are unknown: they get the popularity of the model's time
    assert model.scores(np.arange(4)).tolist() == [[1, 0], [2, 0], [1, 0], [4, 0]]


def test_popularity_is_kept_without_factors(tmp_path):
    pairs = tastes.checkerboard()
    fitted = train.fit(Recipe("popularity"), pairs)
    train.save_model(str(tmp_path / "m.npz"), fitted, pairs)
    model, known = train.load_model(str(tmp_path / "m.npz"), pairs)
    assert np.array_equal(model.scores(np.array([3])), fitted.scores(np.array([3])))
    assert known.all()


def test_pairs_are_kept(tmp_path):
    pairs = tastes.tastes()
    train.save_pairs(str(tmp_path), pairs)
    again = train.load_pairs(str(tmp_path))
    assert np.array_equal(again.weights.toarray(), pairs.weights.toarray())
    assert np.array_equal(again.users, pairs.users)


def test_without_ratings_there_is_nothing_to_predict():
    pairs = from_frame(tastes.frame([("a", "x"), ("b", "y")]))
    assert train.predict_ratings(pairs, pairs) is None


@pytest.mark.parametrize(
    ("column", "value", "means"),
    [
        ("weight", -1.0, "weights that are negative"),
        ("weight", float("nan"), "weights that are negative"),
        ("rating", 0.0, "ratings outside"),
        ("user_id", None, "without a user"),
    ],
)
def test_the_gate_before_training_names_what_is_wrong(column, value, means, tmp_path):
    table = tastes.frame([(f"u{n}", f"i{m}") for n in range(6) for m in range(4)], rating=4.0)
    pairs = from_frame(table)
    table.loc[3, column] = value
    with pytest.raises(GateError, match=means):
        gates.check(train.profile(table, pairs), "training_interactions", str(tmp_path / "docs"))


def test_the_gate_before_training_passes_what_is_good(tmp_path):
    table = tastes.frame([(f"u{n}", f"i{m}") for n in range(6) for m in range(4)])
    profile = train.profile(table, from_frame(table))
    assert gates.check(profile, "training_interactions", str(tmp_path / "docs"))["warnings"] == []
