"""Charts and tables of an exploration, from the figures that the job `explore_reviews` left in `explore.json`."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from tidemark.charts import ranked_products, reviews, sample, style
from tidemark.charts.reviews import Exploration
from tidemark.exploration import sentiment
from tidemark.exploration.extremes import PROXY
from tidemark.storage import artifacts, manifests, run_folder

CHARTS: dict[str, Callable[[Exploration], Figure]] = {
    "sample": sample.sample_and_population,
    "sentiment_by_rating": sample.sentiment_by_rating,
    "reviews_by_length": reviews.reviews_by_length,
    "most_reviewed": lambda explored: ranked_products.products(explored, "most"),
    "least_reviewed": lambda explored: ranked_products.products(explored, "least"),
    "ratings_over_time": reviews.ratings_over_time,
    "long_tails": reviews.long_tails,
    "verified": reviews.verified,
    "missing_values": reviews.missing_values,
}
"""Each chart of a run, by the name of its files, in the order that it is read in."""


PRODUCT_COLUMNS = [
    "item_id",
    "title",
    "reviews",
    "mean_rating",
    "scored",
    "sentiment",
    "price",
    "price_x_reviews",
]
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


def tables(explored: Exploration) -> dict[str, tuple[str, pd.DataFrame]]:
    """Each table: name -> title and frame."""
    n, facets, tails = explored["totals"]["n"], explored["facets"], explored["tails"]
    missing = sorted(explored["totals"]["missing"].items(), key=lambda pair: (-pair[1], pair[0]))
    given: dict[str, tuple[str, list[Any], list[str]]] = {
        "proof": ("The five tests of the sample", explored["proof"]["findings"], PROOF_COLUMNS),
        "ratings": ("Reviews by rating, all and sampled", facets["stars"], ["stars", "reviews", "sampled"]),
        "sentiment_by_rating": (
            f"Sentiment by rating, of {sample.of_sample(explored)}",
            explored["sentiment"],
            SENTIMENT_COLUMNS,
        ),
        "reviews_by_length": (
            "Reviews by length of the text, characters",
            reviews.length_rows(explored),
            ["from", "to", "reviews", "mean_rating"],
        ),
        "prices": (
            "Reviewed products without a known price",
            ranked_products.price_rows(explored),
            ["products", "count", "without_price", "share"],
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
    for which in ("most", "least"):
        rows = explored["products"][which]
        title = f"The {len(rows)} {which} reviewed products, with {PROXY}"
        given[f"{which}_reviewed"] = (title, rows, PRODUCT_COLUMNS)
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
    explored = artifacts.read_json(f"{run}/{run_folder.EXPLORE}")
    titles = {"explore.json": "All figures of the exploration"}
    for name, chart in CHARTS.items():
        titles |= style.save(chart(explored), run, name)
    for name, (title, frame) in tables(explored).items():
        path = f"tables/{name}.csv"
        artifacts.write_table(f"{run}/{path}", frame)
        titles[path] = title
    judged = explored["proof"]
    counts = {
        "reviews": judged["population"],
        "sampled": judged["rows"],
        "scored": sum(row["scored"] for row in explored["sentiment"]),
        "users": sum(row["owners"] for row in explored["tails"]["users"]),
        "items": explored["prices"]["products"],
        "items_without_price": explored["prices"]["without_price"],
    }
    verdicts = {"sample": judged["verdict"]} | {f["name"]: f["verdict"] for f in judged["findings"]}
    manifest = manifests.write(
        run,
        dag=dag,
        run_id=run_id,
        title=f"Exploration of {counts['reviews']:,} reviews; the sample of {counts['sampled']:,} {judged['verdict']}",
        counts=counts,
        verdicts=verdicts,
        titles=titles | _sample_titles(run, explored),
    )
    return counts | {"verdict": judged["verdict"], "files": len(manifest["files"])}


def _sample_titles(run: str, explored: Exploration) -> dict[str, str]:
    import fsspec

    filesystem, folder = fsspec.core.url_to_fs(run)
    paths = filesystem.find(f"{folder}/{run_folder.SAMPLE}")
    return {path[len(folder.rstrip("/")) + 1 :]: f"Rows of {sample.of_sample(explored)}" for path in paths}
