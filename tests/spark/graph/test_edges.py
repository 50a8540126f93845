"""The graph as Spark frames and as files: two id spaces, exact counts, files that other programs read."""

import csv
from datetime import UTC, datetime

import fsspec
import networkx as nx
import pytest

from tidemark.contracts import conformance, schemas
from tidemark.graph import edges as graph
from tidemark.graph import files
from tidemark.graph import shape as graph_shape
from tidemark.storage import artifacts

LISTS = "_id string, items array<struct<item_id string, score double>>"
NASTY = '=HYPERLINK("x") & <b>"tail"</b>\x07 \ufffe $1'


@pytest.fixture(scope="module")
def frames(spark):
    """Edges, users and items: u1 rated a twice and bought b; the user `a` bought a; both are recommended things."""

    def row(user, item, rating, day, weight=1.0):
        return f"{user}:{item}:{day}", user, item, rating, weight, datetime(2024, 1, day, tzinfo=UTC)

    interactions = spark.createDataFrame(
        [row("u1", "a", 2.0, 1), row("u1", "a", 5.0, 3), row("u1", "b", None, 2, 3.0), row("a", "a", None, 1)],
        "_id string, user_id string, item_id string, rating double, weight double, timestamp timestamp",
    )
    lists = spark.createDataFrame(
        [("u1", [("c", 0.9), ("d", 0.8), ("=e&", 0.7)]), ("a", [("b", 0.12345678), ("c", -0.5)])], LISTS
    )
    titles = spark.createDataFrame(
        [("a", "Plain"), ("b", NASTY), ("c", " "), ("z", "nobody's")], "_id string, title string"
    )
    edges = graph.edges(interactions, lists, top=2).cache()
    return edges, graph.vertices(edges, "source"), graph.vertices(edges, "target", titles)


def test_edges_by_hand(frames):
    found = [tuple(row) for row in frames[0].collect()]
    assert set(found[:3]) == {
        ("u:a", "i:a", "bought", 1.0, None),
        ("u:u1", "i:b", "bought", 3.0, None),
        ("u:u1", "i:a", "rated", 5.0, None),
    }
    assert sorted(found[3:]) == [
        ("u:a", "i:b", "recommended", 0.123457, 1),
        ("u:a", "i:c", "recommended", -0.5, 2),
        ("u:u1", "i:c", "recommended", 0.9, 1),
        ("u:u1", "i:d", "recommended", 0.8, 2),
    ]


def test_vertices_by_hand(frames):
    _, users, items = frames
    assert [(r["number"], r["id"], r["kind"], r["label"], r["degree"], r["recommended"]) for r in users.collect()] == [
        (0, "u:a", "user", "a", 1, 2),
        (1, "u:u1", "user", "u1", 2, 2),
    ]
    found = {r["id"]: (r["number"], r["label"], r["degree"], r["recommended"]) for r in items.collect()}
    assert found["i:a"] == (0, "Plain", 2, 0)
    assert found["i:b"][1:] == (NASTY, 1, 1)
    assert found["i:c"] == (2, "c", 0, 2)
    assert set(found) == {"i:a", "i:b", "i:c", "i:d"}
    for frame in (users, items):
        for row in frame.drop("number").collect():
            assert conformance.reasons("graph_vertex", row.asDict()) == []


def test_every_edge_satisfies_its_contract(frames):
    for row in frames[0].collect():
        assert conformance.reasons("graph_edge", row.asDict()) == []


def test_the_numbers_are_the_graph(frames):
    edges, users, items = frames
    shape = graph_shape.Shape(**graph.numbers(edges, users, items), n_users=users.count(), n_items=items.count())
    assert shape.user_degrees.tolist() == [1, 2]
    assert shape.item_degrees.tolist() == [2, 1, 0, 0]
    assert shape.item_recommended.tolist() == [0, 1, 2, 1]
    # u:a, u:u1, i:a and i:b hang together; c and d are reached by recommendations only
    assert shape.components(with_recommended=False) == [(4, 1), (1, 2)]
    assert shape.components(with_recommended=True) == [(6, 1)]
    assert graph.named(items, [0, 3])[3]["id"] == "i:d"


@pytest.fixture(params=["local", "memory"])
def run(request, tmp_path):
    """A run folder on a file system, and on a store that is none."""
    if request.param == "local":
        yield f"{tmp_path}/run"
        return
    yield f"memory://{tmp_path.name}"
    fsspec.filesystem("memory").rm(f"/{tmp_path.name}", recursive=True)


def test_files_are_read_by_other_programs(frames, run, tmp_path):
    edges, users, items = frames
    stage = tmp_path / "stage"
    files.write(users, items, edges, run, str(stage))
    assert not stage.exists()

    def rows(name):
        with fsspec.open(f"{run}/graph/{name}.csv", "r", encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    assert list(rows("edges")[0]) == schemas.fields("graph_edge")
    assert list(rows("users")[0]) == list(rows("products")[0]) == schemas.fields("graph_vertex")
    ends = {(e["source"], e["target"], e["kind"], e["rank"]) for e in rows("edges")}
    assert ends >= {("u:a", "i:a", "bought", ""), ("u:a", "i:b", "recommended", "1")}
    assert [float(e["weight"]) for e in rows("edges")] == [r["weight"] for r in edges.collect()]
    assert rows("products")[1]["label"] == f"'{NASTY}"
    assert [user["id"] for user in rows("users")] == ["u:a", "u:u1"]

    with fsspec.open(f"{run}/graph/graph.graphml", "rb") as stream:
        read = nx.read_graphml(stream)
    assert set(read) == {"u:a", "u:u1", "i:a", "i:b", "i:c", "i:d"}
    assert read.nodes["i:b"]["label"] == NASTY.replace("\x07", "\ufffd").replace("\ufffe", "\ufffd")
    assert read.nodes["u:u1"] == {"kind": "user", "label": "u1", "degree": 2, "recommended": 2}
    assert read.edges["u:u1", "i:a"] == {"kind": "rated", "weight": 5.0}
    assert read.edges["u:u1", "i:d"] == {"kind": "recommended", "weight": 0.8, "rank": 2}
    assert read.number_of_edges() == 7


def test_written_again_the_files_are_the_same(frames, tmp_path):
    edges, users, items = frames
    for name in ("one", "two"):
        files.write(users, items, edges, f"{tmp_path}/{name}", f"{tmp_path}/stage")
    for file in ("users.csv", "products.csv", "edges.csv", "graph.graphml"):
        assert (tmp_path / "one/graph" / file).read_bytes() == (tmp_path / "two/graph" / file).read_bytes()


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "a=1", "", None, "'=", "x"])
def test_a_cell_is_made_harmless_as_in_tables(spark, text):
    frame = spark.createDataFrame([(text,)], "cell string")
    assert frame.select(files.csv_cell("cell")).first()[0] == artifacts.csv_cell(text)
