import { readFile } from "node:fs/promises";

import { Session } from "../dist/index.js";

/** Reads the module for inputs of a length: the entry for browsers would fetch it. */
export const module = (inputLength) => readFile(new URL(`../dist/inputwire-${inputLength}.wasm`, import.meta.url));

export const create = async (options) => Session.create(options, await module(options.inputLength ?? 1));

export function events(session) {
  const polled = [];
  for (let event; (event = session.pollEvent());) polled.push(event);
  return polled;
}

/** A data channel that passes messages to `other` if `through` returns true. */
export class FakeChannel extends EventTarget {
  binaryType = "blob";
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 1;
  readyState = "connecting";
  sent = [];
  other = undefined;
  through = () => true;

  static pair() {
    const [a, b] = [new FakeChannel(), new FakeChannel()];
    a.other = b;
    b.other = a;
    return [a, b];
  }

  open() {
    this.readyState = "open";
    this.dispatchEvent(new Event("open"));
  }

  close() {
    this.readyState = "closed";
    this.dispatchEvent(new Event("close"));
  }

  send(data) {
    if (this.readyState !== "open") throw new Error("InvalidStateError");
    this.sent.push(data);
    if (this.other && this.through(data)) queueMicrotask(() => this.other.receive(data));
  }

  receive(data) {
    const copy = typeof data === "string" ? data : data.slice().buffer;
    this.dispatchEvent(new MessageEvent("message", { data: copy }));
  }
}

/** A socket to a server that passes messages on. */
export class FakeSocket extends FakeChannel {
  constructor() {
    super();
    delete this.readyState; // a number for sockets
  }
  get readyState() { return this.number ?? 0; }
  set readyState(state) { this.number = { connecting: 0, open: 1, closed: 3 }[state]; }
  send(data) {
    this.sent.push(data);
    if (this.other && this.through(data)) queueMicrotask(() => this.other.receive(data));
  }
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
