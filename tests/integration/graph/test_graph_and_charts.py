"""What a retraining leaves for people: the graph of its model, its charts and tables, and the manifest over all."""

import csv
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from tests.support import tastes
from tests.support.retraining import as_frame, job, retrain, store_interactions
from tidemark.charts import retraining
from tidemark.errors import NoChampionError
from tidemark.registry import champion
from tidemark.retraining import snapshot as snapshots
from tidemark.spark.session import session
from tidemark.storage import artifacts, manifests, mongo

pytestmark = pytest.mark.usefixtures("spark", "mongo_db")

EVIL = '=cmd|"/c calc" <script>alert(1)</script> $x^2$'
CHARTS = {"metrics", "history", "search", "stars", "activity", "spread"}
GRAPHS = {"degrees", "top_products", "neighbourhood"}


@pytest.fixture
def table():
    return as_frame(tastes.tastes())


def draw(run, run_id="run"):
    return retraining.draw(mongo.connect(), run, dag="retrain_recommender", run_id=run_id)


def charts(run):
    return {file["path"] for file in manifests.read(run)["files"] if file["kind"] == "chart"}


def test_a_published_model_has_graph_charts_tables_and_a_manifest(table):
    store_interactions(table)
    db = mongo.connect()
    db["products"].insert_many([{"_id": f"i{n:03}", "title": EVIL} for n in range(120)])
    run = retrain("first", stars=True, factors=8, regularization=None, alpha=None)["run"]
    job("export_graph").main(run)
    counts = draw(run)

    found = artifacts.read_json(f"{run}/graph.json")
    users, items = table["user_id"].nunique(), table["item_id"].nunique()
    taken = len(table.drop_duplicates(["user_id", "item_id"]))
    assert found["counts"] == {
        "users": users,
        "items": items,
        "edges": taken + 10 * users,
        "rated": taken,
        "recommended": 10 * users,
    }
    assert found["pairs_learned"] == taken
    assert sum(found["degrees"]["users"][1]) == users
    assert np.dot(*found["degrees"]["items"]) == taken
    assert found["components"]["taken"][0][0] <= users + items

    model = champion.live(db)
    with Path(f"{run}/graph/edges.csv").open(newline="") as stream:
        edges = list(csv.DictReader(stream))
    recommended = {}
    for edge in edges:
        if edge["kind"] == "recommended":
            recommended.setdefault(edge["source"], []).append(edge["target"])
    for document in db[mongo.recommendations(model["_id"])].find():
        assert recommended[f"u:{document['_id']}"] == [f"i:{item['item_id']}" for item in document["items"]]
    graph = nx.read_graphml(f"{run}/graph/graph.graphml")
    assert (len(graph), graph.number_of_edges()) == (users + items, len(edges))
    assert graph.nodes["i:i000"]["label"] == EVIL
    assert pd.read_csv(f"{run}/graph/products.csv")["label"].eq(f"'{EVIL}").all()
    assert pd.read_csv(f"{run}/tables/top_products.csv")["title"].str.startswith("'=").all()

    assert charts(run) == {f"charts/{name}.{kind}" for name in CHARTS | GRAPHS | {"blend"} for kind in ("png", "svg")}
    manifest = manifests.read(run)
    assert manifest["model_id"] == model["_id"]
    assert manifest["verdicts"]["gate"] == "passes"
    assert manifest["counts"]["graph edges"] == len(edges)
    assert counts["charts"] == 20
    by_path = {file["path"]: file for file in manifest["files"]}
    assert by_path["charts/metrics.svg"]["title"].startswith("This model")
    assert by_path["graph/graph.graphml"]["kind"] == "graph"
    svg = Path(f"{run}/charts/top_products.svg").read_text()
    assert "<script" not in svg
    assert "$x^2$" in svg or "\N{HORIZONTAL ELLIPSIS}" in svg
    metrics = pd.read_csv(f"{run}/tables/metrics.csv")
    assert {"candidate", "popularity", "item_knn", "als", "global_mean"} <= set(metrics["model"])


def test_a_model_that_was_not_published_has_charts_and_no_graph(table):
    store_interactions(table)
    retrain("first")
    held = retrain("second", 1, force=True, promote="never")
    draw(held["run"])
    assert charts(held["run"]) == {f"charts/{name}.{kind}" for name in CHARTS for kind in ("png", "svg")}
    manifest = manifests.read(held["run"])
    assert manifest["verdicts"]["published"] == "no"
    assert "graph edges" not in manifest["counts"]
    history = pd.read_csv(f"{held['run']}/tables/history.csv")
    assert history["model_id"].tolist() == sorted(history["model_id"])
    assert history["live"].tolist() == [True, False]


@pytest.mark.parametrize("products", ["absent", "empty", "one"])
def test_a_graph_needs_no_products(table, products):
    """As after `make run SOURCE=<reviews>`: the load made the collection and put nothing into it."""
    store_interactions(table.head(2_000))
    db = mongo.connect()
    if products != "absent":
        mongo.ensure(db, "products")
    if products == "one":
        title = {"_id": "i000", "title": "A drum"}
        db.command({"insert": "products", "documents": [title], "bypassDocumentValidation": True})
    run = retrain("first", promote="always")["run"]
    job("export_graph").main(run)
    draw(run)
    labels = pd.read_csv(f"{run}/graph/products.csv").set_index("id")["label"]
    assert labels["i:i000"] == ("A drum" if products == "one" else "i000")
    assert labels["i:i001"] == "i001"
    assert f"charts/{min(GRAPHS)}.png" in charts(run)


def test_drawn_again_everything_is_replaced_by_the_same(table):
    store_interactions(table.head(2_000))
    run = retrain("first", promote="always")["run"]
    hashes = []
    for _ in range(2):
        job("export_graph").main(run)
        draw(run)
        files = manifests.read(run)["files"]
        hashes.append({f["path"]: f["sha256"] for f in files if f["kind"] in ("graph", "table")})
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) > 8


def test_a_graph_of_an_unknown_model_says_what_to_do(table):
    store_interactions(table.head(500))
    run = retrain("first", promote="always")["run"]
    db = mongo.connect()
    db["models"].delete_many({})
    with pytest.raises(NoChampionError, match="run retrain_recommender"):
        job("export_graph").main(run)


@pytest.mark.parametrize("window", [200, 1_000_000])
def test_spark_sees_the_window_that_training_saw(table, window):
    tied = table.assign(timestamp=table["timestamp"].dt.floor("30D"))
    # Of the stream: those before the snapshot's offset belong to it, later ones and other generations do not count as beyond.
    streamed = [f"interactions-0-{n}" for n in range(40)] + [f"interactions~1-0-{n}" for n in range(10)]
    tied.loc[tied.index[-50:], "_id"] = streamed
    store_interactions(tied.sample(frac=1, random_state=1))
    stream = {
        "topic": "interactions", "topic_id": "t", "generation": 0, "next_offsets": {"0": 25, "1": 3},
        "unlearned": 0, "behind": 0, "waited": 0.0,
    }  # fmt: skip
    snapshot = snapshots.take(mongo.connect(), window) | {"stream": stream}
    expected = snapshots.read_window(mongo.connect(), snapshot)
    found = snapshots.window(session("tests"), snapshot).toPandas()
    assert sorted(found["_id"]) == sorted(expected["_id"])
    assert "interactions-0-24" in set(expected["_id"]) or window == 200
    assert "interactions-0-25" not in set(expected["_id"])
