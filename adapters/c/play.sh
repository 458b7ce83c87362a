#!/bin/sh
# Plays 600 frames against the Rust example udp over the loopback, in C and in Python, on both wires.
#
#   play.sh UDP-EXAMPLE C-PLAYER LIBRARY [WIRE...]
set -u
cd "$(dirname "$0")" || exit 1
udp=$1 player=$2 library=$3
shift 3
[ $# -gt 0 ] || set -- compact classic
port=$((20000 + $$ * 8 % 20000))

# All at once, because the players mostly wait.
playing='' failed=0
for wire in "$@"; do
    ./play-one.sh "$udp" C "$wire" $port "$player" --wire "$wire" --me 1 --port $((port + 1)) --peer-port $port --frames 600 &
    playing="$playing $!"
    port=$((port + 2))
    if command -v python3 >/dev/null; then
        ./play-one.sh "$udp" Python "$wire" $port python3 examples/udp.py "$library" "$wire" $((port + 1)) $port &
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
