#!/bin/sh
# Counts the lines of code between the markers `netcode: begin` and `netcode: end`, without empty lines and comments.
#
#   crates/rollback/lines.sh [FILE..]
set -eu
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- examples/pong/net.rs
awk '
    /netcode: end/ { on = 0 }
    on && !/^[ \t]*(\/\/.*)?$/ { count++ }
    /netcode: begin/ { on = 1 }
    END { print count + 0 }
' "$@"
