// Prints what src/main.rs prints, from the same code as WebAssembly: node wasm.mjs FILE [SEEDS [FIRST]]
import { readFile } from 'node:fs/promises';

const STEP = 1000n;
const [file, count, from] = process.argv.slice(2);
const start = BigInt(from ?? 0);
const seeds = start + BigInt(count ?? 100000);
const { instance } = await WebAssembly.instantiate(await readFile(file));
for (let first = start; first < seeds; first += STEP) {
    const left = seeds - first;
    const trace = BigInt.asUintN(64, instance.exports.trace(first, left < STEP ? left : STEP));
    console.log(`${first} ${trace.toString(16).padStart(16, '0')}`);
}
