#!/bin/sh
# What the static library for one session size takes, linked without what is not called, beside the same calls in Rust.
#
#   tests/size/run.sh
#
# Fails if what a game calls takes more than a tenth more in C. With every call it may be a bit more: there all figures are
# made plain numbers, and settings are given back. Bytes of code and constants, x86-64, opt-level "s".
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
    # What comes from the C library is left open: it is the same on both sides.
    ld -static --gc-sections -e 0 $(printf ' -u %s' "$@") --unresolved-symbols=ignore-all "$library" -o "$CARGO_TARGET_DIR/linked"
    size -A "$CARGO_TARGET_DIR/linked" | awk '$1 ~ /^\.(text|rodata|data\.rel\.ro)/ { sum += $2 } END { print sum }'
}

names() { # LIBRARY PREFIX
    nm --defined-only -g "$CARGO_TARGET_DIR/$target/c/$1" 2>/dev/null | awk -v prefix="^$2" '$3 ~ prefix { print $3 }' | sort -u
}

failed=0
compare() { # WHAT RUST C PERCENT-AT-MOST
    echo "$1: Rust $2 bytes, C $3 bytes ($(($3 * 100 / $2)) %)"
    [ $(($3 * 100)) -le $(($2 * $4)) ] || { echo "FAILED: more than $4 %"; failed=1; }
}
compare "every call" "$(bytes libsize.a $(names libsize.a rs_))" "$(bytes libinputwire_c.a $(names libinputwire_c.a iw_))" 115
few='session_init add_peer push_input handle_datagram handle_timeout poll_transmit poll_event poll_timeout input'
compare "what a game calls" \
    "$(bytes libsize.a rs_config $(printf 'rs_%s ' $few))" "$(bytes libinputwire_c.a iw_config_default $(printf 'iw_%s ' $few))" 110
exit $failed
