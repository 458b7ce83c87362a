// One endpoint in a page of its own. pages.mjs carries the signalling.

import { Impaired, network } from "../demo/network.js";
import { Original } from "../demo/original.js";
import { Session, attach, attachRelay } from "../dist/index.js";

const FRAME = 1000 / 60;
const SETTINGS = { ordered: false, maxRetransmits: 0 };
const action = (player, frame) => (Math.imul(frame + 1, 0x9e3779b1) >>> (13 + player)) & 255;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const happened = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

const endpoint = {
  delivered: new Map(), order: [], lost: 0, kinds: [], healths: [], game: [], texts: 0, states: [], pushed: 0, stalls: 0, gap: 0, rtts: [], early: [], relayStates: [], changes: [], theirSkipped: new Set(),

  /**
   * Creates the endpoint, and its channel if it offers: in-band, unless `negotiated`. `moment` is when it attaches.
   * `original` is the version of the original that it imitates, if any; `relay` is the URL of a second route.
   */
  async create({ player, wire = "compact", offers, original, moment = "at once", negotiated = false, impaired = false, relay, settings = {} }) {
    Object.assign(endpoint, { player, wire, original, moment, impaired, negotiated });
    endpoint.connection = new RTCPeerConnection();
    endpoint.attached = new Promise((resolve) => (endpoint.isAttached = resolve));
    if (!original) {
      endpoint.session = await Session.create({ sessionId: 0x5eedn, localPlayer: player, ...settings });
      endpoint.peer = endpoint.session.addPeer({ player: 1 - player, wire });
      endpoint.session.onevent = (event) => {
        endpoint.kinds.push(event.kind);
        if (event.kind === "input") endpoint.take(event.frame, event.input[0]);
        if (event.kind === "lost") endpoint.lost += event.count;
        if (event.kind === "health") endpoint.healths.push(event.health);
      };
    }
    if (relay) {
      endpoint.socket = new WebSocket(relay);
      attachRelay(endpoint.session, endpoint.peer, endpoint.socket, {
        state: (state) => endpoint.relayStates.push(state),
        route: ({ relay, cause }) => endpoint.changes.push(`${relay ? "both" : "direct"}: ${cause}`),
      });
    }
    endpoint.connection.ondatachannel = ({ channel }) => endpoint.use(channel);
    if (negotiated) endpoint.open(0);
    else if (offers) endpoint.open();
  },

  /** Opens a channel: in-band, or one that both endpoints have agreed on. */
  open(id) {
    endpoint.use(endpoint.connection.createDataChannel("inputs", id === undefined ? SETTINGS : { ...SETTINGS, negotiated: true, id }));
  },

  /** Attaches a channel that was created or received just now, at the moment that is tested. */
  async use(raw) {
    endpoint.readyStateAtFirst ??= raw.readyState;
    const channel = (endpoint.channel = endpoint.impaired ? new Impaired(raw) : raw);
    const opened = channel.readyState === "open" ? Promise.resolve() : happened(channel, "open");
    switch (endpoint.moment) {
      case "at once": break; // inside `ondatachannel`
      case "before open": // where the state allows it; after what a handler would wait for
        await undefined;
        break;
      case "in onopen":
        await happened(channel, "open");
        break;
      case "after open":
        await opened;
        await sleep(300);
        break;
      case "after traffic":
        channel.binaryType = "arraybuffer";
        channel.addEventListener("message", ({ data }) => endpoint.early.push(typeof data === "string" ? data : [...new Uint8Array(data)]));
        await opened;
        for (let i = 0; i < 20; i++) {
          channel.send(JSON.stringify({ hello: i }));
          channel.send(Uint8Array.of(0x06, i));
          await sleep(15);
        }
    }
    endpoint.attach();
    await opened;
    endpoint.isAttached();
  },

  attach() {
    const { channel, connection } = endpoint;
    if (endpoint.original) {
      const { player, original: version } = endpoint;
      endpoint.classic = new Original({ version, player, channel, input: endpoint.take, game: (message) => endpoint.game.push([...message]),
        started: () => endpoint.kinds.push("started"), failed: () => endpoint.kinds.push("failed"), warn: () => endpoint.kinds.push("unknown") });
      channel.addEventListener("message", ({ data }) => typeof data === "string" && endpoint.text(data));
      return;
    }
    endpoint.detach = attach(endpoint.session, endpoint.peer, channel, {
      connection, text: endpoint.text,
      game: (message) => endpoint.game.push([...message]),
      state: (state) => endpoint.states.push(state),
    });
  },

  take(frame, input) {
    endpoint.delivered.set(frame, input);
    endpoint.order.push(frame);
  },

  /** The game's own text on the same channel: it measures the round trip, too. */
  text(data) {
    endpoint.texts++;
    const { ping, pong, held } = JSON.parse(data);
    if (pong !== undefined) endpoint.rtts.push(performance.now() - pong - held);
    if (ping === undefined) return;
    // As the wire does: the classic one answers at once, the compact one with its next datagram, which says how long that took.
    const received = performance.now();
    const answer = () => endpoint.channel.send(JSON.stringify({ pong: ping, held: performance.now() - received }));
    if (endpoint.wire === "classic") answer();
    else setTimeout(answer, 100);
  },

  async describe(remote) {
    const { connection } = endpoint;
    if (remote) await connection.setRemoteDescription(remote);
    if (remote?.type === "answer") return undefined;
    await connection.setLocalDescription();
    while (connection.iceGatheringState !== "complete") await sleep(10);
    return connection.localDescription.toJSON();
  },

  /** Waits until the endpoint can play: a later original only starts when it is content. */
  async ready() {
    await endpoint.attached;
    while (endpoint.original && !endpoint.classic.hasStarted && !endpoint.kinds.includes("failed")) await sleep(5);
  },

  push(reached) {
    const input = action(endpoint.player, endpoint.pushed);
    if (endpoint.original) endpoint.classic.record(input, reached);
    else if ("waitingFor" in endpoint.session.pushInput(Uint8Array.of(input))) return endpoint.stalls++;
    endpoint.pushed++;
  },

  /** Jumps ahead; the skipped frames have the input 0. */
  skip(frame) {
    endpoint.session.skipTo(frame, Uint8Array.of(0));
    endpoint.pushed = frame;
  },

  /**
   * Pushes 60 inputs a second, waiting while the window is full, and sends messages of the game in between. With `stall`, the
   * loop blocks for so many ms once a second; what is due then is pushed in one go. Returns how long it took.
   */
  async play(frames, { stall = 0, chatter = true } = {}) {
    const start = performance.now();
    const goal = endpoint.pushed + frames;
    let [text, stalled, last] = [start, start, start];
    for (let due = start; endpoint.pushed < goal; await sleep(4)) {
      if (stall > 0 && performance.now() - stalled > 1000) {
        stalled = performance.now();
        while (performance.now() - stalled < stall);
      }
      endpoint.gap = Math.max(endpoint.gap, performance.now() - last);
      last = performance.now();
      if (performance.now() - due > 500) due = performance.now(); // the page was frozen
      const reached = endpoint.pushed + Math.floor((performance.now() - due) / FRAME);
      for (; due <= performance.now() && endpoint.pushed < goal; due += FRAME) endpoint.push(reached);
      if (chatter && performance.now() - text > 100 && endpoint.channel?.readyState === "open") {
        text = performance.now();
        endpoint.channel.send(JSON.stringify({ ping: text }));
        endpoint.channel.send(Uint8Array.of(0x14, endpoint.pushed & 255));
      }
    }
    return performance.now() - start;
  },

  /** Measures the round trip of the channel for longer than the session's ten pings. */
  async measure() {
    endpoint.rtts = [];
    for (const start = performance.now(); performance.now() - start < 2200; await sleep(200)) {
      endpoint.channel.send(JSON.stringify({ ping: performance.now() }));
    }
  },

  /** Waits until all inputs are delivered, or for `limit` ms. */
  async settle(frames, limit = 3000) {
    for (const start = performance.now(); endpoint.delivered.size < frames && performance.now() - start < limit;) await sleep(20);
  },

  report() {
    const wrong = [...endpoint.delivered].filter(([frame, input]) => input !== (endpoint.theirSkipped.has(frame) ? 0 : action(1 - endpoint.player, frame))).map(([frame]) => frame);
    const stats = endpoint.session?.stats(endpoint.peer);
    return {
      delivered: endpoint.delivered.size, deliveredTwice: endpoint.order.length - endpoint.delivered.size, wrong, lost: endpoint.lost,
      missing: Array.from({ length: endpoint.pushed }, (_, frame) => frame).filter((frame) => !endpoint.delivered.has(frame)),
      ascending: endpoint.order.every((frame, i) => i === 0 || frame > endpoint.order[i - 1]),
      rtt: stats ? stats.rtt?.mean : endpoint.classic.rtt, stats, game: endpoint.game, states: endpoint.states, texts: endpoint.texts,
      kinds: endpoint.kinds.filter((kind) => kind !== "input"), healths: endpoint.healths, dropped: endpoint.channel?.dropped,
      channelRtt: Math.min(...endpoint.rtts.slice(-10)), readyState: endpoint.readyStateAtFirst, early: endpoint.early, changes: endpoint.changes, relayStates: endpoint.relayStates,
      counters: endpoint.classic?.counters, gap: endpoint.gap,
    };
  },
};

globalThis.endpoint = endpoint;
globalThis.network = network;
