#!/bin/sh
# Counts the instructions of a frame: the rollback driver beside the loop by hand, and beside ggrs with pong.
#
#   tests/bench/rollback.sh
#
# Every run counts the same, also on a machine that is busy. Another compiler counts a little differently.
set -eu
cd "$(dirname "$0")"
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}/bench
export CARGO_TARGET_DIR
if ! command -v valgrind >/dev/null || ! valgrind --tool=callgrind --version >/dev/null 2>&1; then
    echo "rollback: skipped, valgrind is not installed"
    exit 0
fi
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
cargo build -q --release --locked --bin rollback
out=$(mktemp)
trap 'rm -f "$out"' EXIT

count() {
    valgrind --tool=callgrind --callgrind-out-file="$out" --toggle-collect='*bench::duel::play_frame*' \
        "$CARGO_TARGET_DIR/release/rollback" --count "$1" >/dev/null 2>&1
    # 3,000 frames after a warm-up of 600, of two endpoints.
    echo $(($(sed -n 's/^summary: //p;s/^totals: //p' "$out" | tail -1) / 7200))
}
loop=$(count loop) driver=$(count driver) pong=$(count pong) ggrs=$(count pong-ggrs)
ratio() { awk -v one="$1" -v other="$2" 'BEGIN { printf "%.2f", one / other }'; }
echo "smallest game: driver $driver, loop by hand $loop, driver / loop $(ratio "$driver" "$loop")"
echo "pong: driver $pong, ggrs $ggrs, ggrs / driver $(ratio "$ggrs" "$pong")"
