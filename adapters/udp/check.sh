#!/bin/sh
# Checks the UDP adapter: lints, tests in virtual time, and the server's demo over the loopback. Reports the steps that it skips for
# want of a tool.
#
#   adapters/udp/check.sh
set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=adapters/common.sh
. ../common.sh

fetch Cargo.toml "the UDP adapter" || exit 0

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
