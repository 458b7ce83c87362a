// One endpoint in a page of its own. browser.test.mjs carries the signalling.

import { ClassicPeer } from "../demo/classic-peer.js";
import { Impaired, network } from "../demo/network.js";
import { Session, attach } from "../dist/index.js";

const FRAME = 1000 / 60;
const action = (player, frame) => (Math.imul(frame + 1, 0x9e3779b1) >>> (13 + player)) & 255;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const endpoint = {
  delivered: new Map(), order: [], lost: 0, kinds: [], game: [], states: [], pushed: 0, stalls: 0,

  async create({ player, wire, original, repairs }) {
    Object.assign(endpoint, { player, wire, original });
    endpoint.connection = new RTCPeerConnection();
    endpoint.channel = endpoint.open(0);
    const take = (frame, input) => {
      endpoint.delivered.set(frame, input);
      endpoint.order.push(frame);
    };
    if (original) {
      endpoint.classic = new ClassicPeer({ player, peer: 1 - player, channel: endpoint.channel, input: take, repairs, lost: () => endpoint.lost++,
        validated: () => endpoint.kinds.push("validated") });
      return;
    }
    endpoint.session = await Session.create({ sessionId: 0x5eedn, localPlayer: player });
    endpoint.peer = endpoint.session.addPeer({ player: 1 - player, wire });
    endpoint.session.onevent = (event) => {
      endpoint.kinds.push(event.kind);
      if (event.kind === "input") take(event.frame, event.input[0]);
      if (event.kind === "lost") endpoint.lost += event.count;
    };
    endpoint.attach();
  },

  /** Opens a channel that both endpoints have agreed on, so that a new one needs no signalling. */
  open(id) {
    return new Impaired(endpoint.connection.createDataChannel("inputs", { negotiated: true, id, ordered: false, maxRetransmits: 0 }));
  },

  attach() {
    attach(endpoint.session, endpoint.peer, endpoint.channel, {
      game: (message) => endpoint.game.push([...message]), state: (state) => endpoint.states.push(state) });
  },

  async describe(remote) {
    const { connection } = endpoint;
    if (remote) await connection.setRemoteDescription(remote);
    if (remote?.type === "answer") return undefined;
    await connection.setLocalDescription();
    while (connection.iceGatheringState !== "complete") await sleep(10);
    return connection.localDescription.toJSON();
  },

  async ready() {
    while (endpoint.channel.readyState !== "open") await sleep(5);
  },

  reopen(id) {
    endpoint.channel = endpoint.open(id);
    endpoint.attach();
  },

  /** Pushes 60 inputs a second, waiting while the window is full. Returns how long it took. */
  async play(frames) {
    const start = performance.now();
    const goal = endpoint.pushed + frames;
    for (let due = start; endpoint.pushed < goal; await sleep(4)) {
      if (performance.now() - due > 500) due = performance.now(); // the page was frozen
      for (; due <= performance.now() && endpoint.pushed < goal; due += FRAME) {
        if (endpoint.original) endpoint.classic.push(action(endpoint.player, endpoint.pushed));
        else if ("waitingFor" in endpoint.session.pushInput(Uint8Array.of(action(endpoint.player, endpoint.pushed)))) endpoint.stalls++;
        else { endpoint.pushed++; continue; }
        if (endpoint.original) endpoint.pushed++;
      }
    }
    return performance.now() - start;
  },

  /** Waits until all inputs are delivered, or for `limit` ms. */
  async settle(frames, limit = 3000) {
    for (const start = performance.now(); endpoint.delivered.size < frames && performance.now() - start < limit;) await sleep(20);
  },

  report() {
    const wrong = [...endpoint.delivered].filter(([frame, input]) => input !== action(1 - endpoint.player, frame)).map(([frame]) => frame);
    const stats = endpoint.session?.stats(endpoint.peer);
    return {
      delivered: endpoint.delivered.size, deliveredTwice: endpoint.order.length - endpoint.delivered.size, wrong, lost: endpoint.lost,
      missing: Array.from({ length: endpoint.pushed }, (_, frame) => frame).filter((frame) => !endpoint.delivered.has(frame)),
      ascending: endpoint.order.every((frame, i) => i === 0 || frame > endpoint.order[i - 1]),
      rtt: stats ? stats.rtt?.mean : endpoint.classic.rtt, stats, game: endpoint.game, states: endpoint.states,
      kinds: endpoint.kinds.filter((kind) => kind !== "input"), dropped: endpoint.channel.dropped,
    };
  },
};

globalThis.endpoint = endpoint;
globalThis.network = network;
