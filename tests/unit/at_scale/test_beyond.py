"""Which windows are beyond one machine, and what is left out there."""

import pytest

from tidemark.at_scale import beyond
from tidemark.errors import SettingError
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.als_spark import AlsSpark
from tidemark.models.blend import Blend
from tidemark.models.item_knn_spark import ItemKnnSpark
from tidemark.models.popularity import Popularity

ALS = AlsSpark(8, 0.1)


@pytest.mark.parametrize(
    ("engine", "stored", "window", "expected"),
    [
        ("spark", 10, 10, True),
        ("implicit", 10**9, 10**9, False),
        ("auto", 10**9, 1_000_000, False),
        ("auto", 20_000_000, 10**9, False),
        ("auto", 20_000_001, 10**9, True),
    ],
)
def test_spark_alone_trains_where_it_was_asked_for_or_one_machine_should_not(engine, stored, window, expected):
    asked = {"engine": engine, "feedback": "implicit"}
    assert beyond.is_beyond({"stored": stored, "window": window, "asked": asked}) is expected


def test_why_spark_trains_is_said_even_where_few_pairs_are_left_of_the_window():
    assert beyond.why_engine({"engine": "spark", "feedback": "implicit"}, 10) == "asked for"
    assert "10 pairs were left" in beyond.why_engine({"engine": "auto", "feedback": "implicit"}, 10)


def test_of_a_blend_those_members_stay_that_can_be_carried():
    blend = Blend((ALS, ItemKnnSpark(), Popularity()), (0.5, 0.3, 0.2))
    assert beyond.carried(blend, 1_000) == blend
    assert beyond.carried(blend, 500_000) == Blend((ALS, Popularity()), (0.5, 0.2))
    assert beyond.carried(Blend((ALS, ItemKnnSpark()), (0.5, 0.5)), 500_000) == ALS
    for refused in (AlsImplicit(8, 1.0, 1.0), ItemKnnSpark(), Blend((ItemKnnSpark(),), (1.0,))):
        with pytest.raises(SettingError, match="engine=spark cannot fit this recipe"):
            beyond.carried(refused, 500_000)


def test_what_is_left_out_is_said():
    assert beyond.left_out(1_000, 50, 50) == ""
    said = beyond.left_out(500_000, 5_000_000, 250_000)
    assert "500,000 items" in said
    assert "a sample of 250,000 of 5,000,000 users" in said
    assert beyond.kinds(1_000).neighbours
    assert not beyond.kinds(500_000).neighbours
