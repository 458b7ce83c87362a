#!/usr/bin/env bash
# The same seeds give the same traces in debug and release, and as WebAssembly in node.
#
#   tests/determinism/run.sh [SEEDS [FIRST]]      (default: 100,000 from 0 on)
#
# Runs all builds at once, and prints one checksum of all traces for each. The status is 0 if they are equal and no law
# was broken.
set -euo pipefail
cd "$(dirname "$0")"
seeds=${1:-100000}
first=${2:-0}
target=${CARGO_TARGET_DIR:-../../target}/determinism
out=$(mktemp -d)
names=() jobs=()
trap '[[ -z ${jobs[*]} ]] || kill "${jobs[@]}" 2>/dev/null || true; rm -rf "$out"' EXIT
export CARGO_TARGET_DIR=$target

begin() { # NAME COMMAND...
    local name=$1
    shift
    "$@" >"$out/$name" &
    names+=("$name") jobs+=($!)
}

report() { # NAME
    local name=$1
    if grep -q ' 0000000000000000$' "$out/$name"; then
        printf '%-10s a law was broken in the thousand seeds from %s\n' "$name" "$(grep -m 1 ' 0\{16\}$' "$out/$name")"
        exit 1
    fi
    printf '%-10s %d seeds: %s (%d s)\n' "$name" "$seeds" "$(cksum <"$out/$name" | cut -d ' ' -f 1)" "$SECONDS"
    if ! cmp -s "$out/release" "$out/$name"; then
        printf '%-10s differs: %s\n' "$name" "$(diff "$out/release" "$out/$name" | sed -n 2p)"
        exit 1
    fi
}

cargo build --release --quiet
cargo build --quiet
wasm=wasm32-unknown-unknown
if ! command -v node >/dev/null; then
    echo "skipped: $wasm: node is not installed"
    wasm=
elif ! { [[ -d $(rustc --print target-libdir --target $wasm) ]] || rustup target add $wasm >/dev/null 2>&1; }; then
    echo "skipped: $wasm: the target is not installed and cannot be downloaded"
    wasm=
else
    cargo build --release --quiet --lib --target $wasm
fi

SECONDS=0
begin release "$target/release/determinism" "$seeds" "$first"
begin debug "$target/debug/determinism" "$seeds" "$first"
[[ -z $wasm ]] || begin wasm32 node wasm.mjs "$target/$wasm/release/determinism.wasm" "$seeds" "$first"
for at in "${!jobs[@]}"; do
    wait "${jobs[at]}"
    report "${names[at]}"
done
