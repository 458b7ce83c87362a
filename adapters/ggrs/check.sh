#!/usr/bin/env bash
# Checks the ggrs interface. Reports the steps that it skips for want of a tool.
#
#   adapters/ggrs/check.sh          tests; the unchanged packages on top compile, natively and for the browser
#   adapters/ggrs/check.sh play     the game of check/ over the real matchbox_server on loopback
#   adapters/ggrs/check.sh browser the same between a native end and a page in Chromium
#   adapters/ggrs/check.sh upstream the tests of bevy_ggrs, matchbox_socket and bevy_matchbox themselves, on top of this
#   adapters/ggrs/check.sh games    20,000 drawn games, and 20,000 in which one of four dies
set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=adapters/common.sh
. ../common.sh
root=$(cd ../.. && pwd)
target=${CARGO_TARGET_DIR:-$root/target}/ggrs
export CARGO_TARGET_DIR="$target"

tests() {
    fetch Cargo.toml "the ggrs interface" || return 0
    echo "-- tests"
    cargo test --profile quick -q --locked || exit 1
    echo "-- features"
    cargo check -q --locked --features sync-send,wasm-bindgen || exit 1
    if has_target wasm32-unknown-unknown; then
        cargo check -q --locked --features wasm-bindgen --target wasm32-unknown-unknown || exit 1
    else
        echo "skipped: wasm: the target is neither installed nor available"
    fi
}

