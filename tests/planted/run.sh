#!/usr/bin/env bash
# Plants one bug after the other in a copy of the core, and demands that the simulator notices each.
#
#   tests/planted/run.sh [NAME...]        names of patches, without folder and ending; all if there is none
#   SEEDS=10000                           within how many seeds (each is run in both modes)
#
# A line for each: where it was caught, by which law, and how long the hunt took without building. The status is 0 if
# all were caught and the core without a bug was not.
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
cp -r "$root/docs" "$copy/"
cp -r "$root/src" "$copy/original"
cp -r "$root/tests/suite" "$root/tests/planted" "$copy/tests/"

fresh() { # the core as it is
    rm -rf "$copy/src"
    cp -r "$copy/original" "$copy/src"
}

hunt() { # NAME SEEDS: prints the outcome; 0 if no law was broken, 1 if one was, 2 if it does not build
    local start
    if ! cargo build --release --quiet --manifest-path "$copy/tests/planted/Cargo.toml" >"$log" 2>&1; then
        printf '%-48s DOES NOT BUILD\n' "$1"
        grep -m 3 -A 4 '^error' "$log"
        return 2
    fi
    start=$EPOCHREALTIME
    "$CARGO_TARGET_DIR/release/planted" "$2" >"$log" 2>&1
    local status=$?
    printf '%-48s %s (%.1f s)\n' "$1" "$(head -n 1 "$log" | cut -c 1-180)" \
        "$(awk "BEGIN { print $EPOCHREALTIME - $start }")"
    return $status
}

if (($# == 0)); then
    # What is caught here would be caught without a bug, too.
    fresh
    hunt "(no bug)" "$((seeds / 10))" || exit 1
    set -- *.patch
fi
for patch in "$@"; do
    name=$(basename "$patch" .patch)
    fresh
    if ! git -C "$copy" apply -C1 --recount "$root/tests/planted/$name.patch" 2>"$log"; then
        printf '%-48s DOES NOT APPLY: %s\n' "$name" "$(head -n 1 "$log")"
        broken=$((broken + 1))
        continue
    fi
    hunt "$name" "$seeds"
    case $? in
        0) missed=$((missed + 1)) ;;
        1) caught=$((caught + 1)) ;;
        *) broken=$((broken + 1)) ;;
    esac
done
printf '%d caught, %d missed, %d did not apply or build\n' "$caught" "$missed" "$broken"
((missed == 0 && broken == 0))
