"""Content: the ridge against its textbook form, and items that nobody took placed beside those like them."""

import numpy as np
import pytest

from tidemark.models import content
from tidemark.models.content import Content
from tidemark.models.item_features import Product

BRANDS = ("heron", "kestrel", "gannet")
DIRECTIONS = np.eye(3, 4, dtype=np.float32)


def world(n=60, seed=0):
    """Products of three brands, whose factors point their brand's way; and how many took each."""
    rng = np.random.default_rng(seed)
    products = [Product(f"thing {number % 7}", brand=BRANDS[number % 3]) for number in range(n)]
    factors = DIRECTIONS[np.arange(n) % 3] + rng.normal(0, 0.05, (n, 4)).astype(np.float32)
    return products, factors.astype(np.float32), rng.integers(1, 50, n)


def test_the_ridge_is_that_of_the_normal_equations_with_the_strength_that_foresees_best():
    rng = np.random.default_rng(3)
    features, counted = rng.normal(size=(30, 4)), rng.uniform(0.5, 3, 30)
    targets = features @ rng.normal(size=(4, 2)) + rng.normal(0, 0.5, (30, 2)) + 2

    def solved(strength, kept=slice(None)):
        x, y, c = features[kept], targets[kept], counted[kept][:, None]
        mean_x, mean_y = (x * c).sum(axis=0) / c.sum(), (y * c).sum(axis=0) / c.sum()
        centred = x - mean_x
        weights = np.linalg.solve(centred.T @ (c * centred) + strength * np.eye(4), centred.T @ (c * (y - mean_y)))
        return weights, mean_y - mean_x @ weights

    weights, bias, strength = content._ridge(features, targets, counted)
    expected = solved(strength)
    assert np.allclose(weights, expected[0])
    assert np.allclose(bias, expected[1])

    def left_out(strength):
        rest = 0.0
        for row in range(30):
            w, b = solved(strength, np.arange(30) != row)
            rest += counted[row] * ((targets[row] - features[row] @ w - b) ** 2).sum()
        return rest

    # The means move too when a row is left out: to first order that is in the closed form, so the choice is the same.
    assert strength == min(content.STRENGTHS, key=left_out)


def test_an_item_that_nobody_took_stands_beside_those_like_it():
    products, factors, takers = world()
    learned = content.learn(products, factors, takers)
    assert learned is not None
    placed = learned.factors([Product("thing 3", brand=brand) for brand in BRANDS] + [Product("nothing known")])
    assert (placed[:3] @ DIRECTIONS.T).argmax(axis=1).tolist() == [0, 1, 2]
    assert not placed[3].any()


def test_the_same_products_give_the_same_bytes_and_can_be_loaded():
    products, factors, takers = world()
    first, second = (content.learn(products, factors, takers) for _ in range(2))
    assert first is not None
    assert second is not None
    for name, array in first.arrays().items():
        assert array.tobytes() == second.arrays()[name].tobytes(), name
    loaded = Content.load(first.arrays())
    assert np.array_equal(loaded.factors(products), first.factors(products))


@pytest.mark.parametrize(
    "change",
    [
        lambda products, factors, takers: (products[:19], factors[:19], takers[:19]),
        lambda products, factors, takers: ([None] * len(products), factors, takers),
        lambda products, factors, takers: ([Product()] * len(products), factors, takers),
        lambda products, factors, takers: (products, factors, takers * 0),
        lambda products, factors, takers: (products, factors * np.float32("nan"), takers),
        lambda products, factors, takers: ([Product(f"one{n}") for n in range(len(products))], factors, takers),
    ],
    ids=["few", "nothing known", "empty", "nobody", "no numbers", "nothing in common"],
)
def test_of_too_little_nothing_is_learned(change):
    assert content.learn(*change(*world())) is None


def test_products_that_all_say_the_same_are_learned_from():
    learned = content.learn([Product("same words")] * 30, np.ones((30, 4), np.float32), np.ones(30, int))
    assert learned is not None
    assert np.allclose(learned.factors([Product("same words")]), 1, atol=0.01)
