"""The shape of graphs small enough to be worked out by hand."""

import numpy as np
import pytest

from tidemark.graph.shape import Shape, component_sizes, components, degree_distribution, neighbourhood, top


def shape(edges, n_users, n_items):
    """Of `(user, item, rank)` triples."""
    user, item, rank = (np.array(column, np.int32) for column in zip(*edges, strict=True))
    return Shape(user, item, rank, n_users, n_items)


# u0 - i0, i1     u1 - i1     u2 - i2     u3 -     i3, i4 nobody's; recommended: u2 i1 (joins the first two), u3 i3
BY_HAND = shape(
    [(0, 0, 0), (0, 1, 0), (1, 1, 0), (2, 2, 0), (2, 1, 1), (3, 3, 1), (3, 1, 2)],
    n_users=4,
    n_items=5,
)


def test_degrees_by_hand():
    assert BY_HAND.user_degrees.tolist() == [2, 1, 1, 0]
    assert BY_HAND.item_degrees.tolist() == [1, 2, 1, 0, 0]
    assert BY_HAND.item_recommended.tolist() == [0, 2, 0, 1, 0]
    degrees, counts = degree_distribution(BY_HAND.user_degrees)
    assert (degrees.tolist(), counts.tolist()) == ([1, 2], [2, 1])
    assert [a.tolist() for a in degree_distribution(np.zeros(3, int))] == [[], []]


def test_components_by_hand():
    # users 0-3 are vertices 0-3, items 0-4 are 4-8; the largest is {u0, u1, i0, i1}, then {u2, i2}, then three alone
    taken = BY_HAND.rank == 0
    labels = components(BY_HAND.user[taken], BY_HAND.item[taken], 4, 5)
    assert labels.tolist() == [0, 0, 1, 2, 0, 0, 1, 3, 4]
    assert component_sizes(labels) == [(4, 1), (2, 1), (1, 3)]
    assert BY_HAND.components(with_recommended=False) == [(4, 1), (2, 1), (1, 3)]
    # the recommendations join all but i4
    assert BY_HAND.components(with_recommended=True) == [(8, 1), (1, 1)]


def test_a_user_and_an_item_of_the_same_number_are_two_vertices():
    assert components(np.array([0, 1]), np.array([1, 0]), 2, 2).tolist() == [0, 1, 1, 0]


def test_a_chain_is_one_component_however_long():
    n = 5_000
    user, item = np.repeat(np.arange(n), 2)[:-1], np.repeat(np.arange(n), 2)[1:]
    assert set(components(user, item, n, n).tolist()) == {0}


def test_component_sizes_stay_a_short_list():
    labels = np.repeat(np.arange(100), np.arange(1, 101))
    sizes = component_sizes(labels)
    assert len(sizes) == 20
    assert sizes[0] == (100, 1)


@pytest.mark.parametrize(("values", "n", "expected"), [([3, 9, 9, 0], 3, [1, 2, 0]), ([0, 0], 2, []), ([1, 2], 1, [1])])
def test_the_greatest_come_first_and_nothing_of_nothing(values, n, expected):
    assert top(np.array(values), n) == expected


def recommendations(n_users=300, n_items=60, n=10):
    generator = np.random.default_rng(1)
    items = np.stack([generator.permutation(n_items)[:n] for _ in range(n_users)])
    return np.repeat(np.arange(n_users), n), items.ravel(), np.tile(np.arange(1, n + 1), n_users)


def test_a_neighbourhood_is_small_connected_and_the_same_again():
    user, item, rank = recommendations()
    found = neighbourhood(user, item, rank)
    assert len(found) == len(set(found.tolist())) <= 36
    assert 20 <= len({*user[found]}) + len({*item[found]}) <= 45
    assert (rank[found] <= 4).all()
    _, users = np.unique(user[found], return_inverse=True)
    _, items = np.unique(item[found], return_inverse=True)
    assert set(components(users, items, users.max() + 1, items.max() + 1).tolist()) == {0}
    order = np.random.default_rng(2).permutation(len(user))  # Spark gives the rows in any order
    again = neighbourhood(user[order], item[order], rank[order])
    triples = [
        sorted(zip(u[f], i[f], strict=True)) for u, i, f in ((user, item, found), (user[order], item[order], again))
    ]
    assert triples[0] == triples[1]


def test_a_neighbourhood_by_hand():
    near = BY_HAND.neighbourhood()
    shown = {(int(BY_HAND.user[e]), int(BY_HAND.item[e]), int(BY_HAND.rank[e])) for e in near}
    assert shown == {(2, 1, 1), (3, 1, 2), (3, 3, 1)}


def test_nothing_recommended_has_no_neighbourhood():
    nothing = shape([(0, 0, 0)], 1, 1)
    assert len(nothing.neighbourhood()) == 0
