#!/bin/sh
# Runs the browser tests, if possible in a network namespace, where real packets can be dropped.
cd "$(dirname "$0")/.." || exit 1
if test/lossy.sh true; then
    exec test/lossy.sh node --test --test-force-exit --test-reporter=spec test/browser.test.mjs
fi
echo "skipped: loss of real packets: a network namespace needs root, iproute2 and nftables; the pages drop messages instead"
exec node --test --test-force-exit --test-reporter=spec test/browser.test.mjs
