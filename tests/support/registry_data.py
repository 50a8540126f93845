"""A registry with models in it, and run folders with charts, tables and data docs, as the jobs would leave them."""

import tempfile
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast
from unittest import mock

import numpy as np
import pandas as pd
from pymongo.database import Database

from tests.support import tastes
from tidemark.charts import style
from tidemark.evaluation import ranking_metrics
from tidemark.models import saved
from tidemark.models.pairs import from_frame
from tidemark.registry import entries
from tidemark.retraining import cold_items, decide, evaluate, train
from tidemark.storage import artifacts, manifests, mongo, run_folder

Document = dict[str, Any]

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
EVIL = '<script>document.title="taken"</script>'


def model_id(number: int) -> str:
    return f"{FIRST + timedelta(hours=number):%Y%m%dT%H%M%S}-{number:08x}"


def run_id(number: int) -> str:
    return f"manual__{(FIRST + timedelta(hours=number)).isoformat()}"


RUN = run_id(29)
"""A run with artifacts, see `leave`."""


def interval(value: float, half: float = 0.004) -> Document:
    return {"value": value, "low": value - half, "high": value + half}


class NoServer:
    """In place of the database, where nothing is asked of it."""


@cache
def retrained() -> Document:
    """What the tasks train, evaluate and decide store of a small world, as the second model of a registry."""
    nowhere = cast("Database[Document]", NoServer())
    # 60 users in six tastes, without ratings: stars are learned by Spark.
    rng = np.random.default_rng(0)
    rows = [(f"u{n % 60:02}", f"i{n % 6 + 6 * rng.integers(0, 8):02}") for n in range(1_200)]
    asked = {"engine": "auto", "feedback": "implicit", "search": "always", "promote": "gate"}

    def registered(run: str, number: int, champion: Document | None) -> Document:
        snapshot = {"stored": 100_000, "window": 1_000_000, "cut": FIRST.isoformat(), "since": FIRST.isoformat()}
        of_champion = {"champion": champion and champion["_id"], "champion_cut": champion and FIRST.isoformat()}
        snapshot |= of_champion | {"champion_stored": champion and 90_000, "model_id": model_id(number), "stream": None}
        artifacts.write_json(f"{run}/{run_folder.SNAPSHOT}", snapshot | {"asked": asked})
        if not artifacts.exists(f"{run}/{run_folder.TRAIN}"):
            trained = train.train(nowhere, run, saved.load_pairs(run), snapshot | {"asked": asked})
            artifacts.write_json(f"{run}/{run_folder.TRAIN}", trained)
        with (
            mock.patch.object(entries, "get", return_value=champion),
            mock.patch.object(entries, "save") as save,
            mock.patch.object(cold_items, "known_products", return_value={}),
        ):
            artifacts.write_json(f"{run}/{run_folder.EVALUATE}", evaluate.of_run(nowhere, run))
            decide.register(nowhere, run)
        return dict(save.call_args.args[1])

    with tempfile.TemporaryDirectory() as run:
        saved.save_pairs(run, from_frame(tastes.frame(rows)))
        document = registered(run, 1, champion=registered(run, 0, champion=None))
    truth, spreads = rng.integers(1, 6, 500).astype(float), {"als": 0.6, "bias": 0.7, "global_mean": 0.9}
    predicted = {name: truth + rng.normal(0, spread, 500) for name, spread in spreads.items()}
    return document | {"metrics": document["metrics"] | {"ratings": ranking_metrics.rating_metrics(truth, predicted)}}


def over(real: Document, made: Document) -> Document:
    """`real` with the values of `made` in their places; a place that `real` has not cannot be made up."""
    assert made.keys() <= real.keys(), f"no such document is stored: {made.keys() - real.keys()}"
    nested = {key: over(real[key], value) for key, value in made.items() if isinstance(value, dict)}
    return real | made | nested


def model(number: int, root: str = "/nowhere", *, published: bool = True, reasons: list[str] | None = None) -> Document:
    """A model document of the registry, as the code stores it; its figures follow from its number."""
    ndcg = 0.08 + 0.03 * (1 - 0.98**number) + 0.004 * ((number * 7) % 5) / 5 - (0 if published else 0.02)
    ranked: Document = {
        name: {"ndcg_at_10": interval(value), "recall_at_10": interval(value * 1.5), "coverage": interval(value * 2)}
        for name, value in (
            ("candidate", ndcg),
            ("champion", ndcg - 0.001),
            ("popularity", 0.04),
            ("popularity_recent", 0.041),
            ("item_knn", 0.09),
        )
    }
    stars: Document = {
        name: {"rmse": interval(v), "mae": interval(v - 0.2)}
        for name, v in (("als", 0.831), ("bias", 0.8311), ("global_mean", 0.8775))
    }
    figures = f"NDCG@10 {ndcg:.4f} against 0.0400, lead {ndcg - 0.04:+.4f} (+0.0300 to +0.0500, 4,863 users)"
    verdict = "candidate is not worse than the champion" if published else "candidate is worse than the champion"
    return over(
        deepcopy(retrained()),
        {
            "_id": model_id(number),
            "status": "retired" if published else "rejected",
            "data": {
                **{"pairs": 88_412, "users": 5_000, "items": 2_000, "measured_users": 4_863, "cold_users": 20},
                **{"measured_ratings": 8_841, "split_rule": "newest_tenth", "split": "held out is the newest tenth"},
            },
            "metrics": ranked | {"ratings": stars},
            "decision": {
                "publish": published,
                "contender": "candidate",
                "reasons": reasons or [f"candidate is ahead of popularity: {figures}", f"{verdict}: {figures}"],
            },
            "artifacts": run_folder.of(root, "retrain_recommender", run_id(number)),
            "users_served": 4_863 if published else None,
            "created_at": FIRST + timedelta(hours=number),
            "published_at": FIRST + timedelta(hours=number, minutes=2) if published else None,
        },
    )


