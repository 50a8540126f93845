"""Stars of held-out pairs."""

from tests.support import tastes
from tidemark.models.pairs import from_frame
from tidemark.retraining import stars


def test_without_ratings_on_both_sides_there_is_nothing_to_predict():
    bare = from_frame(tastes.frame([("a", "x"), ("b", "y")]))
    rated = from_frame(tastes.frame([("a", "x"), ("b", "y")], rating=4.0))
    assert stars.predict(bare, rated) is None
    assert stars.predict(rated, bare) is None
