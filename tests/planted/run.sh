#!/usr/bin/env bash
# Plants the bugs of bugs.txt one after the other in a copy of the core, and demands that the simulator notices each, or the tests
# that its entry names.
#
#   tests/planted/run.sh [NAME...]        the bugs of these names (default: all)
#   SEEDS=10000                           within this many seeds, each run in both modes
#
# Prints for each the seed and the law that caught it, and the time without the build. The status is 0 if all were
# caught, and nothing was in the core without a bug.
set -uo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
seeds=${SEEDS:-10000}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/planted
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
log=$copy/log
missed=0 caught=0 broken=0

mkdir -p "$copy/tests"
cp "$root"/{Cargo.toml,README.md} "$copy/"
cp "$root"/Cargo.lock "$copy/" 2>/dev/null
cp -r "$root"/{crates,docs,demos,tools,examples} "$copy/"
mkdir -p "$copy/adapters"
cp -r "$root/adapters/c" "$copy/adapters/"
cp -r "$root/src" "$copy/original"
cp -r "$root"/tests/{planted,suite,traces,vectors} "$copy/tests/"

fresh() { # the core as it is
    rm -rf "$copy/src"
    cp -r "$copy/original" "$copy/src"
}

build() {
    cargo build --release --quiet --manifest-path "$copy/tests/planted/Cargo.toml" >"$log" 2>&1
}

hunt() { # NAME SEEDS: prints the outcome; 0 if no law was broken, 1 if one was, 2 if it does not build
    local start
    if ! build; then
        printf '%-48s DOES NOT BUILD\n' "$1"
        grep -m 3 -A 4 '^error' "$log"
        return 2
    fi
    start=$EPOCHREALTIME
    "$CARGO_TARGET_DIR/release/planted" hunt "$2" >"$log" 2>&1
    local status=$?
    printf '%-48s %s (%.1f s)\n' "$1" "$(head -n 1 "$log" | cut -c 1-180)" \
        "$(awk "BEGIN { print $EPOCHREALTIME - $start }")"
    return $status
}

try() { # NAME TESTS: the same with tests of the suite
    local start
    if ! (cd "$copy" && cargo test --quiet --test suite --no-run) >"$log" 2>&1; then
        printf '%-48s DOES NOT BUILD\n' "$1"
        grep -m 3 -A 4 '^error' "$log"
        return 2
    fi
    start=$EPOCHREALTIME
    (cd "$copy" && cargo test --quiet --test suite -- $2) >"$log" 2>&1
    local status=$?
    printf '%-48s %s (%.1f s)\n' "$1" "$(grep -m 1 -A 1 '^thread .* panicked' "$log" | tr '\n' ' ' | cut -c 1-180)" \
        "$(awk "BEGIN { print $EPOCHREALTIME - $start }")"
    return $((status != 0))
}

fresh
if ! build; then
    cat "$log"
    exit 1
fi
cp "$CARGO_TARGET_DIR/release/planted" "$copy/planter"
if (($# == 0)); then
    # A breach here would also be found in each copy with a bug.
    hunt "(no bug)" "$((seeds / 10))" || exit 1
    names=$("$copy/planter" names "$copy") || exit 1
    mapfile -t names <<<"$names"
    set -- "${names[@]}"
fi
for name in "$@"; do
    fresh
    if ! "$copy/planter" plant "$copy" "$name" 2>"$log"; then
        printf '%-48s DOES NOT APPLY: %s\n' "$name" "$(head -n 1 "$log")"
        broken=$((broken + 1))
        continue
    fi
    tests=$("$copy/planter" tests "$copy" "$name")
    if [ -n "$tests" ]; then try "$name" "$tests"; else hunt "$name" "$seeds"; fi
    case $? in
        0) missed=$((missed + 1)) ;;
        1) caught=$((caught + 1)) ;;
        *) broken=$((broken + 1)) ;;
    esac
done
printf '%d caught, %d missed, %d did not apply or build\n' "$caught" "$missed" "$broken"
((missed == 0 && broken == 0))
