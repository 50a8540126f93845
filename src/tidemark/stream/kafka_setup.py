"""What a cluster's Kafka needs before anybody uses it: the platform's login, where it is a SCRAM one, and the topics.

    python -m tidemark.stream.kafka_setup

A broker keeps SCRAM logins itself, so somebody must make the first: whoever may log in by PLAIN, as the platform may at the brokers
of docker-compose.yaml.
"""

from confluent_kafka import KafkaException
from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from tidemark.settings import Settings, settings
from tidemark.stream import topics

ITERATIONS = 8_192
MECHANISMS = {
    "SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256,
    "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512,
}


def make_login(config: Settings, timeout: float = 30) -> None:
    """Have the brokers know the platform's password by its SCRAM mechanism, if it has one; the same password again changes nothing.

    Raises:
        UnreachableError: no broker answered within `timeout` seconds, or it refused the login by PLAIN.
    """
    mechanism = MECHANISMS.get(config.kafka_sasl_mechanism)
    if mechanism is None:
        return
    admin = topics.admin_client(config.model_copy(update={"kafka_sasl_mechanism": "PLAIN"}))
    password = config.kafka_password.get_secret_value().encode()
    wanted = UserScramCredentialUpsertion(config.kafka_user, ScramCredentialInfo(mechanism, ITERATIONS), password)
    try:
        for made in admin.alter_user_scram_credentials([wanted], request_timeout=timeout).values():
            made.result(timeout)
    except KafkaException as error:
        raise topics.unreachable(error, config) from None


if __name__ == "__main__":
    make_login(settings())
    topics.ensure()
