// One end in a page of its own, for browser.test.mjs, which carries the signalling.

import { ClassicPeer } from "../demo/classic-peer.js";
import { Impaired, network } from "../demo/network.js";
import { Session, attach } from "../dist/index.js";

const FRAME = 1000 / 60;
const action = (player, frame) => (Math.imul(frame + 1, 0x9e3779b1) >>> (13 + player)) & 255;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const end = {
  told: new Map(), order: [], lost: 0, kinds: [], game: [], states: [], pushed: 0, buffered: 0,

  async create({ player, wire, original, repairs }) {
    Object.assign(end, { player, wire, original });
    end.connection = new RTCPeerConnection();
    end.channel = end.open(0);
    const take = (frame, input) => {
      end.told.set(frame, input);
      end.order.push(frame);
    };
    if (original) {
      end.peer = new ClassicPeer({ player, peer: 1 - player, channel: end.channel, input: take, repairs, lost: () => end.lost++,
        validated: () => end.kinds.push("validated") });
      return;
    }
    end.session = await Session.create({ session: 0x5eedn, player });
    end.number = end.session.addPeer({ player: 1 - player, wire });
    end.session.onevent = (event) => {
      end.kinds.push(event.kind);
      if (event.kind === "input") take(event.frame, event.input[0]);
      if (event.kind === "lost") end.lost += event.count;
    };
    end.attach();
  },

  /** A channel that both ends make, so that one can be made anew without more signalling. */
  open(id) {
    return new Impaired(end.connection.createDataChannel("inputs", { negotiated: true, id, ordered: false, maxRetransmits: 0 }));
  },

  attach() {
    attach(end.session, end.number, end.channel, {
      game: (message) => end.game.push([...message]), state: (state) => end.states.push(state) });
  },

  async describe(remote) {
    const { connection } = end;
    if (remote) await connection.setRemoteDescription(remote);
    if (remote?.type === "answer") return undefined;
    await connection.setLocalDescription();
    while (connection.iceGatheringState !== "complete") await sleep(10);
    return connection.localDescription.toJSON();
  },

  async ready() {
    while (end.channel.readyState !== "open") await sleep(5);
  },

  reopen(id) {
    end.channel = end.open(id);
    end.attach();
  },

  /** Pushes by the clock, and says how long it took; a full window is waited for. */
  async play(frames) {
    const start = performance.now();
    const goal = end.pushed + frames;
    for (let due = start; end.pushed < goal; await sleep(4)) {
      if (performance.now() - due > 500) due = performance.now(); // the page was frozen
      for (; due <= performance.now() && end.pushed < goal; due += FRAME) {
        if (end.original) end.peer.push(action(end.player, end.pushed));
        else if ("waitingFor" in end.session.push(Uint8Array.of(action(end.player, end.pushed)))) end.buffered++;
        else { end.pushed++; continue; }
        if (end.original) end.pushed++;
      }
    }
    return performance.now() - start;
  },

  /** Until everything is here, or as long as one may wait. */
  async settle(frames, limit = 3000) {
    for (const start = performance.now(); end.told.size < frames && performance.now() - start < limit;) await sleep(20);
  },

  report() {
    const wrong = [...end.told].filter(([frame, input]) => input !== action(1 - end.player, frame)).map(([frame]) => frame);
    const stats = end.session?.stats(end.number);
    return {
      told: end.told.size, toldTwice: end.order.length - end.told.size, wrong, lost: end.lost,
      missing: Array.from({ length: end.pushed }, (_, frame) => frame).filter((frame) => !end.told.has(frame)),
      ascending: end.order.every((frame, i) => i === 0 || frame > end.order[i - 1]),
      rtt: stats ? stats.rtt?.mean : end.peer.rtt, stats, game: end.game, states: end.states,
      kinds: end.kinds.filter((kind) => kind !== "input"), dropped: end.channel.dropped,
    };
  },
};

globalThis.end = end;
globalThis.network = network;
