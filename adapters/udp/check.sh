#!/bin/sh
# Checks the UDP adapter: lints, tests in virtual time, and the server's demo over the loopback. Reports the steps that it skips for
# want of a tool.
#
#   adapters/udp/check.sh
set -u
cd "$(dirname "$0")" || exit 1

if ! message=$(cargo fetch --locked -q 2>&1); then
    case $message in
    *"lock file"*)
        echo "udp: FAILED, Cargo.lock is out of date: $message"
        exit 1
        ;;
    esac
    echo "skipped: the UDP adapter: its dependencies are not available"
    exit 0
fi

if cargo fmt --version >/dev/null 2>&1; then
    cargo fmt --check || exit 1
else
    echo "skipped: format: rustfmt is not here"
fi
if cargo clippy --version >/dev/null 2>&1; then
    cargo clippy --profile quick -q --locked --all-targets -- -D warnings || exit 1
else
    echo "skipped: clippy: it is not here"
fi
cargo test --profile quick -q --locked || exit 1
timeout 60 cargo run --profile quick -q --locked --example pair || exit 1
timeout 60 cargo run --profile quick -q --locked --example server -- --demo
