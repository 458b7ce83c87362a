// Builds dist/: the types and modules by tsc, and the machine for each size of input by cargo.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(here, "dist");
const target = process.env.CARGO_TARGET_DIR ?? join(here, "../../target");
const profile = {
  inherits: '"release"', "opt-level": '"z"', lto: '"fat"', "codegen-units": "1", panic: '"abort"', strip: "true",
};

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
execFileSync(join(here, "node_modules/.bin/tsc"), ["-p", here], { stdio: "inherit" });

for (const size of [1, 2, 4, 8, 16]) {
  execFileSync("cargo", [
    "rustc", "--quiet", "--manifest-path", join(here, "../c/Cargo.toml"), "--lib", "--crate-type", "cdylib",
    "--target", "wasm32-unknown-unknown", "--profile", "wasm", "--no-default-features",
    "--features", `peers-3,input-${size}`,
    ...Object.entries(profile).flatMap(([key, value]) => ["--config", `profile.wasm.${key}=${value}`]),
    "--", "-C", "link-arg=-zstack-size=65536", "-C", "link-arg=--export=__heap_base",
  ], { stdio: "inherit", env: { ...process.env, CARGO_TARGET_DIR: target } });
  const file = join(dist, `inputwire-${size}.wasm`);
  copyFileSync(join(target, "wasm32-unknown-unknown/wasm/inputwire_c.wasm"), file);
  console.log(`inputwire-${size}.wasm: ${statSync(file).size} bytes`);
}
