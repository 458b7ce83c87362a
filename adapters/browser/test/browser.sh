#!/bin/sh
# Runs the browser tests, if possible in a network namespace, where real packets can be dropped.
#
#   test/browser.sh FILE...
cd "$(dirname "$0")/.." || exit 1
lossy=test/lossy.sh
if ! $lossy true; then
    echo "skipped: loss of real packets: a network namespace needs root, iproute2 and nftables; the pages drop messages instead"
    lossy=
fi
failed=0
# One after the other: each has a browser of its own to keep busy.
for file in "$@"; do
    $lossy node --test --test-force-exit --test-reporter=spec "$file" || failed=1
done
exit $failed
