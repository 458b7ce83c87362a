#!/bin/sh
# Proves by linking that no public function can panic or allocate, and that the proof notices a planted panic.
#
#   tests/proof/run.sh
#
# Prints one line for each target: proved, skipped (the target is not available) or FAILED. Exits with 1 if any failed.
set -u
cd "$(dirname "$0")" || exit 1
root=$(cd ../.. && pwd)
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/proof
export CARGO_TARGET_DIR
# Flags from the environment could change the program that is proved.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
symbol=a_panic_is_reachable
log=$CARGO_TARGET_DIR/log
tables='PROOF_SHARED PROOF_1 PROOF_1_SMALL PROOF_4 PROOF_16 PROOF_255 PROOF_ROLLBACK PROOF_LOCKSTEP'
failed=0
mkdir -p "$CARGO_TARGET_DIR"

sysroot=$(rustc --print sysroot)
host=$(rustc -vV | sed -n 's/^host: //p')
lld=$sysroot/lib/rustlib/$host/bin/rust-lld

# The tables must list every public function.
missing=$(find "$root/src" "$root/crates/failover/src" "$root/crates/rollback/src" -name '*.rs' -exec awk '
    # A long `impl` names its type in the next line.
    /^impl<[^>]*>$/ { getline; sub(/^ +/, ""); $0 = "impl " $0 }
    /^impl/ { type = $0; sub(/^impl(<[^>]*>)? /, "", type); sub(/^.* for /, "", type); sub(/[<( {].*/, "", type) }
    /^    pub (const )?fn / { name = $0; sub(/^    pub (const )?fn /, "", name); sub(/[<(].*/, "", name); print type, name }
' {} + | while read -r type name; do
    grep -Eq "\b$type(::<[^>]*>)?::$name\b" src/functions.rs || echo "$type::$name"
done)
if [ -n "$missing" ]; then
    echo "FAILED: missing in tests/proof/src/functions.rs:" $missing
    exit 1
fi

# Builds and links for a target. The log keeps the linker's output.
build() { # target, features
    out=$CARGO_TARGET_DIR/$1/release
    rm -f "$out"/libproof.* "$out"/proof.*
    case $1 in
    *linux-gnu)
        cargo rustc --release --locked --target "$1" --features "$2" --crate-type cdylib >"$log" 2>&1
        ;;
    wasm32-*)
        # Here an undefined symbol becomes an import instead of an error.
        cargo rustc --release --locked --target "$1" --features "$2" --crate-type cdylib >"$log" 2>&1 &&
            if grep -q "$symbol" "$out/proof.wasm"; then
                echo "import: $symbol" >>"$log"
                false
            fi
        ;;
    *)
        # There are no dynamic libraries: the tables are the roots for linking the archive.
        cargo rustc --release --locked --target "$1" --features "$2" --crate-type staticlib >"$log" 2>&1 &&
            "$lld" -flavor gnu --gc-sections -e 0 $(printf ' -u %s' $tables) \
                -o "$out/proof.elf" "$out/libproof.a" >>"$log" 2>&1
        ;;
    esac
}

for target in x86_64-unknown-linux-gnu thumbv6m-none-eabi wasm32-unknown-unknown; do
    if [ ! -d "$sysroot/lib/rustlib/$target/lib" ] && ! rustup -q target add "$target" >/dev/null 2>&1; then
        echo "$target: skipped, the target is not available"
        continue
    fi
    if ! build "$target" ''; then
        if grep -q "$symbol" "$log"; then
            echo "$target: FAILED, a panic is reachable"
        else
            echo "$target: FAILED to build"
            cat "$log"
        fi
        failed=1
    elif build "$target" planted; then
        echo "$target: FAILED, a planted panic was not noticed"
        failed=1
    elif ! grep -q "$symbol" "$log"; then
        echo "$target: FAILED, a planted panic broke something else"
        cat "$log"
        failed=1
    else
        echo "$target: proved, no public function panics or allocates, and a planted panic does not link"
    fi
done
exit $failed
