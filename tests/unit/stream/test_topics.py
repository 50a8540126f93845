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


@pytest.mark.parametrize(("protocol", "known"), [("SASL_SSL", "/ca.pem"), ("SSL", "/ca.pem"), ("SASL_PLAINTEXT", None)])
def test_both_know_the_brokers_by_the_authority_that_is_set(protocol, known):
    config = Settings(_env_file=None, kafka_security_protocol=protocol, tls_ca="/ca.pem")
    python, spark = topics.client_config(config), topics.spark_options(config)
    assert python.get("ssl.ca.location") == spark.get("kafka.ssl.truststore.location") == known
    assert spark.get("kafka.ssl.truststore.type") == ("PEM" if known else None)
    anybody = config.model_copy(update={"tls_ca": ""})
    assert not [name for name in {**topics.client_config(anybody), **topics.spark_options(anybody)} if ".ssl." in name]
