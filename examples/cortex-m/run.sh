#!/bin/sh
# Plays two sessions on an emulated microcontroller and prints their memory use.
#
#   examples/cortex-m/run.sh           fails if docs/guide/microcontroller.md has other figures
#   examples/cortex-m/run.sh --write   writes them there
#
# The exit status tells whether it passed. If a tool is missing, it reports that and exits with 0.
set -u
cd "$(dirname "$0")" || exit 1
target=thumbv7m-none-eabi
# Flags from the environment would replace those in .cargo/config.toml.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET

if ! command -v qemu-system-arm >/dev/null 2>&1 &&
    ! { apt-get update && apt-get install -y --no-install-recommends qemu-system-arm; } >/dev/null 2>&1; then
    echo "cortex-m: skipped, there is no qemu-system-arm (Debian: apt-get install qemu-system-arm)"
    exit 0
fi
if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ] && ! rustup -q target add "$target" >/dev/null 2>&1; then
    echo "cortex-m: skipped, the target $target is not available"
    exit 0
fi
if ! message=$(cargo fetch --locked -q 2>&1); then
    case $message in
    *"lock file"*)
        echo "cortex-m: FAILED, Cargo.lock is out of date: $message"
        exit 1
        ;;
    esac
    echo "cortex-m: skipped, its dependencies are not available"
    exit 0
fi
cargo build --release --locked -q || exit 1
printed=$(timeout 120 cargo run --release --locked -q)
status=$?
echo "$printed"
[ "$status" -eq 0 ] || exit "$status"
echo "$printed" | python3 page.py "$@"
