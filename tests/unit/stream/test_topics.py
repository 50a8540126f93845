"""How clients of Kafka say who they are: the same to Python's and to Spark's."""

import pytest

from tidemark.settings import Settings
from tidemark.stream import topics


@pytest.mark.parametrize(
    ("mechanism", "module"),
    [("PLAIN", "plain.PlainLoginModule"), ("SCRAM-SHA-512", "scram.ScramLoginModule")],
)
def test_both_show_the_password_in_the_same_way(mechanism, module):
    config = Settings(_env_file=None, kafka_sasl_mechanism=mechanism, kafka_password='a"b')
    python, spark = topics.client_config(config), topics.spark_options(config)
    assert python["sasl.mechanism"] == spark["kafka.sasl.mechanism"] == mechanism
    assert spark["kafka.sasl.jaas.config"] == (
        f'org.apache.kafka.common.security.{module} required username="tidemark" password="a\\"b";'
    )
