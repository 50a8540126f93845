"""Interactions of a pandas frame as `snapshot.window` gives them."""

from typing import Any

import pandas as pd


def of_frame(spark: Any, frame: pd.DataFrame) -> Any:
    """A Spark frame of `_id, user_id, item_id, rating, weight, timestamp`, in other order."""
    import pyarrow as pa

    columns = ["_id", "user_id", "item_id", "rating", "weight", "timestamp"]
    mixed = frame.sample(frac=1, random_state=1)[columns].astype({"rating": "float64"})
    return spark.createDataFrame(pa.Table.from_pandas(mixed, preserve_index=False)).repartition(3)
