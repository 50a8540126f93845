"""Items nobody has taken: how many of what people take next only content can reach, how many it reaches, and what a share costs.

python -m benchmarks.reach        # Gift_Cards of the shared data, and the built-in
"""

import gzip
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks import quality_sets
from tidemark.evaluation import splits
from tidemark.models import fallback
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.item_features import Product
from tidemark.models.pairs import Pairs, from_frame
from tidemark.retraining import cold_items
from tidemark.reviews import builtin

Known = dict[str, Product]


def gift_cards() -> Known:
    """Of the 2018 metadata, as the file has them."""
    known = {}
    with gzip.open(quality_sets.DATA / "products" / "meta_Gift_Cards.json.gz", "rt") as lines:
        for row in map(json.loads, lines):
            text = " ".join([*row.get("description", []), *row.get("feature", [])])
            known[row["asin"]] = Product(row.get("title") or "", text, row.get("brand") or "", tuple(row["category"]))
    return known


def newest(pairs: Pairs, share: float) -> quality_sets.Sides:
    """Both sides of a split by time, the newest `share` held out."""
    order, held = splits.oldest_first(pairs), np.zeros(len(pairs), bool)
    held[order[round(len(pairs) * (1 - share)) :]] = True
    return pairs.take(~held), pairs.take(held)


def made() -> tuple[Pairs, Known]:
    """The built-in reviews and products, as `make run` writes them."""
    with tempfile.TemporaryDirectory() as folder:
        reviews, products = builtin.write(builtin.Size(), quality_sets.SEED, folder)
        rows = pd.concat(pd.read_json(path, lines=True) for path in builtin_files(reviews))
        known = {}
        for row in pd.concat(pd.read_json(path, lines=True) for path in builtin_files(products)).to_dict("records"):
            said = re.fullmatch(r"\$([0-9,]+\.[0-9]+)", str(row.get("price")))
            number = float(said[1].replace(",", "")) if said else None
            categories = tuple(row["category"]) if isinstance(row.get("category"), list) else ()
            text = " ".join(row["description"]) if isinstance(row.get("description"), list) else ""
            brand = row["brand"] if isinstance(row.get("brand"), str) else ""
            known[row["asin"]] = Product(str(row.get("title") or ""), text, brand, categories, number)
    names = {"reviewerID": "user_id", "asin": "item_id", "overall": "rating", "unixReviewTime": "seconds"}
    frame = rows.rename(columns=names)[list(names.values())]
    return from_frame(quality_sets._frame(frame)), known


def builtin_files(folder: str) -> list[str]:
    """The files of one kind."""
    from pathlib import Path

    return sorted(str(path) for path in Path(folder).rglob("*") if path.is_file() and ".json" in path.name)


def joined(sides: quality_sets.Sides) -> Pairs:
    """The pairs of both sides."""
    train, _ = sides
    fields = ("user_num", "item_num", "weight", "rating", "timestamp")
    order = np.lexsort([np.concatenate([getattr(side, name) for side in sides]) for name in ("item_num", "user_num")])
    return replace(train, **{name: np.concatenate([getattr(side, name) for side in sides])[order] for name in fields})


def spark_vectors(known: Known) -> cold_items.Vectors:
    """Feature vectors by Spark's pipeline, fitted on all that is known."""
    from tidemark.features import feature_pipeline
    from tidemark.spark.session import session

    spark = session("reach")
    rows = [
        (
            item,
            one.categories[0] if one.categories else "(none)",
            one.brand or "(none)",
            one.price,
            f"{one.title} {one.description}",
        )
        for item, one in sorted(known.items())
    ]
    columns = "_id string, category string, brand string, price double, text string"
    frame = spark.createDataFrame(
        [(*row[:3], float("nan") if row[3] is None else row[3], row[4]) for row in rows], columns
    )
    made = feature_pipeline.vectors(feature_pipeline.fit(frame), frame).orderBy("_id").collect()
    return [row["_id"] for row in made], np.array([row["vector"] for row in made], np.float32)


SETS: dict[str, Callable[[], tuple[Pairs, Known]]] = {
    "Gift_Cards": lambda: (joined(quality_sets.reviews("Gift_Cards_5")), gift_cards()),
    "built-in": made,
}


def main() -> None:
    """Measure each set."""
    for name, read in SETS.items():
        pairs, known = read()
        vectors = spark_vectors(known)
        for part in (0.1, 1 / 3):
            train, held = newest(pairs, part)
            fitted = fallback.fit(AlsImplicit(16, 100.0, 20.0), train)
            cpu = time.process_time()
            found = cold_items.measure(fitted, train, held, known, 0.1)
            with_vectors = cold_items.measure(fitted, train, held, known, 0.1, vectors)
            cold = (train.item_counts[held.item_num] == 0).mean()
            print(
                f"{name}, newest {part:.0%}: {cold:.1%} of what is held out is new; {time.process_time() - cpu:.1f} CPU-s"
            )
            print(json.dumps({"texts": found, "vectors of Spark": with_vectors}, indent=1))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
