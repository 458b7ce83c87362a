#!/bin/sh
# Counts the instructions of each operation, and fails if one has grown by more than 10 % since counts.txt.
#
#   tests/bench/counts.sh            compares
#   tests/bench/counts.sh --write    writes counts.txt
#
# Every run counts the same. Another compiler or processor family counts a little differently.
set -eu
cd "$(dirname "$0")"
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}/bench
export CARGO_TARGET_DIR
if ! command -v valgrind >/dev/null || ! valgrind --tool=callgrind --version >/dev/null 2>&1; then
    echo "counts: skipped, valgrind is not installed"
    exit 0
fi
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
cargo build -q --release --locked --bin counts
found=$(mktemp)
trap 'rm -f "$found" "$found".*' EXIT

for size in 1 8; do
    for operation in push emit emit_none handle event event_none idle poll_timeout handle_timeout; do
        valgrind --tool=callgrind --callgrind-out-file="$found.out" --toggle-collect="counts::count_$operation" \
            "$CARGO_TARGET_DIR/release/counts" "$size" >"$found.sizes" 2>"$found.log" || { cat "$found.log"; exit 1; }
        total=$(sed -n 's/^summary: //p;s/^totals: //p' "$found.out" | tail -1)
        # The number of calls: the sum of the calls=N lines that lead to it.
        calls=$(awk -v name="counts::count_$operation" '
            /^c?fn=/ { id = $0; sub(/^c?fn=/, "", id); key = id; sub(/ .*/, "", key)
                       if (id ~ / /) { text = id; sub(/^[^ ]* /, "", text); names[key] = text }
                       if ($0 ~ /^cfn=/) called = names[key] }
            /^calls=/ { split($0, parts, /[= ]/); if (called ~ "^" name "(<|$)") sum += parts[2] }
            END { print sum + 0 }' "$found.out")
        [ "$calls" -gt 0 ] || calls=2000
        echo "$operation $size $((total / calls))" >>"$found"
    done
done
cat "$found"
sed 's/^/# /' "$found.sizes" | sed -n '1,9p'

if [ "${1:-}" = --write ]; then
    cp "$found" counts.txt
    exit 0
fi
awk 'NR == FNR { before[$1 " " $2] = $3; next }
    { key = $1 " " $2
      if (!(key in before)) { print "counts: no figure for " key; bad = 1 }
      else if ($3 * 10 > before[key] * 11) { print "counts: FAILED, " key " grew from " before[key] " to " $3; bad = 1 } }
    END { exit bad }' counts.txt "$found"
