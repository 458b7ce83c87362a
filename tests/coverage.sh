#!/usr/bin/env bash
# Runs the tests of the core and of the crates beside it once, and says which of their lines and regions ran.
#
#   tests/coverage.sh          prints the figures
#   tests/coverage.sh --list   and every line with a region that never ran
#
# Needs `rustup component add llvm-tools` and python3. Tests of the documentation are not counted: they need a nightly.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=(inputwire inputwire-rollback inputwire-feed inputwire-failover)

libdir=$(rustc --print target-libdir)
tools=${libdir%/lib}/bin
[[ -x $tools/llvm-cov ]] || rustup component add llvm-tools >/dev/null 2>&1 ||
    { echo "coverage: llvm-tools is not here and cannot be had" >&2; exit 1; }

# Only the workspace is instrumented, with the generic code that its tests instantiate.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/coverage CARGO_INCREMENTAL=0
mkdir -p "$CARGO_TARGET_DIR"
CARGO_TARGET_DIR=$(cd "$CARGO_TARGET_DIR" && pwd)
profiles=$CARGO_TARGET_DIR/profiles
rm -rf "$profiles"
wrapper=$CARGO_TARGET_DIR/rustc.sh
printf '#!/bin/sh\nexec "$@" -C instrument-coverage\n' >"$wrapper"
chmod +x "$wrapper"
export RUSTC_WORKSPACE_WRAPPER=$wrapper LLVM_PROFILE_FILE=$profiles/%p-%m.profraw
export CARGO_PROFILE_TEST_OPT_LEVEL=${OPT_LEVEL:-1} CARGO_PROFILE_TEST_DEBUG=0

chosen=(--lib --test suite)
for package in "${packages[@]}"; do chosen+=(-p "$package"); done
programs=$(cargo test "${chosen[@]}" --no-run --message-format=json |
    python3 -c 'import json, sys
for line in sys.stdin:
    program = json.loads(line).get("executable")
    if program: print(program)')
cargo test "${chosen[@]}" -- --quiet

"$tools/llvm-profdata" merge --sparse "$profiles"/*.profraw -o "$profiles/all.profdata"
objects=()
for program in $programs; do objects+=(--object "$program"); done
export_as() { # FORMAT
    "$tools/llvm-cov" export --format "$1" --instr-profile "$profiles/all.profdata" "${objects[@]}" \
        --sources src crates/{rollback,feed,failover}/src
}
export_as lcov >"$profiles/lines.lcov"
export_as text >"$profiles/regions.json"
python3 tests/coverage.py "$profiles/lines.lcov" "$profiles/regions.json" "$@"
