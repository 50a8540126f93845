"""Similar items: cosines by hand, and the category of what the model knows nothing of."""

import numpy as np
import pytest

from tests.support.serving_worlds import KnownCatalogue, Product, pack
from tidemark.serving.answers import Listed
from tidemark.serving.filters import Filter
from tidemark.serving.folding import Model
from tidemark.serving.similar import similar

ITEMS = [f"i{n}" for n in range(7)]
FACTORS = np.array([[1, 0], [2, 2], [0, 3], [0.5, 0], [-1, 0], [0, 0], [5, 5]], np.float32)
PRODUCTS = {
    "i0": Product(9.0, ("All", "Pens")),
    "i2": Product(1.0, ("All", "Pens")),
    "i4": Product(2.0, ("All", "Pens")),
    "i5": Product(3.0, ("All", "Pens")),
    "i6": Product(4.0, ("All",)),
    "x0": Product(5.0, ("All", "Pens")),
    "x1": Product(6.0, ("All", "Ink")),
}


@pytest.fixture
def model() -> Model:
    return Model.of(pack(ITEMS, {}, item_factors=FACTORS, popular=[6, 4, 2, 5, 0, 1, 3]))


@pytest.fixture
def catalogue() -> KnownCatalogue:
    return KnownCatalogue(ITEMS, ["x0", "x1"], PRODUCTS)


def told(found: tuple[Listed, ...]) -> list[tuple[str, str]]:
    return [(item.item_id, item.method) for item in found]


def test_cosines_by_hand(model, catalogue):
    found = similar(model, catalogue, 0, 3, catalogue.mask(Filter()))
    assert told(found) == [("i3", "similar"), ("i1", "similar"), ("i6", "similar")]  # equal ones by number
    assert [item.score for item in found] == pytest.approx([1, 2**-0.5, 2**-0.5])
    assert [item.position for item in found] == [1, 2, 3]
    assert (found[2].title, found[2].price) == ("title of i6", 4.0)


def test_what_points_elsewhere_is_not_similar_and_the_category_fills(model, catalogue):
    found = similar(model, catalogue, 0, 9, catalogue.mask(Filter()))
    assert told(found)[3:] == [
        ("i4", "category"),
        ("i2", "category"),
        ("i5", "category"),
        ("x0", "content"),  # of the narrow category, before what is only in the wide one
        ("x1", "content"),
    ]
    assert len(found) == 8  # all but itself


@pytest.mark.parametrize(("number", "first"), [(5, "i4"), (7, "i4")])
def test_what_the_model_does_not_place(model, catalogue, number, first):
    """An item without factors, and one that nobody has taken."""
    found = similar(model, catalogue, number, 2, catalogue.mask(Filter()))
    assert told(found) == [(first, "category"), ("i2", "category")]


def test_a_mask_holds_for_all(model, catalogue):
    found = similar(model, catalogue, 0, 9, catalogue.mask(Filter(price_max=4.0, exclude=frozenset(["i4"]))))
    assert told(found) == [("i6", "similar"), ("i2", "category"), ("i5", "category")]


def test_nothing_is_known(model):
    bare = KnownCatalogue(ITEMS)
    assert similar(model, bare, 5, 3, bare.mask(Filter())) == ()
    without = Model.of(pack(ITEMS, {}))
    assert similar(without, bare, 0, 3, bare.mask(Filter())) == ()
    assert similar(model, bare, 0, 0, bare.mask(Filter())) == ()
