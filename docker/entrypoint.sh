#!/bin/sh
# Writes, from the environment, the files that must not be arguments: Spark's shared secret and Airflow's passwords.
set -eu
umask 077

SPARK_CONF_DIR=/tmp/spark-conf
export SPARK_CONF_DIR
mkdir -p "$SPARK_CONF_DIR"
if [ -n "${TIDEMARK_CLUSTER_SPARK_SECRET:-}" ]; then
    printf 'spark.authenticate true\nspark.network.crypto.enabled true\nspark.authenticate.secret %s\n' \
        "$TIDEMARK_CLUSTER_SPARK_SECRET" >"$SPARK_CONF_DIR/spark-defaults.conf"
fi

if [ -n "${TIDEMARK_AIRFLOW_PASSWORD:-}" ]; then
    python - <<'PY'
import json, os, pathlib

path = pathlib.Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
path.write_text(json.dumps({os.environ["TIDEMARK_AIRFLOW_USER"]: os.environ["TIDEMARK_AIRFLOW_PASSWORD"]}))
PY
fi

exec "$@"
