"""Charts and tables of an exploration, from the figures that the job `explore_reviews` left in `explore.json`."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from tidemark.charts import reviews, sample, style
from tidemark.charts.reviews import Found
from tidemark.exploration import sentiment
from tidemark.exploration.aggregates import PRODUCTS_SHOWN, SAMPLE
from tidemark.storage import artifacts, manifests, run_folder

CHARTS: dict[str, Callable[[Found], Figure]] = {
    "sample": sample.sample_and_population,
    "sentiment_by_rating": sample.sentiment_by_rating,
    "reviews_by_length": reviews.reviews_by_length,
    "most_reviewed": lambda found: reviews.products(found, "most"),
    "least_reviewed": lambda found: reviews.products(found, "least"),
    "ratings_over_time": reviews.ratings_over_time,
    "long_tails": reviews.long_tails,
    "verified": reviews.verified,
    "missing_values": reviews.missing_values,
}
"""Each chart of a run, by the name of its files, in the order that it is read in."""


PRODUCT_COLUMNS = ["item_id", "title", "reviews", "mean_rating", "scored", "sentiment"]
SENTIMENT_COLUMNS = [
    "stars",
    "reviews",
    "scored",
    "mean",
    "sd",
    *sentiment.PERCENTILES,
    "negative",
    "neutral",
    "positive",
]
PROOF_COLUMNS = ["name", "method", "statistic", "p_value", "adjusted", "verdict", "population", "sample"]


def tables(found: Found) -> dict[str, tuple[str, pd.DataFrame]]:
    """Each table: name -> title and frame."""
    n, facets, tails = found["totals"]["n"], found["facets"], found["tails"]
    missing = sorted(found["totals"]["missing"].items(), key=lambda pair: (-pair[1], pair[0]))
    given: dict[str, tuple[str, list[Any], list[str]]] = {
        "proof": ("The five tests of the sample", found["proof"]["findings"], PROOF_COLUMNS),
        "ratings": ("Reviews by rating, all and sampled", facets["stars"], ["stars", "reviews", "sampled"]),
        "sentiment_by_rating": (
            f"Sentiment by rating, of {sample.of_sample(found)}",
            found["sentiment"],
            SENTIMENT_COLUMNS,
        ),
        "reviews_by_length": (
            "Reviews by length of the text, characters",
            reviews.length_rows(found),
            ["from", "to", "reviews", "mean_rating"],
        ),
        "most_reviewed": (f"The {PRODUCTS_SHOWN} most reviewed products", found["products"]["most"], PRODUCT_COLUMNS),
        "least_reviewed": (
            f"The {PRODUCTS_SHOWN} least reviewed products",
            found["products"]["least"],
            PRODUCT_COLUMNS,
        ),
        "ratings_over_time": (
            "Reviews and mean rating by month (UTC)",
            facets["month"],
            ["month", "reviews", "sampled", "mean_rating"],
        ),
        "verified": (
            "Reviews by verification and rating",
            facets["stars_by_purchase"],
            ["purchase", "stars", "reviews", "sampled"],
        ),
        "missing_values": (
            "Reviews without a value, by field",
            [{"field": name, "missing": count, "share": count / n} for name, count in missing],
            ["field", "missing", "share"],
        ),
    }
    for kind in ("users", "items"):
        rows = [
            {"reviews": row["reviews"], kind: row["owners"], f"{kind}_at_least": row["owners_at_least"]}
            for row in reviews.at_least(tails[kind])
        ]
        given[kind] = (f"{kind.capitalize()} by number of reviews", rows, ["reviews", kind, f"{kind}_at_least"])
    return {name: (title, pd.DataFrame(rows, columns=columns)) for name, (title, rows, columns) in given.items()}


def draw(run: str, dag: str, run_id: str) -> dict[str, Any]:
    """Draw all charts of `<run>/explore.json`, write its tables and the manifest.

    Returns:
        the counts and the verdict, for the task's log.
    """
    found = artifacts.read_json(f"{run}/{run_folder.EXPLORE}")
    titles = {"explore.json": "All figures of the exploration"}
    for name, chart in CHARTS.items():
        titles |= style.save(chart(found), run, name)
    for name, (title, frame) in tables(found).items():
        path = f"tables/{name}.csv"
        artifacts.write_table(f"{run}/{path}", frame)
        titles[path] = title
    judged = found["proof"]
    counts = {
        "reviews": judged["population"],
        "sampled": judged["rows"],
        "scored": sum(row["scored"] for row in found["sentiment"]),
        "users": sum(row["owners"] for row in found["tails"]["users"]),
        "items": sum(row["owners"] for row in found["tails"]["items"]),
    }
    verdicts = {"sample": judged["verdict"]} | {f["name"]: f["verdict"] for f in judged["findings"]}
    manifest = manifests.write(
        run,
        dag=dag,
        run_id=run_id,
        title=f"Exploration of {counts['reviews']:,} reviews; the sample of {counts['sampled']:,} {judged['verdict']}",
        counts=counts,
        verdicts=verdicts,
        titles=titles | _sample_titles(run, found),
    )
    return counts | {"verdict": judged["verdict"], "files": len(manifest["files"])}


def _sample_titles(run: str, found: Found) -> dict[str, str]:
    import fsspec

    filesystem, folder = fsspec.core.url_to_fs(run)
    paths = filesystem.find(f"{folder}/{SAMPLE}")
    return {path[len(folder.rstrip("/")) + 1 :]: f"Rows of {sample.of_sample(found)}" for path in paths}
