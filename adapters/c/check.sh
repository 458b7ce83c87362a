#!/bin/sh
# Checks everything that must hold for the C interface. Reports the steps that it skips for want of a tool.
#
#   adapters/c/check.sh
set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=adapters/common.sh
. ../common.sh
here=$PWD
root=$(cd ../.. && pwd)
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}"
built=$CARGO_TARGET_DIR/c
failed=0

step() { # NAME COMMAND...
    name=$1
    shift
    echo "-- $name"
    "$@" || { echo "FAILED: $name"; failed=1; }
}

# Runs a step beside those that follow: it mostly waits, or needs one processor. `join` shows what it said.
beside() { # NAME COMMAND...
    (failed=0; step "$@"; exit $failed) >"$built/beside" 2>&1 &
    beside=$!
}

join() {
    wait "$beside" || failed=1
    cat "$built/beside"
}

skip() { # NAME REASON
    echo "skipped: $1: $2"
}

header() {
    cbindgen -q --config cbindgen.toml --output "$built/inputwire.h" . && diff -u include/inputwire.h "$built/inputwire.h" &&
        echo "include/inputwire.h is up to date"
}

library() {
    cargo rustc -q -p inputwire-c --profile c --no-default-features --features all-sizes --crate-type staticlib,cdylib
}

wasm() {
    cargo rustc -q -p inputwire-c --profile c --no-default-features --features peers-1,input-1 \
        --target wasm32-unknown-unknown --crate-type cdylib
}

bindings() {
    python3 bindings.py --check
}

failover() {
    gcc -std=c11 -O2 -Wall -Wextra -Werror -Iinclude tests/failover.c "$built/libinputwire_c.a" -o "$built/failover" &&
        "$built/failover"
}

server() {
    gcc -std=c11 -O2 -Wall -Wextra -Werror -Iinclude tests/server.c "$built/libinputwire_c.a" -o "$built/server" && "$built/server" &&
        if command -v g++ >/dev/null; then
            g++ -std=c++17 -O2 -Wall -Wextra -Werror -Iinclude -x c++ tests/server.c -x none "$built/libinputwire_c.a" \
                -o "$built/server_cpp" && "$built/server_cpp"
        else
            echo "skipped: a server in C++: there is no g++"
        fi
}

compile() {
    gcc -std=c11 -O2 -Wall -Wextra -Werror -Iinclude examples/udp.c "$built/libinputwire_c.a" -o "$built/udp"
}

rust_player() {
    (cd "$root" && cargo build -q --release --example udp)
}

players() {
    ./play.sh "$CARGO_TARGET_DIR/release/examples/udp" "$built/udp" "$built/libinputwire_c.so"
}

# Installed, and played from there.
installed() {
    tests/install/run.sh "$CARGO_TARGET_DIR/release/examples/udp"
}

all_players() {
    players &
    of_the_tree=$!
    installed && wait $of_the_tree
}

miri() {
    CARGO_TARGET_DIR=$CARGO_TARGET_DIR/miri-c MIRIFLAGS="-Zmiri-strict-provenance -Zmiri-disable-isolation" \
        cargo +nightly miri test -q -p inputwire-c --test suite
}

mkdir -p "$built"
step clippy cargo clippy -q -p inputwire-c --all-targets -- -D warnings
step tests cargo test -q -p inputwire-c
if command -v cbindgen >/dev/null || cargo install -q --debug cbindgen --locked >/dev/null 2>&1; then
    step header header
else
    skip header "cbindgen is neither installed nor available"
fi
if command -v python3 >/dev/null; then
    step bindings bindings
else
    skip bindings "there is no python3"
fi
step library library
if has_target wasm32-unknown-unknown; then
    step wasm wasm
else
    skip wasm "the target is neither installed nor available"
fi
beside=
if command -v gcc >/dev/null; then
    step "C compiler" compile
    step "two routes in C" failover
    step "a server in C and C++" server
    step "Rust player" rust_player
    beside "players, of the tree and of what was installed" all_players
else
    skip "C, C# and Python players" "there is no gcc"
fi
step proof "$here/tests/proof.sh"
[ -z "$beside" ] || join
if cargo +nightly miri --version >/dev/null 2>&1 ||
    rustup component add miri rust-src --toolchain nightly >/dev/null 2>&1; then
    beside Miri miri
else
    beside=
    skip Miri "it is neither installed nor available"
fi
if command -v ld >/dev/null && command -v nm >/dev/null; then
    step size "$here/tests/size/run.sh"
else
    skip size "there are no binutils"
fi
[ -z "$beside" ] || join
exit $failed
