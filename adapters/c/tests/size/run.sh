#!/bin/sh
# Compares the size of the C library, built for one session size, with the same calls in Rust.
#
#   tests/size/run.sh
#
# Both are linked without unused functions. The calls that a game needs may take 10 % more in C. All calls together may take
# 15 % more, since they convert all statistics and settings. Counts bytes of code and constants on x86-64, opt-level "s".
set -eu
cd "$(dirname "$0")"
root=$(cd ../../../.. && pwd)
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}/size-c"
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
target=x86_64-unknown-linux-gnu
cargo rustc -q --profile c --target $target --crate-type staticlib
(cd "$root" && cargo rustc -q -p inputwire-c --profile c --no-default-features --features peers-1,input-1 \
    --target $target --crate-type staticlib)

bytes() { # LIBRARY NAMES...
    library=$CARGO_TARGET_DIR/$target/c/$1
    shift
    # Symbols of the C library stay undefined; they would be the same on both sides.
    ld -static --gc-sections -e 0 $(printf ' -u %s' "$@") --unresolved-symbols=ignore-all "$library" -o "$CARGO_TARGET_DIR/linked"
    size -A "$CARGO_TARGET_DIR/linked" | awk '$1 ~ /^\.(text|rodata|data\.rel\.ro)/ { sum += $2 } END { print sum }'
}

names() { # LIBRARY PREFIX, without those of the failover, a type of its own
    nm --defined-only -g "$CARGO_TARGET_DIR/$target/c/$1" 2>/dev/null | awk -v prefix="^$2" '$3 ~ prefix && $3 !~ /^iw_failover/ { print $3 }' | sort -u
}

failed=0
compare() { # WHAT RUST C MAX-PERCENT
    echo "$1: Rust $2 bytes, C $3 bytes ($(($3 * 100 / $2)) %)"
    [ $(($3 * 100)) -le $(($2 * $4)) ] || { echo "FAILED: more than $4 %"; failed=1; }
}
compare "all calls" "$(bytes libsize.a $(names libsize.a rs_))" "$(bytes libinputwire_c.a $(names libinputwire_c.a iw_))" 115
needed='session_init session_add_peer session_push_input session_handle_datagram session_handle_timeout session_poll_transmit
    session_poll_event session_poll_timeout peer_remote_input'
compare "the calls of a game" "$(bytes libsize.a rs_config $(printf 'rs_%s ' $needed))" \
    "$(bytes libinputwire_c.a iw_config_default $(printf 'iw_%s ' $needed))" 110
exit $failed
