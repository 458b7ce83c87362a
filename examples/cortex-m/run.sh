#!/bin/sh
# Plays two sessions on an emulated microcontroller, and says what they take.
#
#   examples/cortex-m/run.sh
#
# The status says whether it went well; what cannot be had is skipped aloud, with status 0.
set -u
cd "$(dirname "$0")" || exit 1
target=thumbv7m-none-eabi
# Flags from outside would take the place of those in .cargo/config.toml.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET

if ! command -v qemu-system-arm >/dev/null 2>&1; then
    echo "cortex-m: skipped, there is no qemu-system-arm (Debian: apt-get install qemu-system-arm)"
    exit 0
fi
if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ] && ! rustup -q target add "$target" >/dev/null 2>&1; then
    echo "cortex-m: skipped, the target $target cannot be had"
    exit 0
fi
if ! words=$(cargo fetch --locked -q 2>&1); then
    case $words in
    *"lock file"*)
        echo "cortex-m: FAILED, Cargo.lock is out of date: $words"
        exit 1
        ;;
    esac
    echo "cortex-m: skipped, its dependencies cannot be had"
    exit 0
fi
cargo build --release --locked -q || exit 1
exec timeout 120 cargo run --release --locked -q
