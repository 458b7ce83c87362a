#!/bin/sh
# Plays 600 frames over the loopback: a player in any language against the Rust example udp.
#
#   play-one.sh UDP-EXAMPLE NAME WIRE PORT COMMAND...
#
# The Rust player listens on PORT and sends to PORT + 1, where COMMAND must listen. Each checks every input that it receives;
# this script checks that none is missing.
set -u
udp=$1 name=$2 wire=$3 port=$4
shift 4
frames=600
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# Long enough for a slow machine: the other player checks no more than the first 600 frames.
"$udp" --wire "$wire" --me 0 --seconds 13 --listen "127.0.0.1:$port" --peer "127.0.0.1:$((port + 1))" >"$out/rust" 2>&1 &
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
    exit 1
fi
