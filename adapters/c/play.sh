#!/bin/sh
# Plays 600 frames against the Rust example udp over the loopback, in C and in Python, on both wires.
#
#   play.sh UDP-EXAMPLE C-PLAYER LIBRARY [WIRE...]
#
# The players check every input that they receive; this script checks that none is missing.
set -u
cd "$(dirname "$0")" || exit 1
udp=$1 player=$2 library=$3
shift 3
[ $# -gt 0 ] || set -- compact classic
frames=600 port=$((20000 + $$ * 8 % 20000))
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

play() { # NAME WIRE PORT COMMAND...
    name=$1 wire=$2 port=$3 log=$out/$1-$2
    shift 3
    # Long enough for a slow machine: the other player checks no more than the first 600 frames.
    "$udp" --wire "$wire" --me 0 --seconds 13 \
        --listen "127.0.0.1:$port" --peer "127.0.0.1:$((port + 1))" >"$log-rust" 2>&1 &
    rust=$!
    "$@" >"$log" 2>&1
    other_status=$?
    wait "$rust"
    rust_status=$?
    delivered=$(sed -n 's/^delivered=//p' "$log-rust")
    wrong=$(sed -n 's/^wrong=//p' "$log-rust")
    echo "$name, $wire: $(tail -n 1 "$log"); Rust received $delivered of $frames, $wrong of them wrong"
    if [ $other_status -ne 0 ] || [ $rust_status -ne 0 ] || [ "$delivered" != $frames ] || [ "$wrong" != 0 ]; then
        echo "FAILED: $name, $wire (status $other_status, Rust's $rust_status)"
        cat "$log" "$log-rust"
        return 1
    fi
}

# All at once, because the players mostly wait.
playing='' failed=0
for wire in "$@"; do
    play C "$wire" $port "$player" --wire "$wire" --me 1 --port $((port + 1)) --peer-port $port --frames $frames &
    playing="$playing $!"
    port=$((port + 2))
    if command -v python3 >/dev/null; then
        play Python "$wire" $port python3 examples/udp.py "$library" "$wire" $((port + 1)) $port &
        playing="$playing $!"
        port=$((port + 2))
    else
        echo "skipped: Python, $wire: there is no python3"
    fi
done
for game in $playing; do
    wait "$game" || failed=1
done
exit $failed
