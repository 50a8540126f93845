#!/bin/bash
# What the official image does with what compose gives it: runs as mongodb, and makes root before the first start.
set -euo pipefail
if [ "$1" = mongod ] && [ "$(id -u)" = 0 ]; then
    find /data/db /data/configdb \! -user mongodb -exec chown mongodb {} +
    exec setpriv --reuid=mongodb --regid=mongodb --clear-groups "$0" "$@"
fi
if [ "$1" = mongod ] && [ -n "${MONGO_INITDB_ROOT_USERNAME:-}" ] && [ ! -e /data/db/WiredTiger ]; then
    mongod --dbpath /data/db --bind_ip 127.0.0.1 --port 27017 --fork --logpath /data/db/first.log
    if [ -n "${MONGO_INITDB_ROOT_PASSWORD_FILE:-}" ]; then MONGO_INITDB_ROOT_PASSWORD=$(<"$MONGO_INITDB_ROOT_PASSWORD_FILE"); fi
    export MONGO_INITDB_ROOT_PASSWORD
    mongosh --quiet admin --eval 'db.createUser({
        user: process.env.MONGO_INITDB_ROOT_USERNAME, pwd: process.env.MONGO_INITDB_ROOT_PASSWORD, roles: ["root"]})'
    mongod --dbpath /data/db --shutdown
    rm /data/db/first.log
fi
unset MONGO_INITDB_ROOT_USERNAME MONGO_INITDB_ROOT_PASSWORD
exec "$@"
