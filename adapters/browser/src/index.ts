// The entry for browsers and workers: fetches the WebAssembly from beside this file, wherever a bundler has put it.

import { type InputLength, type Options, Session as Base } from "./session.js";

export * from "./types.js";

// Bundlers find a file only by a literal.
const URLS: Readonly<Record<InputLength, URL>> = {
  1: new URL("./inputwire-1.wasm", import.meta.url),
  2: new URL("./inputwire-2.wasm", import.meta.url),
  4: new URL("./inputwire-4.wasm", import.meta.url),
  8: new URL("./inputwire-8.wasm", import.meta.url),
  16: new URL("./inputwire-16.wasm", import.meta.url),
};

const loading = new Map<InputLength, Promise<WebAssembly.Module>>();
const loaded = new Map<InputLength, WebAssembly.Module>();

async function fetchModule(inputLength: InputLength): Promise<WebAssembly.Module> {
  const { href } = URLS[inputLength];
  const help = "import from \"inputwire/inline\" where files beside the script cannot be fetched";
  let response;
  try {
    response = await fetch(href);
  } catch (error) {
    throw new Error(`${href}: ${String(error)}; ${help}`);
  }
  if (!response.ok) throw new Error(`${href}: ${response.status} ${response.statusText}; ${help}`);
  return WebAssembly.compile(await response.arrayBuffer());
}

/** Compiles the module for inputs of a length, once. */
function load(inputLength: InputLength): Promise<WebAssembly.Module> {
  const module = loading.get(inputLength) ?? fetchModule(inputLength).then((module) => {
    loaded.set(inputLength, module);
    return module;
  });
  loading.set(inputLength, module);
  module.catch(() => loading.delete(inputLength)); // the next call tries again
  return module;
}

export class Session extends Base {
  /** Loads the module for inputs of a length, so that `createSync` needs no `wasm`. */
  static async load(inputLength: InputLength = 1): Promise<void> {
    await load(inputLength);
  }

  /** Creates a session. Pass `wasm` where `fetch` cannot load the module from beside this file. */
  static async create(options: Options, wasm?: WebAssembly.Module | BufferSource): Promise<Session> {
    const module = wasm === undefined ? await load(options.inputLength ?? 1)
      : wasm instanceof WebAssembly.Module ? wasm : await WebAssembly.compile(wasm);
    return new Session(module, options);
  }

  /** Creates a session at once, from `wasm` or from a module that was loaded before. */
  static createSync(options: Options, wasm?: WebAssembly.Module | BufferSource): Session {
    const inputLength = options.inputLength ?? 1;
    const module = wasm instanceof WebAssembly.Module ? wasm
      : wasm === undefined ? loaded.get(inputLength) : new WebAssembly.Module(wasm);
    if (module === undefined) {
      throw new Error(`inputs of ${inputLength} bytes: await Session.load(${inputLength}) first, or import from "inputwire/inline"`);
    }
    return new Session(module, options);
  }
}
