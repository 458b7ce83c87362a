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
frames=600 failed=0 port=$((20000 + $$ * 8 % 20000))
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

play() { # NAME COMMAND...
    name=$1
    shift
    # Long enough for a slow machine: the other player checks no more than the first 600 frames.
    "$udp" --wire "$wire" --me 0 --seconds 13 \
        --listen "127.0.0.1:$port" --peer "127.0.0.1:$((port + 1))" >"$out/rust" 2>&1 &
    rust=$!
    "$@" >"$out/other" 2>&1
    other_status=$?
    wait "$rust"
    rust_status=$?
    delivered=$(sed -n 's/^delivered=//p' "$out/rust")
    wrong=$(sed -n 's/^wrong=//p' "$out/rust")
    echo "$name, $wire: $(tail -n 1 "$out/other"); Rust received $delivered of $frames, $wrong of them wrong"
    if [ $other_status -ne 0 ] || [ $rust_status -ne 0 ] || [ "$delivered" != $frames ] || [ "$wrong" != 0 ]; then
        echo "FAILED: $name, $wire (status $other_status, Rust's $rust_status)"
        cat "$out/other" "$out/rust"
        failed=1
    fi
    port=$((port + 2))
}

for wire in "$@"; do
    play C "$player" --wire "$wire" --me 1 --port $((port + 1)) --peer-port "$port" --frames $frames
    if command -v python3 >/dev/null; then
        play Python python3 examples/udp.py "$library" "$wire" $((port + 1)) "$port"
    else
        echo "skipped: Python, $wire: there is no python3"
    fi
done
exit $failed
