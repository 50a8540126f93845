"""CPU-seconds of one fit on amazon_book, 64 factors, 15 iterations: Tidemark, `implicit` alone, Spark MLlib alone.

make bench-train
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import amazon_book, subjects
from tidemark.models.als_implicit import AlsImplicit
from tidemark.models.factors import Factors
from tidemark.models.pairs import Pairs

FACTORS, REGULARIZATION, ALPHA, ITERATIONS = 64, 10.0, 60.0, 15
SPARK_REGULARIZATION, SPARK_ALPHA = 0.05, 40.0  # MLlib scales regularisation by the number of events


def tidemark(pairs: Pairs, figures: dict[str, Any]) -> Factors:
    """What the job `train` does with pairs."""
    with subjects.measured(figures):
        return AlsImplicit(FACTORS, REGULARIZATION, ALPHA, ITERATIONS).fit(pairs)


def implicit(pairs: Pairs, figures: dict[str, Any]) -> Factors:
    """The library as its own documentation uses it."""
    from implicit.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    matrix = pairs.weights
    with subjects.measured(figures), threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=FACTORS, regularization=REGULARIZATION, alpha=ALPHA, iterations=ITERATIONS, random_state=42
        )
        model.fit(matrix, show_progress=False)
    return Factors(np.asarray(model.user_factors), np.asarray(model.item_factors))


def mllib(pairs: Pairs, figures: dict[str, Any]) -> Factors:
    """Spark's own ALS in its defaults, on a cached frame, JVM already warm."""
    import pyarrow as pa
    from pyspark.ml.recommendation import ALS

    from tidemark.models import als_spark
    from tidemark.spark.session import session

    spark = session("bench", **{"spark.driver.memory": "3g"})
    spark.sparkContext.setCheckpointDir(f"{subjects.settings().state}/benchmarks/checkpoints")
    columns = {"user_num": pairs.user_num, "item_num": pairs.item_num, "value": pairs.weight}
    rows = spark.createDataFrame(pa.table(columns)).cache()
    rows.count()
    als = ALS(
        rank=FACTORS, regParam=SPARK_REGULARIZATION, alpha=SPARK_ALPHA, maxIter=ITERATIONS, implicitPrefs=True, seed=42,
        userCol="user_num", itemCol="item_num", ratingCol="value",
    )  # fmt: skip
    with subjects.measured(figures):
        model = als.fit(rows)
        users, items = (
            als_spark._array(frame, n, FACTORS)
            for frame, n in zip((model.userFactors, model.itemFactors), pairs.shape, strict=True)
        )
    spark.stop()
    return Factors(users, items)


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
        model = SUBJECTS[arguments.subject](pairs, figures)
        print(json.dumps(figures | amazon_book.quality(arguments.data, pairs, model)))
        return
    rows = [subjects.run(__file__, name, "--data", str(arguments.data)) for name in SUBJECTS]
    subjects.report("train", "one fit on amazon_book, 64 factors, 15 iterations", rows)


if __name__ == "__main__":
    main()
