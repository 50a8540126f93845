#!/bin/sh
# Makes an authority of one's own, and a certificate of it for MongoDB and Kafka, beside the other secrets, where they are
# empty yet: deploy/docker/certificates.sh [FOLDER]. The authority's key is thrown away: once it has signed, nobody needs it.
# Certificates of another authority do as well: put them into the same files. Four lines of .env then say that they are used:
#
#   TIDEMARK_MONGO_TLS=True
#   TIDEMARK_KAFKA_SECURITY_PROTOCOL=SASL_SSL
#   TIDEMARK_KAFKA_SASL_MECHANISM=SCRAM-SHA-512
#   TIDEMARK_TLS_CA=/run/secrets/tidemark_cluster_ca
set -eu
folder=${1:-secrets}
days=825
names=DNS:localhost,IP:127.0.0.1
for server in mongo kafka; do
    names=$names,DNS:$server,DNS:$server-2,DNS:$server-3
done

"$(dirname "$0")/secrets.sh" "$folder"
test -s "$folder/tidemark_cluster_certificate" && exit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
made() { openssl "$@" 2>"$work/said" || { cat "$work/said" >&2 && exit 1; }; }
umask 077
made req -x509 -newkey rsa:3072 -nodes -days "$days" -subj "/CN=Tidemark's own authority" -keyout "$work/ca.key" -out "$work/ca.pem" \
    -addext keyUsage=critical,keyCertSign
made req -newkey rsa:3072 -nodes -subj /O=Tidemark/CN=tidemark-server -keyout "$work/server.key" -out "$work/server.csr"
# Servers of a kind are each other's clients too.
printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature,keyEncipherment\n' "$names" >"$work/server.ext"
made x509 -req -in "$work/server.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days "$days" \
    -extfile "$work/server.ext" -out "$work/server.pem"
umask 022
put() { cat >"$folder/.part" && mv "$folder/.part" "$folder/$1"; }
put tidemark_cluster_ca <"$work/ca.pem"
cat "$work/server.key" "$work/server.pem" | put tidemark_cluster_certificate
