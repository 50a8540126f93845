#!/bin/bash
# Whether mongod answers `hello`, asked in its own words: mongosh takes a second of a processor to start.
# OP_MSG (opcode 2013): 16 bytes of header, 4 of flags, then a section of kind 0 with {hello: 1, $db: "admin"}.
set -euo pipefail
hello() { printf '\x34\0\0\0\1\0\0\0\0\0\0\0\xdd\7\0\0\0\0\0\0\0\x1f\0\0\0\x10hello\0\1\0\0\0\2$db\0\6\0\0\0admin\0\0'; }
# By the name that the others use: while the image makes its first user, it answers on the loopback alone.
if [ "$TIDEMARK_MONGO_TLS" = True ]; then
    coproc TLS { exec timeout 10 openssl s_client -quiet -connect "$HOSTNAME:27017" 2>/dev/null; }
    trap 'kill "$TLS_PID" 2>/dev/null' EXIT
    exec 3<&"${TLS[0]}" 4>&"${TLS[1]}"
else
    exec 3<>"/dev/tcp/$HOSTNAME/27017" 4>&3
fi
hello >&4
test "$(timeout 10 head -c 16 <&3 | wc -c)" = 16
