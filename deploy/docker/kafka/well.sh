#!/bin/bash
# Whether the broker answers, asked in its own words: its tools are JVMs, which take seconds to start.
# ApiVersions, version 0 (key 18): the one request that is answered before a login.
set -euo pipefail
exec 3<>/dev/tcp/127.0.0.1/9094
printf '\0\0\0\12\0\22\0\0\0\0\0\1\377\377' >&3
test "$(timeout 10 head -c 4 <&3 | wc -c)" = 4
