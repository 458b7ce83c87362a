#!/usr/bin/env bash
# The long runs, and a table of what they did: executions, seeds, frames, hours, findings.
#
#   tests/nightly.sh [SECONDS [FRAMES]]
#
#   SECONDS    for each fuzz target at most, 3600 unless given
#   FRAMES     of the soak, 10^8 unless given
#   FUZZ_RUNS  a target that has done as many executions is done, 10^8 unless set
#   FUZZ_LEN   the longest input of a fuzz target, 128 bytes unless set: short ones are many
#   FUZZ_JOBS  how many targets are fuzzed at once, one unless set
#   SIM_SEEDS  seeds of the simulator in each of its two modes, 500000 unless set; SIM_FIRST is the first
#   MESH_SEEDS games whose players leave and join, 200000 unless set
#   GAMES      drawn games on the ggrs interface, and of those in which a player dies, 20000 each unless set
#   WORLDS     of the handshake's small world, 5000000 unless set: about two gigabytes
#   NIGHTLY    where logs, grown corpora and failing inputs stay: target/nightly unless set
#
# Fuzzing needs the nightly toolchain and cargo-fuzz (`cargo install cargo-fuzz --locked`); without them it is skipped
# aloud. Targets are built without a sanitizer, since the crate has no unsafe code and volume finds more; debug assertions
# and overflow checks are on. A failing input is replayed with
#
#   cargo +nightly fuzz run -s none TARGET target/nightly/findings/TARGET/crash-...
#
# and belongs into fuzz/corpus/TARGET/found-... with its fix. The status is 0 if nothing was found.
set -u
cd "$(dirname "$0")/.." || exit 1
seconds=${1:-3600}
frames=${2:-100000000}
executions=${FUZZ_RUNS:-100000000}
length=${FUZZ_LEN:-128}
jobs=${FUZZ_JOBS:-1}
seeds=${SIM_SEEDS:-500000}
games=${MESH_SEEDS:-200000}
worlds=${WORLDS:-5000000}
home=${NIGHTLY:-$PWD/target/nightly}
targets=(calls codec datagram deadlines feed network twin)
mkdir -p "$home"
rows=()
status=0

row() { # WHAT HOW-MUCH SECONDS FINDINGS
    rows+=("| $1 | $2 | $(awk "BEGIN { printf \"%.2f\", $3 / 3600 }") | $4 |")
    [[ $4 == 0 || $4 == - ]] || status=1
}

fuzz() { # TARGET: leaves a log, and beside it how long it took and whether something was found
    local log=$home/$1.log started=$SECONDS found=0
    mkdir -p "$home/corpus/$1" "$home/findings/$1"
    "$binaries/$1" -runs="$executions" -max_total_time="$seconds" -max_len="$length" -print_final_stats=1 \
        -dict=fuzz/inputwire.dict -artifact_prefix="$home/findings/$1/" "$home/corpus/$1" "fuzz/corpus/$1" \
        >"$log" 2>&1 || found=1
    echo "$((SECONDS - started)) $found" >"$home/$1.outcome"
}

if cargo +nightly fuzz --version >/dev/null 2>&1 &&
    CARGO_TARGET_DIR=$home/build cargo +nightly fuzz build -s none --no-trace-compares >"$home/build.log" 2>&1; then
    host=$(rustc -vV | sed -n 's/^host: //p')
    binaries=$home/build/$host/release
    for target in "${targets[@]}"; do
        while (($(jobs -rp | wc -l) >= jobs)); do
            wait -n
        done
        fuzz "$target" &
    done
    wait
    for target in "${targets[@]}"; do
        read -r took found <"$home/$target.outcome"
        done=$(sed -n 's/^stat::number_of_executed_units: *//p' "$home/$target.log")
        row "fuzz $target" "${done:-0} executions" "$took" "$found"
        ((found == 0)) || tail -n 40 "$home/$target.log"
    done
else
    echo "skipped: fuzzing: no nightly toolchain with cargo-fuzz, or no build; see $home/build.log"
    row fuzz skipped 0 -
fi

started=$SECONDS
found=0
SIM_SEEDS=$seeds cargo test --release --test suite -- --ignored --nocapture --exact laws::sim_many \
    >"$home/sim.log" 2>&1 || found=1
grep -E '^\|' "$home/sim.log"
grep -q '^test laws::sim_many' "$home/sim.log" || found=1
row "simulator, both modes" "$seeds seeds each" $((SECONDS - started)) "$found"
((found == 0)) || tail -n 40 "$home/sim.log"

started=$SECONDS
found=0
MESH_SEEDS=$games cargo test --release -p inputwire-sim -- --nocapture mesh >"$home/mesh.log" 2>&1 || found=1
grep -E '^Count' "$home/mesh.log" || found=1
row "meshes" "$games games" $((SECONDS - started)) "$found"
((found == 0)) || tail -n 20 "$home/mesh.log"

started=$SECONDS
found=0
adapters/ggrs/check.sh games >"$home/ggrs.log" 2>&1 && adapters/ggrs/check.sh play >>"$home/ggrs.log" 2>&1 || found=1
grep -E '^(skipped|both ends)' "$home/ggrs.log"
row "ggrs: drawn games, dropouts, bevy over matchbox" "${GAMES:-20000} games each" $((SECONDS - started)) "$found"
((found == 0)) || tail -n 40 "$home/ggrs.log"

started=$SECONDS
found=0
WORLDS=$worlds cargo test --release --test suite -- --ignored --nocapture \
    world::handshake::nothing_goes_wrong_in_any_of_five_million_worlds >"$home/world.log" 2>&1 || found=1
grep -E ' worlds \(' "$home/world.log" || found=1
row "the handshake's small world" "$worlds worlds" $((SECONDS - started)) "$found"
((found == 0)) || tail -n 20 "$home/world.log"

started=$SECONDS
found=0
CARGO_TARGET_DIR=$home/soak cargo run --release --manifest-path fuzz/Cargo.toml --example soak -- "$frames" \
    >"$home/soak.log" 2>&1 || found=1
grep -E '^(compact|classic):' "$home/soak.log"
row soak "$frames frames" $((SECONDS - started)) "$found"
((found == 0)) || tail -n 20 "$home/soak.log"

echo
echo "| what | how much | hours | findings |"
echo "|---|---|---|---|"
printf '%s\n' "${rows[@]}"
exit "$status"
