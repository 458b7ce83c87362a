#!/bin/sh
# Measures everything in docs/PERFORMANCE.md.
#
#   tests/bench/run.sh
set -eu
cd "$(dirname "$0")"
target=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}
CARGO_TARGET_DIR=$target/bench cargo build -q --release --locked
"$target/bench/release/side" "${FRAMES:-3600}" "${ROUNDS:-9}"
"$target/bench/release/rollback" "${FRAMES:-3600}" "${ROUNDS:-9}"
"$target/bench/release/scale"
"$target/bench/release/deaths"
"$target/bench/release/recorded" "${ROUNDS:-9}" # with LINKS=DIRECTORY also over recorded links
"$target/bench/release/jam" # with LINKS=DIRECTORY also over recorded links
CARGO_TARGET_DIR=$target ./counts.sh
CARGO_TARGET_DIR=$target ./size.sh
CARGO_TARGET_DIR=$target ./rollback.sh
