#!/usr/bin/env bash
# Compares the public interface of every crate with that of the last release: a change that breaks users needs a new version.
#
#   .ci/semver.sh [TAG]
#
# The last release is the newest tag `v*`, or TAG. Not part of .ci/run, since the tool takes ten minutes to build.
set -euo pipefail
cd "$(dirname "$0")/.."

tag=${1:-$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)}
if [[ -z $tag ]]; then
    echo "skipped: semver: there is no release yet, hence no tag v* to compare with"
    exit 0
fi
cargo semver-checks --version >/dev/null 2>&1 || cargo install cargo-semver-checks --locked || cargo install cargo-semver-checks || {
    echo "skipped: semver: cargo-semver-checks is neither installed nor available"
    exit 0
}
# Programs and what is in no registry have no interface to compare.
cargo semver-checks --workspace --exclude duel --exclude inputwire-tools --exclude inputwire-c --baseline-rev "$tag"
