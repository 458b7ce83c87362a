#!/bin/sh
# Installs the library into a temporary directory, builds fresh projects from what was installed there, and plays.
#
#   tests/install/run.sh UDP-EXAMPLE
#
# The projects: one of CMake, one that asks pkg-config, one in C#. Each plays 600 frames against the Rust example udp.
set -u
cd "$(dirname "$0")/../.." || exit 1
here=$PWD udp=${1:?give the Rust example udp: target/release/examples/udp}
staged=$(mktemp -d)
trap 'rm -rf "$staged"' EXIT
prefix=/opt/inputwire failed=0 playing='' port=$((20000 + $$ * 16 % 20000))
root=$staged/root$prefix

has() { # COMMAND DEBIAN-PACKAGE...
    command -v "$1" >/dev/null && return
    shift
    [ "$(id -u)" = 0 ] && apt-get install -y -q --no-install-recommends "$@" >/dev/null 2>&1
}

fail() {
    echo "FAILED: $1"
    failed=1
}

play() { # NAME WIRE COMMAND...
    name=$1 wire=$2
    shift 2
    LD_LIBRARY_PATH=$root/lib ./play-one.sh "$udp" "$name" "$wire" $port "$@" &
    playing="$playing $!"
    port=$((port + 2))
}

play_c() { # NAME WIRE PLAYER
    play "$1" "$2" "$3" --wire "$2" --me 1 --port $((port + 1)) --peer-port $port --frames 600
}

make -s install DESTDIR="$staged/root" PREFIX=$prefix || exit 1

soname=$(readelf -d "$root/lib/libinputwire.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
unversioned=$(nm -D --defined-only "$root/lib/libinputwire.so" | grep -c ' [TRD] [a-z_]*$')
exported=$(nm -D --defined-only "$root/lib/libinputwire.so" | grep -c '@@INPUTWIRE_')
mapped=$(grep -c '^    iw_' inputwire.map)
echo "SONAME $soname, $exported symbols with a version, $unversioned without"
[ -e "$root/lib/$soname" ] && [ "$exported" = "$mapped" ] && [ "$unversioned" = 0 ] || fail "SONAME or symbol versions"

if has pkg-config pkg-config; then
    cp -r tests/install/pkg-config "$staged/pkg-config"
    if PKG_CONFIG_SYSROOT_DIR=$staged/root PKG_CONFIG_PATH=$root/lib/pkgconfig \
        make -s -C "$staged/pkg-config" PLAYER="$here/examples"; then
        play_c "C by pkg-config" classic "$staged/pkg-config/player"
        play_c "C by pkg-config, static" compact "$staged/pkg-config/player_static"
    else
        fail "a project that asks pkg-config"
    fi
else
    echo "skipped: pkg-config: it is neither installed nor available"
fi

if has cmake cmake && command -v c++ >/dev/null; then
    # Moved, since a CMake package finds its files wherever it lies.
    cp -r "$root" "$staged/moved"
    if cmake -S tests/install/cmake -B "$staged/cmake" -DCMAKE_PREFIX_PATH="$staged/moved" -DPLAYER="$here/examples" \
        -DCMAKE_BUILD_TYPE=Release >"$staged/log" 2>&1 && cmake --build "$staged/cmake" >>"$staged/log" 2>&1; then
        play_c "C by CMake" compact "$staged/cmake/player"
        play_c "C by CMake, static" classic "$staged/cmake/player_static"
        "$staged/cmake/cpp" || fail "C++"
    else
        cat "$staged/log"
        fail "a CMake project"
    fi
    cmake -S tests/install/cmake -B "$staged/other" -DCMAKE_PREFIX_PATH="$staged/moved" -DVERSION=2 -DPLAYER="$here/examples" \
        >/dev/null 2>&1 && fail "a CMake project that wants another version"
else
    echo "skipped: CMake: it or a C++ compiler is neither installed nor available"
fi

if has mcs mono-mcs mono-runtime && command -v mono >/dev/null; then
    if mcs -warnaserror -out:"$staged/Udp.exe" csharp/Udp.cs csharp/Session.cs csharp/Inputwire.cs; then
        play "C#" compact mono "$staged/Udp.exe" compact $((port + 1)) $port
        play "C#" classic mono "$staged/Udp.exe" classic $((port + 1)) $port
    else
        fail "C#"
    fi
else
    echo "skipped: C#: mono is neither installed nor available"
fi

for game in $playing; do
    wait "$game" || failed=1
done
exit $failed
