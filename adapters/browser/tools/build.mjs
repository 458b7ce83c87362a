// Builds dist/: the types and modules by tsc, and the machine for each size of input by cargo.
//
// Each machine is linked with the functions that src/abi.ts names and no others, so that what nobody calls is dropped.
// The defaults and the texts of the C interface are the same in all of them: they are asked once, and become JavaScript.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const VERSION = 1; // of the C interface
const CONFIG = 80; // bytes

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(here, "dist");
const target = process.env.CARGO_TARGET_DIR ?? join(here, "../../target");
const output = (command, args) => execFileSync(command, args, { encoding: "utf8" }).trim();
const run = (command, args) => execFileSync(command, args, { stdio: "inherit", env: { ...process.env, CARGO_TARGET_DIR: target } });
const host = /^host: (.*)$/m.exec(output("rustc", ["-vV"]))[1];
const linker = join(output("rustc", ["--print", "sysroot"]), "lib/rustlib", host, "bin/rust-lld");
const used = new Set(readFileSync(join(here, "src/abi.ts"), "utf8").match(/\biw_\w+/g));

/** The library of sessions for inputs of a size; its machine follows by `link`. */
function compile(size) {
  const profile = {
    inherits: '"release"', "opt-level": '"z"', lto: '"fat"', "codegen-units": "1", panic: '"abort"', strip: "true",
  };
  run("cargo", [
    "rustc", "--quiet", "--manifest-path", join(here, "../c/Cargo.toml"), "--lib", "--crate-type", "staticlib",
    "--target", "wasm32-unknown-unknown", "--profile", "wasm", "--no-default-features",
    "--features", `peers-3,input-${size}`,
    ...Object.entries(profile).flatMap(([key, value]) => ["--config", `profile.wasm.${key}=${value}`]),
    "--", "-C", "llvm-args=-inline-threshold=15",
  ]);
}

function link(file, functions) {
  run(linker, [
    "-flavor", "wasm", "--no-entry", "--gc-sections", "--strip-all", "--compress-relocations", "-z", "stack-size=65536",
    ...["__heap_base", ...functions].map((name) => `--export=${name}`),
    join(target, "wasm32-unknown-unknown/wasm/libinputwire_c.a"), "-o", file,
  ]);
}

/** Nothing here panics (tests/proof, adapters/c/tests/proof.sh), so no trap is ever reached. */
function shrink(file) {
  const features = ["bulk-memory", "bulk-memory-opt", "sign-ext", "mutable-globals", "nontrapping-float-to-int",
    "multivalue", "reference-types", "call-indirect-overlong"];
  run(join(here, "node_modules/.bin/wasm-opt"), [
    ...features.map((feature) => `--enable-${feature}`), "--traps-never-happen", "--low-memory-unused", "-Oz", "-Oz",
    "--strip-producers", "--strip-target-features", file, "-o", file,
  ]);
}

/** What the C interface says of itself, in TypeScript. */
async function generate() {
  const file = join(dist, "asked.wasm");
  link(file, ["iw_abi_version", "iw_config_default", "iw_status_text"]);
  const { instance: { exports } } = await WebAssembly.instantiate(readFileSync(file));
  rmSync(file);
  if (exports.iw_abi_version() !== VERSION) throw new Error("src/abi.ts is of another version than adapters/c");
  const at = (Number(exports.__heap_base.value) + 15) & ~15;
  if (exports.iw_config_default(at) !== 0) throw new Error("there are no defaults");
  const defaults = [...new Uint8Array(exports.memory.buffer, at, CONFIG)];
  const text = (status) => {
    const bytes = new Uint8Array(exports.memory.buffer, exports.iw_status_text(status));
    return new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0)));
  };
  const none = text(-9999);
  const texts = Array.from({ length: 200 }, (_, i) => -1 - i).filter((status) => text(status) !== none)
    .map((status) => `  "${status}": ${JSON.stringify(text(status))},\n`).join("");
  writeFileSync(join(here, "src/generated.ts"), "// By tools/build.mjs, from the C interface.\n\n" +
    `/** An \`iw_config\` as \`iw_config_default\` fills it. */\nexport const DEFAULTS: readonly number[] = [${defaults}];\n\n` +
    `/** What \`iw_status_text\` says. */\nexport const TEXTS: Readonly<Record<number, string>> = {\n${texts}};\n`);
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
for (const size of [1, 2, 4, 8, 16]) {
  compile(size);
  if (size === 1) await generate();
  const file = join(dist, `inputwire-${size}.wasm`);
  link(file, used);
  shrink(file);
  console.log(`inputwire-${size}.wasm: ${statSync(file).size} bytes`);
}
run(join(here, "node_modules/.bin/tsc"), ["-p", here]);
