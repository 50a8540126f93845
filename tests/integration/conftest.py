"""Fixtures of the tests that load."""

from typing import TYPE_CHECKING

import pytest

from tidemark import loads

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def load_spark(spark: "SparkSession") -> "SparkSession":
    """The session of the tests with the settings of a load."""
    for key, value in loads.SESSION.items():
        spark.conf.set(key, value)
    return spark
