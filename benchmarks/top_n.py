"""CPU-seconds of the 20 best unseen items of all 70,679 users of amazon_book: Tidemark, `implicit`, Spark MLlib.

make bench-topn
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import amazon_book, subjects
from tidemark.models.factors import Factors
from tidemark.models.interface import recommend
from tidemark.models.pairs import Pairs

FACTORS, N = 64, 20


def factors(pairs: Pairs) -> Factors:
    """Factors of the shape of a trained model: what they hold does not change the work."""
    generator = np.random.default_rng(0)
    user, item = (generator.normal(0, 0.1, (n, FACTORS)).astype(np.float32) for n in pairs.shape)
    return Factors(user, item)


def tidemark(pairs: Pairs, figures: dict[str, Any]) -> np.ndarray:
    """What the job `publish` does."""
    model = factors(pairs)
    with subjects.measured(figures):
        return recommend(model, np.arange(pairs.shape[0]), N, pairs.weights)[0]


def implicit(pairs: Pairs, figures: dict[str, Any]) -> np.ndarray:
    """The library's own `recommend`, for all users at once, seen items left out."""
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    made = factors(pairs)
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(factors=FACTORS)
        model.user_factors, model.item_factors = made.user_factors, made.item_factors
        with subjects.measured(figures):
            items, _ = model.recommend(np.arange(pairs.shape[0]), pairs.weights, N=N, filter_already_liked_items=True)
    return items


def mllib(pairs: Pairs, figures: dict[str, Any]) -> np.ndarray | None:
    """`recommendForAllUsers`, which does not leave out what a user has, of a model of the same shape."""
    import pyarrow as pa
    from pyspark.ml.recommendation import ALS

    from tidemark.spark.session import session

    spark = session("bench", **{"spark.driver.memory": "3g"})
    columns = {"user_num": pairs.user_num, "item_num": pairs.item_num, "value": pairs.weight}
    als = ALS(rank=FACTORS, maxIter=1, implicitPrefs=True, userCol="user_num", itemCol="item_num", ratingCol="value")
    model = als.fit(spark.createDataFrame(pa.table(columns)))
    with subjects.measured(figures):
        model.recommendForAllUsers(N).write.format("noop").mode("overwrite").save()
    spark.stop()
    return None


SUBJECTS = {"tidemark": tidemark, "implicit": implicit, "mllib": mllib}


def main() -> None:
    """Measure each subject in a process of its own, and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=amazon_book.DATA, help="folder of amazon_book")
    parser.add_argument("--subject", choices=SUBJECTS, help="measure this one alone, in this process")
    arguments = parser.parse_args()
    if arguments.subject:
        pairs = amazon_book.train(arguments.data)
        figures: dict[str, Any] = {}
        lists = SUBJECTS[arguments.subject](pairs, figures)
        checksum = None if lists is None else int(np.asarray(lists, np.int64).sum())
        print(json.dumps(figures | {"checksum": checksum}))
        return
    rows = [subjects.run(__file__, name, "--data", str(arguments.data)) for name in SUBJECTS]
    subjects.report("top_n", "top 20 of 70,679 users over 24,915 items, 64 factors", rows)


if __name__ == "__main__":
    main()
