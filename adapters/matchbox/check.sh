#!/bin/sh
# Checks the matchbox adapter with the real matchbox_server on loopback. Reports the steps that it skips for want of a tool.
#
#   adapters/matchbox/check.sh
set -u
cd "$(dirname "$0")" || exit 1
root=$(cd ../.. && pwd)
target=${CARGO_TARGET_DIR:-$root/target}/matchbox
export CARGO_TARGET_DIR="$target"

if ! message=$(cargo fetch --locked -q 2>&1); then
    case $message in
    *"lock file"*)
        echo "matchbox: FAILED, Cargo.lock is out of date: $message"
        exit 1
        ;;
    esac
    echo "skipped: the matchbox adapter: its dependencies are not available"
    exit 0
fi

install() { # CRATE ROOT: with its own versions, or with the newest if those are not available
    cargo install -q --debug --locked --root "$2" "$1" >/dev/null 2>&1 || cargo install -q --debug --root "$2" "$1" >/dev/null 2>&1
}

echo "-- clippy"
cargo clippy --profile quick -q --locked --workspace --all-targets -- -D warnings || exit 1
echo "-- tests"
version=$(sed -n 's/^matchbox_socket = "\(.*\)"/\1/p' Cargo.toml)
server=$target/server/bin/matchbox_server
if [ -x "$server" ] || install "matchbox_server@~$version" "$target/server"; then
    export MATCHBOX_SERVER="$server"
else
    echo "skipped: the room: matchbox_server is neither installed nor available"
fi
# The page: WebAssembly, with the tool of the version that the page was built with.
page=$target/page
bindgen=$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p;}' Cargo.lock)
if [ ! -d "$(rustc --print target-libdir --target wasm32-unknown-unknown)" ] &&
    ! rustup -q target add wasm32-unknown-unknown >/dev/null 2>&1; then
    echo "skipped: the page: the target wasm32-unknown-unknown is neither installed nor available"
elif ! cargo build --profile quick -q --locked -p matchbox-page --target wasm32-unknown-unknown; then
    exit 1
elif ! "$target/bindgen/bin/wasm-bindgen" --version 2>/dev/null | grep -q " $bindgen\$" &&
    ! install "wasm-bindgen-cli@$bindgen" "$target/bindgen"; then
    echo "skipped: the page in Chromium: wasm-bindgen is neither installed nor available"
elif ! command -v chromium >/dev/null &&
    { [ "$(id -u)" != 0 ] || ! DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium >/dev/null 2>&1; }; then
    echo "skipped: the page in Chromium: it is neither installed nor available"
else
    "$target/bindgen/bin/wasm-bindgen" --target web --no-typescript --out-dir "$page" \
        "$target/wasm32-unknown-unknown/quick/matchbox_page.wasm" && cp page/page.html "$page/" || exit 1
    MATCHBOX_PAGE=$page CHROMIUM=$(command -v chromium)
    export MATCHBOX_PAGE CHROMIUM
fi
cargo test --profile quick -q --locked -- --nocapture
