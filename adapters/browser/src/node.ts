// The entry for Node, which cannot fetch files: reads the WebAssembly from beside this file.

import { readFileSync } from "node:fs";

import { type InputLength, type Options, Session as Base } from "./session.js";

export * from "./types.js";

const loaded = new Map<InputLength, WebAssembly.Module>();

/** Compiles the module for inputs of a length, once. */
function load(inputLength: InputLength): WebAssembly.Module {
  const module = loaded.get(inputLength)
    ?? new WebAssembly.Module(readFileSync(new URL(`./inputwire-${inputLength}.wasm`, import.meta.url)));
  loaded.set(inputLength, module);
  return module;
}

export class Session extends Base {
  /** Loads the module for inputs of a length, as in browsers. */
  static async load(inputLength: InputLength = 1): Promise<void> {
    load(inputLength);
  }

  /** Creates a session, from `wasm` if it is given. */
  static async create(options: Options, wasm?: WebAssembly.Module | BufferSource): Promise<Session> {
    return Session.createSync(options, wasm);
  }

  /** Creates a session at once. */
  static createSync(options: Options, wasm?: WebAssembly.Module | BufferSource): Session {
    const module = wasm === undefined ? load(options.inputLength ?? 1)
      : wasm instanceof WebAssembly.Module ? wasm : new WebAssembly.Module(wasm);
    return new Session(module, options);
  }
}
