"""A registry with models in it, and run folders with charts, tables and data docs, as the jobs would leave them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from pymongo.database import Database

from tidemark.charts import style
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


def model(number: int, root: str = "/nowhere", *, published: bool = True, reasons: list[str] | None = None) -> Document:
    """A model document of the registry; its figures follow from its number."""
    ndcg = 0.08 + 0.03 * (1 - 0.98**number) + 0.004 * ((number * 7) % 5) / 5 - (0 if published else 0.02)
    ranked = {
        name: {"ndcg_at_10": interval(value), "recall_at_10": interval(value * 1.5), "coverage": interval(value * 2)}
        for name, value in (
            ("candidate", ndcg),
            ("champion", ndcg - 0.001),
            ("popularity", 0.04),
            ("popularity_recent", 0.041),
            ("item_knn", 0.09),
        )
    }
    told = f"NDCG@10 {ndcg:.4f} against 0.0400, lead {ndcg - 0.04:+.4f} (+0.0300 to +0.0500, 4,863 users)"
    verdict = "candidate is not worse than the champion" if published else "candidate is worse than the champion"
    return {
        "_id": model_id(number),
        "status": "retired" if published else "rejected",
        "engine": "implicit",
        "feedback": "implicit",
        "params": {"factors": 64, "regularization": 10.0, "alpha": 40.0, "iterations": 15, "seed": 42},
        "tried": {},
        "why": {"engine": "small", "settings": "found by search"},
        "search": {"trials": [{"ndcg": i / 100, "params": {"factors": 2**i}} for i in range(20)]},
        "snapshot": {"cut": FIRST.isoformat(), "stored": 100_000, "window": 1_000_000},
        "data": {"pairs": 88_412, "users": 5_000, "items": 2_000, "measured_users": 4_863, "cold_users": 20},
        "metrics": ranked
        | {
            "ratings": {
                name: {"rmse": interval(v), "mae": interval(v - 0.2)}
                for name, v in (("als", 0.831), ("bias", 0.8311), ("global_mean", 0.8775))
            }
        },
        "decision": {
            "publish": published,
            "contender": "candidate",
            "promote": "gate",
            "compared_with": "champion",
            "reasons": reasons or [f"candidate beats popularity: {told}", f"{verdict}: {told}"],
            "leads": {a: {b: {"mean": 0.01} for b in ranked} for a in ranked},
        },
        "artifacts": run_folder.of(root, "retrain_recommender", run_id(number)),
        "users_served": 4_863 if published else None,
        "created_at": FIRST + timedelta(hours=number),
        "published_at": FIRST + timedelta(hours=number, minutes=2) if published else None,
    }


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
    titles = {}
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
