// Prints what src/main.rs prints, from the same code as WebAssembly: node wasm.mjs FILE [SEEDS]
import { readFile } from 'node:fs/promises';

const STEP = 1000n;
const [file, count] = process.argv.slice(2);
const seeds = BigInt(count ?? 100000);
const { instance } = await WebAssembly.instantiate(await readFile(file));
for (let first = 0n; first < seeds; first += STEP) {
    const left = seeds - first;
    const trace = BigInt.asUintN(64, instance.exports.trace(first, left < STEP ? left : STEP));
    console.log(`${first} ${trace.toString(16).padStart(16, '0')}`);
}