# An engine takes minutes, so it is compiled again only if something changed here; `check/compiled` says of what state it was.
compiles() {
    local stamp=check/compiled now
    now=$(cat Cargo.toml Cargo.lock check/Cargo.* src/*.rs check/src/*.rs | sha256sum)
    if [[ -f $stamp && $(<"$stamp") == "$now" ]]; then
        echo "bevy_ggrs and matchbox on top: nothing has changed since they were compiled"
        return
    fi
    fetch check/Cargo.toml "bevy_ggrs and matchbox on top" || return 0
    echo "-- bevy_ggrs and matchbox on top"
    cargo check --profile quick -q --locked --manifest-path check/Cargo.toml || exit 1
    if has_target wasm32-unknown-unknown; then
        cargo check --profile quick -q --locked --manifest-path check/Cargo.toml --target wasm32-unknown-unknown || exit 1
    fi
    echo "$now" >"$stamp"
    echo "check/compiled is of this state now: commit it"
}

# Starts the real signalling server; its port is in `port`.
serve() {
    local version server
    version=$(sed -n 's/^matchbox_socket = { version = "\([^"]*\)".*/\1/p' check/Cargo.toml)
    server=${MATCHBOX_SERVER:-$target/server/bin/matchbox_server}
    if [[ ! -x $server ]] && ! install "matchbox_server@~$version" "$target/server"; then
        echo "skipped: the game with bevy: matchbox_server is neither installed nor available"
        return 1
    fi
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    RUST_LOG=off "$server" "127.0.0.1:$port" >/dev/null 2>&1 &
    # shellcheck disable=SC2064
    trap "kill $! 2>/dev/null" EXIT
    for _ in {1..100}; do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return
        sleep 0.1
    done
    echo "ggrs: FAILED, matchbox_server does not listen"
    exit 1
}

compare() { # ONE TWO WHAT: what two ends said
    echo "$(<"$1")"
    if ! cmp -s "$1" "$2" || ! grep -Eq '^frames=60[01] .* disconnected=0 desyncs=0$' "$1"; then
        echo "ggrs: FAILED, the other end says: $(<"$2")"
        exit 1
    fi
    echo "$3 played the same 600 frames with bevy_ggrs over matchbox"
}

play() {
    fetch check/Cargo.toml "the game with bevy" || return 0
    serve || return 0
    cargo build --profile quick -q --locked --manifest-path check/Cargo.toml || exit 1
    local one two first
    one=$(mktemp)
    two=$(mktemp)
    timeout 120 "$target/quick/ggrs-check" "ws://127.0.0.1:$port/native" >"$one" &
    first=$!
    timeout 120 "$target/quick/ggrs-check" "ws://127.0.0.1:$port/native" >"$two" || { echo "ggrs: FAILED, an end"; exit 1; }
    wait "$first" || { echo "ggrs: FAILED, an end"; exit 1; }
    compare "$one" "$two" "two native ends"
}

browser() {
    local chromium=${CHROMIUM:-chromium} pages=$target/page
    fetch check/Cargo.toml "the game in a browser" || return 0
    if ! command -v "$chromium" >/dev/null || ! has_target wasm32-unknown-unknown; then
        echo "skipped: the game in a browser: it needs chromium and the target wasm32-unknown-unknown"
        return 0
    fi
    serve || return 0
    cargo build --profile quick -q --locked --manifest-path check/Cargo.toml || exit 1
    cargo build --profile quick -q --locked --manifest-path check/Cargo.toml --target wasm32-unknown-unknown || exit 1
    # The page of matchbox has a tool that reads modules of the same wasm-bindgen.
    cargo run --profile quick -q --locked --manifest-path ../matchbox/Cargo.toml -p matchbox-bind -- \
        "$target/wasm32-unknown-unknown/quick/ggrs-check.wasm" "$pages" || exit 1
    cp check/page.html "$pages"
    local one two first
    one=$(mktemp)
    two=$(mktemp)
    timeout 120 "$target/quick/ggrs-check" "ws://127.0.0.1:$port/browser" >"$one" &
    first=$!
    python3 check/page.py "$pages" "$chromium" "ws://127.0.0.1:$port/browser" >"$two" || exit 1
    wait "$first" || { echo "ggrs: FAILED, the native end"; exit 1; }
    compare "$one" "$two" "a native end and a page"
}

# The tests of the packages on top, from copies of what the lock file names. They need no sound, no windows and no pictures, so
# of bevy only the keyboard is added; the published matchbox_socket lacks what its files in tests/ need.
upstream() {
    fetch check/Cargo.toml "the tests of the packages on top" || return 0
    local metadata package tests source copy
    metadata=$(cargo metadata --locked --format-version 1 --manifest-path check/Cargo.toml) || exit 1
    while read -r package tests; do
        source=$(python3 -c '
import json, os, sys
packages = json.load(sys.stdin)["packages"]
print(os.path.dirname(next(each["manifest_path"] for each in packages if each["name"] == sys.argv[1])))' "$package" <<<"$metadata")
        copy=$target/upstream/$package
        mkdir -p "$copy"
        cp -r "$source/." check/Cargo.lock "$copy"
        {
            sed '/^\[dev-dependencies.bevy\]/,/^$/d' "$source/Cargo.toml"
            printf '\n[dev-dependencies.bevy]\nversion = "0.19"\ndefault-features = false\nfeatures = ["keyboard"]\n'
            printf '\n[workspace]\n\n[patch.crates-io]\nggrs = { path = "%s" }\n' "$PWD"
            sed -n '/^\[profile.quick\]/,$p' check/Cargo.toml
        } >"$copy/Cargo.toml"
        echo "-- $package"
        # shellcheck disable=SC2086 # words
        cargo test --profile quick -q $tests --manifest-path "$copy/Cargo.toml" || exit 1
    done <<<'bevy_ggrs --lib --tests
matchbox_socket --lib --features ggrs
bevy_matchbox --lib --features ggrs'
}

case ${1:-} in
"") tests && compiles ;;
play) play ;;
browser) browser ;;
upstream) upstream ;;
games)
    fetch Cargo.toml "the ggrs interface" || exit 0
    GAMES=${GAMES:-20000} cargo test --release -q --locked --lib -- drawn_games survivors || exit 1
    ;;
*)
    echo "usage: check.sh [play|browser|upstream|games]"
    exit 1
    ;;
esac
