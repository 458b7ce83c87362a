#!/bin/sh
# Tests the tools, with the real tshark where it is or can be had. Reports what it skips.
#
#   tools/check.sh
set -u
cd "$(dirname "$0")/.." || exit 1
if ! command -v tshark >/dev/null; then
    if [ "$(id -u)" != 0 ] || ! DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends tshark >/dev/null 2>&1; then
        echo "skipped: the Wireshark dissector: tshark is neither installed nor available"
    fi
fi
exec cargo test -q --release -p inputwire-tools
