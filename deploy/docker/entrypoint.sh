#!/bin/sh
# Makes, from the environment, what must not be an argument: Spark's shared secret, and, where it is asked for, where
# lineage goes.
set -eu
umask 077

SPARK_CONF_DIR=/tmp/spark-conf
export SPARK_CONF_DIR
mkdir -p "$SPARK_CONF_DIR"
if [ -n "${TIDEMARK_CLUSTER_SPARK_SECRET:-}" ]; then
    printf 'spark.authenticate true\nspark.network.crypto.enabled true\nspark.authenticate.secret %s\n' \
        "$TIDEMARK_CLUSTER_SPARK_SECRET" >"$SPARK_CONF_DIR/spark-defaults.conf"
fi

if [ -n "${TIDEMARK_LINEAGE:-}" ]; then
    eval "$(python -m tidemark.deployment.lineage)"
fi

exec "$@"
