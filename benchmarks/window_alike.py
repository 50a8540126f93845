"""Whether lists made block by block by Spark are those of one process, by the same factors: every user of amazon_book, 64 factors.

python -m benchmarks.window_alike
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import amazon_book, subjects
from benchmarks.train import ALPHA, FACTORS, ITERATIONS, REGULARIZATION
from tidemark.at_scale import user_blocks, user_rows
from tidemark.models import fallback, saved
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.pairs import from_frame
from tidemark.retraining import publish
from tidemark.spark.session import session
from tidemark.storage.tombstones import NOBODY

N = 10


def main() -> None:
    """Make both, compare, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=amazon_book.DATA, help="folder of amazon_book")
    frame = amazon_book.frame(amazon_book.rows(parser.parse_args().data, "train"))
    frame["_id"] = frame["user_id"] + ":" + frame["item_id"]
    pairs = from_frame(frame)
    recommender = AlsImplicit(FACTORS, REGULARIZATION, ALPHA, ITERATIONS)
    alone: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as run:
        fitted = fallback.fit(recommender, pairs)
        saved.save_model(f"{run}/model.npz", recommender, fitted, pairs)
        with subjects.measured(alone):
            made = publish.make(fitted, pairs, N)
        spark = session("window-alike", **{"spark.master": "local[2]"})
        table = pa.Table.from_pandas(frame.astype({"rating": "float64"}), preserve_index=False)
        rows = user_rows.make(spark, run, spark.createDataFrame(table).repartition(4))
        items, ids = saved.load_items(f"{run}/model.npz")
        asked = user_blocks.Asked(items, ids, N, 0.0, np.ones(len(ids), bool), NOBODY)
        by_blocks: dict[str, Any] = {}
        with subjects.measured(by_blocks):
            listed = user_blocks.lists(rows.frame, spark.sparkContext.broadcast(asked)).toArrow()
        listed = listed.sort_by("user_num").combine_chunks()
        spark.stop()
    users = np.asarray(listed["user_num"])
    assert np.array_equal(users, made.users), "other users are served"
    found = user_blocks.of_batch(listed, N)
    same = (found.items == made.items).all(axis=1)
    apart = np.abs(np.sort(found.scores) - np.sort(made.scores)).max()
    figures = {
        "users": len(users),
        "same_lists": int(same.sum()),
        "share": float(same.mean()),
        "same_to_the_last_bit": bool(np.array_equal(found.scores, made.scores)),
        "scores_apart_at_most": float(apart),
        "one_process": alone,
        "by_blocks": by_blocks,
    }
    print(json.dumps(figures, indent=2))
    subjects.save("window_alike", figures)


if __name__ == "__main__":
    main()
