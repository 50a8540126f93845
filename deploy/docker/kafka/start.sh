#!/bin/bash
# The broker's own start, with the login of both its listeners: from the secret, never from an argument.
set -euo pipefail
password=$(sed 's/["\\]/\\&/g' /run/secrets/tidemark_kafka_password)
login="org.apache.kafka.common.security.plain.PlainLoginModule required \
username=\"$TIDEMARK_KAFKA_USER\" password=\"$password\" user_$TIDEMARK_KAFKA_USER=\"$password\";"
export KAFKA_LISTENER_NAME_CLIENT_PLAIN_SASL_JAAS_CONFIG=$login
export KAFKA_LISTENER_NAME_CONTROLLER_PLAIN_SASL_JAAS_CONFIG=$login
exec /etc/kafka/docker/run
