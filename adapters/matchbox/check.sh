#!/bin/sh
# Checks the matchbox adapter with the real matchbox_server on loopback. Reports the steps that it skips for want of a tool.
#
#   adapters/matchbox/check.sh
set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=adapters/common.sh
. ../common.sh
root=$(cd ../.. && pwd)
target=${CARGO_TARGET_DIR:-$root/target}/matchbox
export CARGO_TARGET_DIR="$target"

fetch Cargo.toml "the matchbox adapter" || exit 0

echo "-- tests"
version=$(sed -n 's/^matchbox_socket = "\(.*\)"/\1/p' Cargo.toml)
server=$target/server/bin/matchbox_server
if [ -x "$server" ] || install "matchbox_server@~$version" "$target/server"; then
    export MATCHBOX_SERVER="$server"
else
    echo "skipped: the room: matchbox_server is neither installed nor available"
fi
cargo test --profile quick -q --locked -- --nocapture || exit 1
echo "-- wasm"
if has_target wasm32-unknown-unknown; then
    cargo build --profile quick -q --locked -p matchbox-page --target wasm32-unknown-unknown || exit 1
    page=$target/page
    cargo run --profile quick -q --locked -p matchbox-bind -- \
        "$target/wasm32-unknown-unknown/quick/matchbox_page.wasm" "$page" && cp page/page.html "$page" || exit 1
else
    echo "skipped: wasm: the target is neither installed nor available"
    exit 0
fi

echo "-- a page in Chromium"
browser() {
    command -v chromium || command -v chromium-browser || command -v google-chrome
}
chromium=${CHROMIUM:-$(browser)}
if [ -z "$chromium" ] && apt-get update >/dev/null 2>&1 && apt-get install -y chromium >/dev/null 2>&1; then
    chromium=$(browser)
fi
if [ -z "$chromium" ]; then
    echo "skipped: a page in Chromium: it is neither installed nor available"
elif [ -z "${MATCHBOX_SERVER:-}" ]; then
    echo "skipped: a page in Chromium: there is no matchbox_server"
else
    MATCHBOX_PAGE=$page CHROMIUM=$chromium \
        timeout 300 cargo test --profile quick -q --locked --test room -- --ignored --nocapture || exit 1
fi
