#!/usr/bin/env bash
# Packages every crate of the workspace, and builds each from its package alone, as a registry would.
#
#   .ci/package.sh
#
# Crates that need each other are found in a registry that cargo makes for that, so nothing has to be published before.
set -euo pipefail
cd "$(dirname "$0")/.."

# The demo needs a terminal and is in no registry.
python3 - <<'CHECK'
import json, subprocess, sys
metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--no-deps", "--format-version", "1"]))
packages = {p["name"]: p for p in metadata["packages"] if p["name"] != "duel"}
versions = {p["version"] for p in packages.values()}
wrong = [f"{p['name']} wants {d['name']} {d['req']}" for p in packages.values() for d in p["dependencies"]
         if d["name"] in packages and d["kind"] is None and d["req"] != f"^{next(iter(versions))}"]
wrong += [f"{p['name']} has no {field}" for p in packages.values() for field in ("description", "license") if not p[field]]
if len(versions) != 1 or wrong:
    sys.exit(f"versions {versions}; {wrong}: see [workspace.package] and [workspace.dependencies] in Cargo.toml")
print(f"{len(packages)} crates of version {versions.pop()}")
CHECK

# A build from the packages needs no more than the libraries, so it shares nothing with other builds.
target=${CARGO_TARGET_DIR:-$PWD/target}/package-check
cargo package --quiet --workspace --exclude duel --allow-dirty --target-dir "$target"
for package in "$target"/package/*.crate; do
    name=$(basename "$package" .crate)
    files=$(tar -tzf "$package")
    for license in LICENSE-MIT LICENSE-APACHE; do
        if ! grep -qx "$name/$license" <<<"$files" || [[ $(tar -xzOf "$package" "$name/$license" | wc -l) -lt 10 ]]; then
            echo "FAILED: $name: $license is missing, or only a link"
            exit 1
        fi
    done
    echo "$name: $(wc -l <<<"$files") files, $(($(wc -c <"$package") / 1024)) KiB, builds"
done
