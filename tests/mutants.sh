#!/usr/bin/env bash
# Changes the core, the driver, feeds and failover in every small way that cargo-mutants knows, one change at a time, and lists
# those that no test notices.
#
#   tests/mutants.sh [ARGUMENTS...]       for cargo mutants, as `--file src/estimate/rtt.rs` or `--shard 0/4`; everything without
#   JOBS=2                                how many at once
#   PARTS="failover feed"                 of core, failover, feed, rollback; all four unless set
#
# Needs cargo-mutants (`cargo install cargo-mutants --locked`). Quick tests first: what they notice is not tried again,
# and what does not end counts as noticed.
# What was found stays in target/mutants, so that a run which was ended goes on; remove that folder to begin anew. The
# status is 0 if every change that is left is one that docs/SECURITY.md explains.
set -euo pipefail
cd "$(dirname "$0")/.."
found=target/mutants
mkdir -p "$found"
# A changed loop may allocate without end.
ulimit -v 8000000
export PROPTEST_CASES=${PROPTEST_CASES:-24} CARGO_PROFILE_TEST_DEBUG=0 CARGO_PROFILE_DEV_DEBUG=0

mutate() { # PART ARGUMENTS...
    local part=$1
    shift
    cargo mutants --output "$found/$part" --iterate --no-shuffle --jobs "${JOBS:-2}" --timeout 180 "$@" || true
}

quick='config:: errors:: compact:: classic:: around:: calls:: corpus:: hostile:: pace::'
for part in ${PARTS:-core failover feed rollback}; do
    if [[ $part == core ]]; then
        for tests in '--lib' "--test suite -- $quick" '--test suite'; do
            # shellcheck disable=SC2086 # words
            mutate core "$@" -- $tests
        done
    else
        # Their tests play many games, which take longer than to optimise them.
        CARGO_PROFILE_DEV_OPT_LEVEL=1 FAILOVER_SEEDS=6 FEED_ORDERS=50 ROLLBACK_GAMES=60 \
            mutate "$part" --package "inputwire-$part" "$@" -- --lib --tests
    fi
done
# A line number says where, and moves: changes are told apart by the rest.
sed -E 's/^([^:]*):[0-9]+:[0-9]+: /\1: /' "$found"/*/mutants.out/missed.txt | sort -u >"$found/missed"
explained() { sed -nE 's/^\| `((src|crates)[^`]*)` \|.*/\1/p' docs/SECURITY.md | sed 's/\\|/|/g' | sort; }
comm -23 "$found/missed" <(explained) | tee "$found/unexplained"
[[ ! -s $found/unexplained ]]
