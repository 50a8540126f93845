#!/bin/bash
# mongod as a replica set with authentication. The members' shared key must be nobody else's to read, which a secret is not.
set -euo pipefail
(umask 077 && cat /run/secrets/tidemark_cluster_mongo_key >/data/configdb/keyfile)
options=(--replSet "$TIDEMARK_MONGO_REPLICA_SET" --keyFile /data/configdb/keyfile --bind_ip_all --nounixsocket)
if [ "$TIDEMARK_MONGO_TLS" = True ]; then
    options+=(--tlsMode requireTLS --tlsCAFile /run/secrets/tidemark_cluster_ca)
    options+=(--tlsCertificateKeyFile /run/secrets/tidemark_cluster_certificate --tlsAllowConnectionsWithoutCertificates)
fi
exec docker-entrypoint.sh mongod "${options[@]}"
