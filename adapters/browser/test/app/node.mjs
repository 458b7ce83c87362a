// The same in Node, in its main thread and in a worker.

import { Worker, isMainThread, parentPort } from "node:worker_threads";

import { Session } from "inputwire";
import { Session as Inline } from "inputwire/inline";
import { Session as Wide } from "inputwire/inline/16";

import { play } from "./play.js";

Wide.createSync({ sessionId: 1n, localPlayer: 0 }).pushInput(new Uint8Array(16));
const outcome = [Session, Inline].map((Session) => play((options) => Session.createSync(options))).join(" and ");
if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  worker.on("message", (other) => console.log(`page: ${outcome}, worker: ${other}`));
} else parentPort.postMessage(outcome);
