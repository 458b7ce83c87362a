#!/bin/sh
# Measures an endpoint on small machines: a session for two players with both wires, opt-level "s".
#
#   tests/bench/size.sh
#
# Prints for each target: the bytes of code and of constants, and the same with five sizes of inputs.
set -eu
cd "$(dirname "$0")"
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}/bench
export CARGO_TARGET_DIR
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
sysroot=$(rustc --print sysroot)
host=$(rustc -vV | sed -n 's/^host: //p')
bin=$sysroot/lib/rustlib/$host/bin

# Prints "code constants" of a linked file.
sections() {
    python3 - "$1" <<'PY'
import struct, sys
data = open(sys.argv[1], "rb").read()
if data[:4] == b"\0asm":
    at, code, const = 8, 0, 0
    while at < len(data):
        kind = data[at]
        at += 1
        size = shift = 0
        while True:
            byte = data[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        code += size if kind == 10 else 0
        const += size if kind == 11 else 0
        at += size
    print(code, const)
else:
    shoff, = struct.unpack_from("<I", data, 32)
    size, count, names = struct.unpack_from("<HHH", data, 46)
    heads = [struct.unpack_from("<10I", data, shoff + size * i) for i in range(count)]
    strings = heads[names][4]
    total = {".text": 0, ".rodata": 0}
    for head in heads:
        start = strings + head[0]
        name = data[start:data.index(b"\0", start)].decode()
        for wanted in total:
            total[wanted] += head[5] if name == wanted or name.startswith(wanted + ".") else 0
    print(total[".text"], total[".rodata"])
PY
}

build() { # target, features, roots
    out=$CARGO_TARGET_DIR/$1/size
    case $1 in
    wasm32-*)
        cargo rustc -q -p size --profile size --locked --target "$1" --features "$2" --crate-type cdylib
        sections "$out/size.wasm"
        ;;
    *)
        cargo rustc -q -p size --profile size --locked --target "$1" --features "$2" --crate-type staticlib
        "$bin/rust-lld" -flavor gnu --gc-sections -e 0 $(printf ' -u %s' $3) -o "$out/size.elf" "$out/libsize.a"
        sections "$out/size.elf"
        ;;
    esac
}

for target in thumbv6m-none-eabi wasm32-unknown-unknown; do
    if [ ! -d "$sysroot/lib/rustlib/$target/lib" ] && ! rustup -q target add "$target" >/dev/null 2>&1; then
        echo "$target: skipped, the target is not installed"
        continue
    fi
    one=$(build "$target" '' endpoint_1)
    five=$(build "$target" five 'endpoint_1 endpoint_2 endpoint_4 endpoint_8 endpoint_16')
    driver=$(build "$target" rollback driver_1)
    echo "$target: code ${one% *} constants ${one#* } five: code ${five% *} constants ${five#* }" \
        "rollback: code ${driver% *} constants ${driver#* }"
done