def of_earlier_release(document: Document) -> Document:
    """`document` as it was stored before it said what its figures rest on and where its settings come from."""
    document = deepcopy(document)
    for name in ("split_rule", "measured_ratings"):
        del document["data"][name]
    for name in ("settings_from", "search_of"):
        del document[name]
    return document


def fill(db: Database[Document], count: int, root: str = "/nowhere", *, kept: int = 5) -> str:
    """`count` models, every fourth rejected; the newest published one is live, `kept` have lists. Gives the champion."""
    for name in ("models", "dead_letters"):
        mongo.ensure(db, name)
    made = [model(n, root, published=n % 4 != 3) for n in range(count)]
    published = [m for m in made if m["published_at"]]
    champion = published[-1]
    champion["status"] = "champion"
    db["models"].insert_many(made)
    for one in published[-kept:]:
        db[mongo.recommendations(one["_id"])].insert_one({"_id": "u1", "items": []})
    previous = published[-2]["_id"] if len(published) > 1 else None
    db["pointers"].replace_one(
        {"_id": "champion"},
        {"model_id": champion["_id"], "previous": previous, "moved_at": champion["published_at"], "moved_by": "run"},
        upsert=True,
    )
    return str(champion["_id"])


def letters(db: Database[Document], count: int, reason: str = "rating: 6 is greater than the maximum of 5") -> None:
    """`count` dead letters that wait, and one that was sent again."""
    for offset in range(count + 1):
        db["dead_letters"].insert_one(
            {
                "_id": f"interactions-0-{offset}",
                "topic": "interactions",
                "partition": 0,
                "offset": offset,
                "time": FIRST + timedelta(seconds=offset),
                "reason": reason,
                "value": None,
                "replayed_at": FIRST if offset == 0 else None,
            }
        )


DOCS_PAGE = """<!DOCTYPE html><html><head><title>docs</title><script>document.title='taken'</script></head>
<body><h1>Validation</h1><table><tr><th>Expectation</th><th>Seen</th></tr><tr><td>at least 2 users</td><td>4,863</td></tr></table>
<a href="more/page.html">more</a></body></html>"""


def leave(root: str, dag_id: str, of_run: str, *, title: str = "A retrain", model: str | None = None) -> str:
    """A whole run folder: charts, tables, a graph, data docs, and the manifest. Gives the folder."""
    run = run_folder.of(root, dag_id, of_run)
    titles: dict[str, str] = {}
    for name, shown in (("metrics", "Metrics beside the baselines"), ("coverage", "Coverage and popularity")):
        drawn, axes = style.figure(shown, "NDCG@10", source=f"model {model}")
        axes.plot([1, 2, 3], [0.04, 0.09, 0.11], label="this model", **style.look(0))
        axes.legend()
        style.save(drawn, run, name)
        titles |= {f"charts/{name}.{form}": shown for form in ("png", "svg")}
    drawn, axes = style.figure("Recommendation graph", "a neighbourhood", source=f"model {model}")
    for n in range(24):
        axes.annotate(f"i:{n}", ((n * 7) % 24, (n * 5) % 24))
        axes.plot([n, (n * 7) % 24], [(n * 5) % 24, n], color=style.FAINT, linewidth=0.5)
    style.save(drawn, run, "neighbourhood")
    titles |= {f"charts/neighbourhood.{form}": "A neighbourhood of the graph" for form in ("png", "svg")}
    frame = pd.DataFrame({"item": ["=cmd()", EVIL, *(f"i{n}" for n in range(30))], "count": range(32)})
    artifacts.write_table(f"{run}/tables/top_products.csv", frame)
    artifacts.write_table(f"{run}/graph/edges.csv", pd.DataFrame({"source": ["u:1"], "target": ["i:1"]}))
    artifacts.write_bytes(f"{run}/graph/graph.graphml", b"<graphml/>")
    artifacts.write_json(f"{run}/report.json", {"ok": True})
    artifacts.write_bytes(f"{run}/docs/training_interactions/index.html", DOCS_PAGE.encode())
    artifacts.write_bytes(f"{run}/docs/training_interactions/more/page.html", b"<html><head></head><p>more</p></html>")
    manifests.write(
        run,
        dag=dag_id,
        run_id=of_run,
        title=title,
        model_id=model,
        counts={"pairs": 88_412, "vertices": 6_863},
        verdicts={"training_interactions": "passes", "moments": "fails"},
        titles=titles | {"tables/top_products.csv": "Top products"},
    )
    return run
