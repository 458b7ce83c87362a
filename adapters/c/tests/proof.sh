#!/bin/sh
# Proves by linking that no function of the C interface can panic or allocate, and that the proof notices a planted panic.
set -u
cd "$(dirname "$0")/../../.." || exit 1
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/proof-c"
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
log=$CARGO_TARGET_DIR/log failed=0 symbol=a_panic_is_reachable
mkdir -p "$CARGO_TARGET_DIR"

build() { # TARGET FEATURES
    rm -f "$CARGO_TARGET_DIR/$1/c/inputwire_c.wasm" "$CARGO_TARGET_DIR/$1/c/libinputwire_c.so"
    # Overflow in the project's own code must count as a panic.
    cargo rustc -p inputwire-c --profile c --no-default-features --features "all-sizes,$2" --target "$1" \
        --crate-type cdylib --config 'profile.c.opt-level=3' \
        --config 'profile.c.package.inputwire.overflow-checks=true' \
        --config 'profile.c.package.inputwire-c.overflow-checks=true' >"$log" 2>&1 || return 1
    # In WebAssembly an undefined symbol becomes an import instead of an error.
    if [ "$1" = wasm32-unknown-unknown ] && grep -q $symbol "$CARGO_TARGET_DIR/$1/c/inputwire_c.wasm"; then
        echo "import: $symbol" >>"$log"
        return 1
    fi
}

for target in x86_64-unknown-linux-gnu wasm32-unknown-unknown; do
    if [ ! -d "$(rustc --print target-libdir --target $target)" ] && ! rustup -q target add $target >/dev/null 2>&1; then
        echo "skipped: proof, $target: the target is neither installed nor available"
    elif ! build $target proof; then
        echo "FAILED: $target: a panic is reachable, or the build failed"
        tail -n 20 "$log"
        failed=1
    elif build $target proof,planted || ! grep -q $symbol "$log"; then
        echo "FAILED: $target: a planted panic was not noticed"
        failed=1
    else
        echo "$target: proved, no function panics or allocates, and a planted panic does not link"
    fi
done
exit $failed
