#!/usr/bin/env bash
# The long runs, piece by piece: a call goes on where the last one for the same code ended, until the totals are reached.
#
#   tests/nightly.sh [--anew] [SECONDS]
#
#   SECONDS    for everything together, 7200 unless given; the last pieces may end a little later, and builds come on top
#   --anew     forgets what was done so far; changed code does so by itself
#   JOBS       how many pieces run at once, one unless set
#   FUZZ_LEN   the longest input of a fuzz target, 128 bytes unless set: short ones are many
#   FUZZ_ARGS  for libFuzzer: "-use_counters=0" is twice as fast, and tells inputs apart only by which code they reach
#   ONLY       the runs to choose by how they begin, such as "fuzz,soak" or "fuzz hello"; all unless set
#   NIGHTLY    where the record, logs, grown corpora and failing inputs stay: target/nightly unless set
#
# `nightly.py` has the runs and their totals. The table says what was done so far and what is missing. The status is 0 if
# nothing was found, whether or not something is missing.
#
# Fuzzing needs the nightly toolchain and cargo-fuzz (`cargo install cargo-fuzz --locked`); without them it is skipped
# aloud. Targets are built without a sanitizer, since the crate has no unsafe code and volume finds more; debug assertions
# and overflow checks are on. A failing input is replayed with
#
#   cargo +nightly fuzz run -s none TARGET target/nightly/findings/TARGET/crash-...
#
# and belongs into fuzz/corpus/TARGET/found-... with its fix.
set -eu
cd "$(dirname "$0")/.."
exec python3 tests/nightly.py "$@"
