"""The shape of a graph of users and items: degrees, connected components, and a neighbourhood small enough to draw.

A graph is three arrays `(n,)`, one place an edge: `user` and `item` (numbers from 0, each in its own space) and `rank`
(0: taken; else the place in the user's recommendations).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Shape:
    """What a graph looks like, from its arrays.

    Args:
        user, item, rank: one place an edge; see the module.
        n_users, n_items: vertices of both kinds.
    """

    user: Array
    item: Array
    rank: Array
    n_users: int
    n_items: int

    @cached_property
    def user_degrees(self) -> Array:
        """Edges taken of each user, `(n_users,)`."""
        return np.bincount(self.user[self.rank == 0], minlength=self.n_users)

    @cached_property
    def item_degrees(self) -> Array:
        """Edges taken of each item, `(n_items,)`."""
        return np.bincount(self.item[self.rank == 0], minlength=self.n_items)

    @cached_property
    def item_recommended(self) -> Array:
        """Users to whom each item is recommended, `(n_items,)`."""
        return np.bincount(self.item[self.rank > 0], minlength=self.n_items)

    def components(self, with_recommended: bool) -> list[tuple[int, int]]:
        """`component_sizes` of what was taken, or of all edges."""
        edges = np.ones(len(self.rank), bool) if with_recommended else self.rank == 0
        return component_sizes(components(self.user[edges], self.item[edges], self.n_users, self.n_items))

    def neighbourhood(self, seed: int = 42) -> Array:
        """A few dozen edges around one user, drawn by `seed`: positions in the arrays (the function of the same name)."""
        return neighbourhood(self.user, self.item, self.rank, seed=seed)


def top(values: Array, n: int) -> list[int]:
    """The places of the `n` greatest of `values`, greatest first, ties by the lower place; none of 0."""
    order = np.lexsort((np.arange(len(values)), -values))[:n]
    return [int(place) for place in order if values[place] > 0]


def degree_distribution(degrees: Array) -> tuple[Array, Array]:
    """How many vertices have each degree: the degrees that occur above 0, ascending, and their counts."""
    occurring, counts = np.unique(degrees[degrees > 0], return_counts=True)
    return occurring, counts


def components(user: Array, item: Array, n_users: int, n_items: int) -> Array:
    """The component of each vertex, users first, then items: int `(n_users + n_items,)`; 0 is the largest, ties by the
    lowest vertex. A vertex without an edge is a component by itself.

    Takes about 30 bytes an edge (scipy's CSR in both directions).
    """
    size = n_users + n_items
    ones = np.ones(len(user), np.int8)
    graph = coo_matrix((ones, (user, item + np.int32(n_users))), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    _, first, counts = np.unique(labels, return_index=True, return_counts=True)
    place = np.empty(len(counts), np.int64)
    place[np.lexsort((first, -counts))] = np.arange(len(counts))
    renumbered: Array = place[labels]
    return renumbered


def component_sizes(labels: Array, most: int = 20) -> list[tuple[int, int]]:
    """`(vertices, components of that many vertices)`, largest first, at most `most` rows."""
    sizes, counts = np.unique(np.bincount(labels), return_counts=True)
    rows = list(zip(sizes[::-1].tolist(), counts[::-1].tolist(), strict=True))
    return rows[:most]


def neighbourhood(
    user: Array, item: Array, rank: Array, *, seed: int = 42, items_each: int = 4, users_each: int = 2
) -> Array:
    """A few dozen edges of the recommendation graph around one user, drawn by `seed`: positions in the arrays.

    The user's best items; of each the users to whom it is recommended in the highest place; of each their best items.
    At most `(1 + items_each * users_each) * items_each` edges, all in one component.
    """
    edges = np.flatnonzero(rank > 0)
    if not len(edges):
        return edges
    by_user = edges[np.lexsort((rank[edges], user[edges]))]
    by_item = edges[np.lexsort((user[edges], rank[edges], item[edges]))]
    owners, places = user[by_user], item[by_item]

    def best(one: int) -> Array:
        at = np.searchsorted(owners, one)
        best_edges: Array = by_user[at : np.searchsorted(owners, one, side="right")][:items_each]
        return best_edges

    def takers(one: int) -> Array:
        at = np.searchsorted(places, one)
        nearest: Array = user[by_item[at : np.searchsorted(places, one, side="right")]]
        return nearest

    chosen = np.unique(owners)
    start = int(chosen[np.random.default_rng(seed).integers(len(chosen))])
    users, drawn = [start], [best(start)]
    for one in item[drawn[0]].tolist():
        near = [u for u in takers(one)[: users_each + len(users)].tolist() if u not in users][:users_each]
        users += near
        drawn += [best(u) for u in near]
    return np.concatenate(drawn)
