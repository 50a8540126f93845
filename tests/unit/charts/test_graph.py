"""Charts of the graph: of any size, with titles as texts, and no label upon another."""

import numpy as np
import pytest

from tests.unit.charts.test_model import words
from tidemark.charts import graph


def vertex(name, label=None, degree=3, recommended=2):
    return {"id": name, "kind": "user" if name[0] == "u" else "item", "label": label or name[2:], "degree": degree,
            "recommended": recommended}  # fmt: skip


def edges(n_users, each=4):
    return [
        {"user": vertex(f"u:{u}"), "item": vertex(f"i:{(u + i) % 20}", f"<b>$x${(u + i) % 20}"), "rank": i + 1}
        for u in range(n_users)
        for i in range(each)
    ]


def test_degrees_say_how_it_hangs_together(tmp_path):
    shape = {
        "degrees": {"users": [[1, 2, 50], [900, 90, 1]], "items": [[1, 1_000], [10, 1]]},
        "components": {"taken": [[500, 1], [2, 250]]},
        "counts": {"users": 600, "items": 400},
    }
    shown = words(tmp_path, graph.degrees(shape, "model m"))
    for word in ("users", "items", "1,000", "largest connected component holds 50.0% of it", "model m"):
        assert word in shown
    shape["components"]["taken"] = [[1000, 1]]
    assert "all of it hangs together" in words(tmp_path, graph.degrees(shape, "model m"))


def test_top_products_are_shown_by_title(tmp_path):
    best = [vertex(f"i:{n}", "=evil <script> $1$" if n == 0 else f"Product {n}", degree=1000 - n) for n in range(10)]
    shown = words(tmp_path, graph.top_products({"taken": best, "recommended": best[:1]}, "model m"))
    assert "=evil <script> $1$" in shown
    assert "Product 9" in shown
    assert "1,000" in shown


@pytest.mark.parametrize("n_users", [1, 2, 9])
def test_a_neighbourhood_shows_users_and_items(tmp_path, n_users):
    shown = words(tmp_path, graph.neighbourhood(edges(n_users), "model m"))
    assert "<b>$x$0" in shown
    assert "round: users; square: items" in shown


def test_an_empty_neighbourhood_says_so(tmp_path):
    assert "nothing is recommended" in words(tmp_path, graph.neighbourhood([], "model m"))


def test_labels_are_pushed_apart():
    places = np.random.default_rng(3).uniform(-1, 1, (30, 2))
    places[1] = places[0]  # in one place
    moved = graph._apart(places, 0.3, 0.12)
    away = abs(moved[:, np.newaxis] - moved)
    meets = (away[..., 0] < 0.3 - 1e-6) & (away[..., 1] < 0.12 - 1e-6) & ~np.eye(30, dtype=bool)
    assert not meets.any()
    assert np.array_equal(moved, graph._apart(places, 0.3, 0.12))
