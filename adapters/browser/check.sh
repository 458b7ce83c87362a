#!/bin/sh
# Checks everything that must hold for the browser package. Reports the steps that it skips for want of a tool.
#
#   adapters/browser/check.sh
set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=adapters/common.sh
. ../common.sh

skip() { # NAME REASON
    echo "skipped: $1: $2"
}

node=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
if [ "${node:-0}" -lt 20 ] || ! command -v npm >/dev/null 2>&1; then
    skip "the browser package" "Node 20 and npm are not installed"
    exit 0
fi
if ! has_target wasm32-unknown-unknown; then
    skip "the browser package" "the target wasm32-unknown-unknown is neither installed nor available"
    exit 0
fi
if ! cmp -s package-lock.json node_modules/.checked && { ! npm ci --no-audit --no-fund || ! cp package-lock.json node_modules/.checked; }; then
    skip "the browser package" "its tools (typescript, binaryen, playwright-core) are not available from npm"
    exit 0
fi

npm run --silent build || exit 1
npm test --silent || exit 1

installed() { # BROWSER
    node --input-type=module -e "import * as browsers from './test/browsers.mjs'; process.exit(browsers.$1 ? 0 : 1)"
}

updated=
obtain() { # BROWSER PACKAGE
    installed "$1" && return
    [ -n "$updated" ] || { apt-get update >/dev/null 2>&1 && updated=1; }
    apt-get install -y "$2" >/dev/null 2>&1
    installed "$1"
}

obtain chromium chromium || skip "Chromium" "it is neither installed nor available"
obtain firefox firefox-esr || skip "Firefox" "it is neither installed nor available"
npm run --silent test:package || exit 1
command -v nft >/dev/null 2>&1 || apt-get install -y nftables >/dev/null 2>&1
failed=0
if installed chromium; then
    npm run --silent test:browser || failed=1
fi
if installed firefox; then
    npm run --silent test:firefox || failed=1
fi
exit $failed
