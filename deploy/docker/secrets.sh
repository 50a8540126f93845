#!/bin/sh
# Makes the secrets of docker-compose.yaml, a file each, where they are not there yet: deploy/docker/secrets.sh [FOLDER]
# Nobody but the owner gets into the folder; the files are readable, for in a container they are read by another user.
set -eu
folder=${1:-secrets}
mkdir -p -m 700 "$folder"

make() { # name, command that makes it
    test -e "$folder/tidemark_$1" && return
    (umask 022 && $2 >"$folder/.part")
    mv "$folder/.part" "$folder/tidemark_$1"
}
password() { head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }
key() { head -c 96 /dev/urandom | base64 | tr -d '\n'; }          # what MongoDB's members share: base64
fernet() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }

for name in mongo_password mongo_root_password kafka_password airflow_password airflow_secret_key airflow_jwt_secret \
    shop_secret cluster_postgres_password cluster_spark_secret; do
    make "$name" password
done
make airflow_fernet_key fernet
make cluster_mongo_key key
make alert_webhook true    # empty: no webhook is told
make lineage_api_key true  # empty: no key is sent
make oidc_client_secret true
make cluster_ca true           # empty: MongoDB and Kafka speak no TLS, or are known by a public authority;
make cluster_certificate true  # deploy/docker/certificates.sh makes both
