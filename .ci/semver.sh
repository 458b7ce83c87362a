#!/usr/bin/env bash
# Compares the public interface of every crate with that of the last release: a change that breaks users needs a new version.
#
#   .ci/semver.sh [COMMIT]
#
# The last release is the newest tag `v*`; with COMMIT, any commit stands for it. Nothing has to be published: both sides are built
# from this repository. Not part of .ci/run, since the tool takes ten minutes to build.
set -euo pipefail
cd "$(dirname "$0")/.."

base=${1:-$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)}
if [[ -z $base ]]; then
    echo "skipped: semver: there is no release yet, hence no tag v* to compare with; name a commit to compare with that"
    exit 0
fi
if ! git rev-parse --quiet --verify "$base^{commit}" >/dev/null; then
    echo "FAILED: semver: $base is no commit of this clone"
    exit 1
fi
cargo semver-checks --version >/dev/null 2>&1 || cargo install cargo-semver-checks --locked || cargo install cargo-semver-checks || {
    echo "skipped: semver: cargo-semver-checks is neither installed nor available"
    exit 0
}
# Programs and what is in no registry have no interface to compare.
cargo semver-checks --workspace --exclude duel --exclude inputwire-tools --exclude inputwire-c --baseline-rev "$base"
