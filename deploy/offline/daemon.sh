#!/bin/sh
# A Docker daemon of its own, for tests of the compose file: its data, socket and pid lie in one folder, it makes no bridge
# that others see and no rules in the firewall, and it is ended by its pid.
#
#   daemon.sh start FOLDER     # then: docker --host unix://FOLDER/docker.sock ...
#   daemon.sh stop FOLDER
set -eu

folder=$(realpath -m "$2")
pidfile=$folder/dockerd.pid

runs() {
    test -s "$pidfile" && kill -0 "$(cat "$pidfile")" 2>/dev/null && grep -qs dockerd "/proc/$(cat "$pidfile")/comm"
}

case $1 in
start)
    runs && exit 0
    mkdir -p "$folder/data" "$folder/run"
    rm -f "$pidfile"
    setsid dockerd --data-root "$folder/data" --exec-root "$folder/run" --pidfile "$pidfile" --host "unix://$folder/docker.sock" \
        --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
        </dev/null >>"$folder/dockerd.log" 2>&1 &
    for _ in $(seq 60); do
        docker --host "unix://$folder/docker.sock" version >/dev/null 2>&1 && exit 0
        sleep 1
    done
    echo "The Docker daemon did not answer within a minute; it says in $folder/dockerd.log:" >&2
    tail -5 "$folder/dockerd.log" >&2
    exit 1
    ;;
stop)
    runs || exit 0
    pid=$(cat "$pidfile")
    kill "$pid"
    for _ in $(seq 60); do
        kill -0 "$pid" 2>/dev/null || exit 0
        sleep 1
    done
    echo "The Docker daemon $pid did not end within a minute" >&2
    exit 1
    ;;
*)
    echo "usage: daemon.sh start|stop FOLDER" >&2
    exit 2
    ;;
esac
