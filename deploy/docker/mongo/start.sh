#!/bin/bash
# mongod as a replica set with authentication: the members' shared key comes from the environment, never an argument.
set -euo pipefail
umask 077
printf '%s' "$TIDEMARK_CLUSTER_MONGO_KEY" >/data/configdb/keyfile
chown mongodb:mongodb /data/configdb/keyfile
exec docker-entrypoint.sh mongod --replSet "$TIDEMARK_MONGO_REPLICA_SET" --keyFile /data/configdb/keyfile --bind_ip_all
