#!/bin/bash
# What the official image does: Kafka's own wrapper makes the configuration from KAFKA_* and formats the folder.
set -euo pipefail
export CLUSTER_ID=${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}
heap=${KAFKA_HEAP_OPTS:--Xms256m -Xmx1g}
java -Xmx256m -cp '/opt/kafka/libs/*' kafka.docker.KafkaDockerWrapper setup \
    --default-configs-dir /etc/kafka/docker --mounted-configs-dir /mnt/shared/config --final-configs-dir /opt/kafka/config
# shellcheck disable=SC2086
exec java $heap ${KAFKA_OPTS:-} -Dlog4j2.configurationFile=/opt/kafka/config/log4j2.yaml -Dkafka.logs.dir=/tmp \
    -cp '/opt/kafka/libs/*' kafka.Kafka /opt/kafka/config/server.properties
