#!/bin/sh
# Makes of the secrets, each a file, what must be in a file of another shape: Spark's configuration, PostgreSQL's password, Java's
# authorities; and, where it is asked for, where lineage goes.
set -eu
umask 077

has() { test -s "/run/secrets/tidemark_$1"; }
secret() { cat "/run/secrets/tidemark_$1"; }

SPARK_CONF_DIR=/tmp/spark-conf
export SPARK_CONF_DIR
mkdir -p "$SPARK_CONF_DIR"
if has cluster_spark_secret; then
    printf 'spark.authenticate true\nspark.network.crypto.enabled true\nspark.authenticate.secret %s\n' \
        "$(secret cluster_spark_secret)" >"$SPARK_CONF_DIR/spark-defaults.conf"
fi

# Java knows authorities by a store of its own: the system's, and the one that MongoDB is known by.
if [ -n "${TIDEMARK_TLS_CA:-}" ]; then
    cp -L /etc/ssl/certs/java/cacerts /tmp/authorities
    keytool -importcert -noprompt -trustcacerts -alias tidemark -file "$TIDEMARK_TLS_CA" -keystore /tmp/authorities -storepass changeit
    for part in driver executor; do
        printf 'spark.%s.defaultJavaOptions -Djavax.net.ssl.trustStore=/tmp/authorities\n' "$part" >>"$SPARK_CONF_DIR/spark-defaults.conf"
    done
fi

if [ -n "${PGPASSFILE:-}" ]; then
    printf '*:*:*:*:%s\n' "$(secret cluster_postgres_password | sed 's/[\\:]/\\&/g')" >"$PGPASSFILE"
fi

if [ -n "${TIDEMARK_LINEAGE:-}" ]; then
    eval "$(python -m tidemark.deployment.lineage)"
fi

exec "$@"
