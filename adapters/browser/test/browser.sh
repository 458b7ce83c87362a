#!/bin/sh
# The browser tests, in a network of their own where one can be made, so that real packets can be lost.
cd "$(dirname "$0")/.." || exit 1
if test/lossy.sh true; then
    exec test/lossy.sh node --test --test-force-exit --test-reporter=spec test/browser.test.mjs
fi
echo "skipped: loss of real packets: a network of its own needs root, iproute2 and nftables; the pages drop instead"
exec node --test --test-force-exit --test-reporter=spec test/browser.test.mjs
