#!/bin/sh
# Proves by linking that no function of the C interface can panic or allocate, and that the proof notices a planted panic.
set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=adapters/common.sh
. adapters/common.sh
proofs="${CARGO_TARGET_DIR:-$PWD/target}/proof-c"
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
symbol=a_panic_is_reachable

build() { # TARGET FEATURES
    rm -f "$CARGO_TARGET_DIR/$1/c/inputwire_c.wasm" "$CARGO_TARGET_DIR/$1/c/libinputwire_c.so"
    # Overflow in the project's own code must count as a panic.
    cargo rustc -p inputwire-c --profile c --no-default-features --features "$2" --target "$1" \
        --crate-type cdylib --config 'profile.c.opt-level=3' \
        --config 'profile.c.package.inputwire.overflow-checks=true' \
        --config 'profile.c.package.inputwire-c.overflow-checks=true' >"$log" 2>&1 || return 1
    # In WebAssembly an undefined symbol becomes an import instead of an error.
    if [ "$1" = wasm32-unknown-unknown ] && grep -q $symbol "$CARGO_TARGET_DIR/$1/c/inputwire_c.wasm"; then
        echo "import: $symbol" >>"$log"
        return 1
    fi
}

prove() { # TARGET
    export CARGO_TARGET_DIR="$proofs/$1"
    log=$CARGO_TARGET_DIR/log
    mkdir -p "$CARGO_TARGET_DIR"
    if ! build "$1" all-sizes,proof; then
        echo "FAILED: $1: a panic is reachable, or the build failed"
        tail -n 20 "$log"
        return 1
    elif build "$1" peers-1,input-1,proof,planted || ! grep -q $symbol "$log"; then
        echo "FAILED: $1: a planted panic was not noticed"
        return 1
    fi
    echo "$1: proved, no function panics or allocates, and a planted panic does not link"
}

# All code of a target is compiled in one go, so each needs one processor.
proving='' failed=0
for target in x86_64-unknown-linux-gnu wasm32-unknown-unknown; do
    if ! has_target $target; then
        echo "skipped: proof, $target: the target is neither installed nor available"
        continue
    fi
    prove $target &
    proving="$proving $!"
done
for process in $proving; do
    wait "$process" || failed=1
done
exit $failed
