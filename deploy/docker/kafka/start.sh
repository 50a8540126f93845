#!/bin/bash
# The broker's own start, with the login of its listeners: from the secret, never from an argument.
set -euo pipefail
password=$(sed 's/["\\]/\\&/g' /run/secrets/tidemark_kafka_password)
login="username=\"$TIDEMARK_KAFKA_USER\" password=\"$password\""
plain="org.apache.kafka.common.security.plain.PlainLoginModule required $login user_$TIDEMARK_KAFKA_USER=\"$password\";"
export KAFKA_LISTENER_NAME_CLIENT_PLAIN_SASL_JAAS_CONFIG=$plain
export KAFKA_LISTENER_NAME_CONTROLLER_PLAIN_SASL_JAAS_CONFIG=$plain
export KAFKA_LISTENER_NAME_HEALTH_PLAIN_SASL_JAAS_CONFIG=$plain
# The container's own loopback: well.sh asks there, before a login.
protocol=$TIDEMARK_KAFKA_SECURITY_PROTOCOL
export KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=CLIENT:$protocol,CONTROLLER:$protocol,HEALTH:SASL_PLAINTEXT
export KAFKA_SASL_ENABLED_MECHANISMS=PLAIN
export KAFKA_SASL_MECHANISM_INTER_BROKER_PROTOCOL=$TIDEMARK_KAFKA_SASL_MECHANISM
if [ "$TIDEMARK_KAFKA_SASL_MECHANISM" != PLAIN ]; then
    # PLAIN stays for whoever makes the login, and among the controllers, which keep it. Until it is made, brokers wait for it.
    export KAFKA_LISTENER_NAME_CLIENT_SASL_ENABLED_MECHANISMS=PLAIN,$TIDEMARK_KAFKA_SASL_MECHANISM
    variable=${TIDEMARK_KAFKA_SASL_MECHANISM//-/___}
    export "KAFKA_LISTENER_NAME_CLIENT_${variable}_SASL_JAAS_CONFIG=org.apache.kafka.common.security.scram.ScramLoginModule required $login;"
fi
if [ "$protocol" = SASL_SSL ]; then
    export KAFKA_SSL_KEYSTORE_TYPE=PEM KAFKA_SSL_KEYSTORE_LOCATION=/run/secrets/tidemark_cluster_certificate
    export KAFKA_SSL_TRUSTSTORE_TYPE=PEM KAFKA_SSL_TRUSTSTORE_LOCATION=/run/secrets/tidemark_cluster_ca
fi
exec /etc/kafka/docker/run
