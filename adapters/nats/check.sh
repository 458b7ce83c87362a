#!/bin/sh
# Checks the NATS adapter with a real broker on loopback. Reports the steps that it skips for want of a tool.
#
#   adapters/nats/check.sh
set -u
cd "$(dirname "$0")" || exit 1
# shellcheck source=adapters/common.sh
. ../common.sh

fetch Cargo.toml "the NATS adapter" || exit 0
command -v nats-server >/dev/null 2>&1 || { apt-get update && apt-get install -y nats-server; } >/dev/null 2>&1

cargo test --profile quick -q --locked --lib || exit 1
# A thousand watchers have a connection each. The demo itself says what it skips without a broker.
ulimit -n 4096 2>/dev/null || echo "nats: fewer than 4096 open files are allowed"
cargo build --profile quick -q --locked --example spectate || exit 1
timeout 300 cargo run --profile quick -q --locked --example spectate -- --demo
