#!/bin/sh
# Checks everything that must hold for the Python package. Reports the steps that it skips for want of a tool.
#
#   adapters/python/check.sh
#
# A wheel is built, and installed into a fresh virtual environment; everything runs from there.
set -u
cd "$(dirname "$0")" || exit 1
here=$PWD
root=$(cd ../.. && pwd)
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}"
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
failed=0 playing='' port=$((20000 + $$ * 8 % 20000))

fail() {
    echo "FAILED: $1"
    failed=1
}

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || ! python3 -m venv "$fresh/venv" >/dev/null 2>&1; then
    echo "skipped: Python: there is no python3 of version 3.10 with venv"
    exit 0
fi
python=$fresh/venv/bin/python
echo "-- wheel"
if ! "$python" -m pip wheel -q --disable-pip-version-check --no-deps -w "$fresh/dist" . >"$fresh/log" 2>&1; then
    if grep -qiE 'no matching distribution|could not find a version|connection|network|resolve' "$fresh/log"; then
        echo "skipped: Python: setuptools is neither installed nor available"
        exit 0
    fi
    cat "$fresh/log"
    fail wheel
    exit 1
fi
ls "$fresh/dist"
"$python" -m pip install -q --disable-pip-version-check --no-index "$fresh"/dist/*.whl || exit 1
(cd "$root" && cargo build -q --release --example udp) || exit 1

# Outside of the sources, so that only what was installed can be imported.
cd "$fresh" || exit 1
for wire in compact classic; do
    "$root/adapters/c/play-one.sh" "$CARGO_TARGET_DIR/release/examples/udp" "Python, from the wheel" $wire $port \
        "$python" -m inputwire play --wire $wire --me 1 --port $((port + 1)) --peer-port $port --frames 600 &
    playing="$playing $!"
    port=$((port + 2))
done
"$python" -m inputwire demo >"$fresh/demo" 2>&1 &
demo=$!
echo "-- tests"
"$python" -m unittest discover -s "$here/tests" || fail tests
echo "-- types"
if "$python" -m pip install -q --disable-pip-version-check mypy >/dev/null 2>&1; then
    "$python" -m mypy --strict "$here/src/inputwire" || fail types
else
    echo "skipped: types: mypy is not available"
fi
echo "-- players"
wait "$demo" || fail demo
cat "$fresh/demo"
for game in $playing; do
    wait "$game" || failed=1
done
exit $failed
