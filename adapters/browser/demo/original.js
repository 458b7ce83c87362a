// Imitates the original browser peer, in its early and its later version: the same bytes, the same conditions, the same defects. No WebAssembly, no inputwire.

const INPUT = 0x01;
const PING = 0x02;
const PONG = 0x03;
const VALIDATION_PING = 0x10;
const VALIDATION_PONG = 0x11;
const INPUT_REQUEST = 0x12;
const INPUT_RESPONSE = 0x13;
const GAME = new Set([0x05, 0x06, 0x07, 0x14]);

const PING_INTERVAL = 500;
const BUFFERED_MAX = 16_384;
const START_LIMIT = 15_000;
const RESPONSE_LIMIT = 3_000;
const RTTS = 10;

/** Inputs in each packet, inputs remembered, and how many fit: of more it keeps the oldest. */
const VERSIONS = {
  early: { redundancy: 3, history: 10, cap: 5, validates: false },
  later: { redundancy: 10, history: 20, cap: 15, validates: true },
};

export class Original {
  /**
   * Calls `input(frame, action)` for each frame that it did not know. The later version starts (`started`) once it has received
   * a validation pong and a validation ping, and gives up (`failed`) after 15 s; the early one starts when the channel opens.
   */
  constructor({ player, channel, version = "later", input, game = () => {}, started = () => {}, failed = () => {}, warn = console.warn,
    now = () => performance.now() }) {
    Object.assign(this, { player, channel, input, game, started, failed, warn, now }, VERSIONS[version]);
    this.sent = []; // the latest { frame, action }, oldest first
    this.nextFrame = 0;
    this.received = new Map(); // never forgets
    this.newest = -1;
    this.rtts = [];
    this.pendingSince = -Infinity;
    this.hasPong = this.hasPing = this.hasStarted = false;
    this.counters = { sent: 0, skipped: 0, bytesSent: 0, received: 0, unknown: 0, broken: 0, requests: 0, responses: 0 };
    this.listening = new AbortController();
    const { signal } = this.listening;
    channel.binaryType = "arraybuffer";
    channel.addEventListener("open", () => this.open(), { signal });
    channel.addEventListener("close", () => this.close(), { signal });
    channel.addEventListener("message", ({ data }) => this.message(data), { signal });
    if (channel.readyState === "open") this.open();
  }

  open() {
    if (this.timer !== undefined) return;
    this.channel.send(JSON.stringify({ type: "test", player: this.player }));
    const ping = () => {
      this.ping(PING);
      if (this.validates && !this.hasPong) this.ping(VALIDATION_PING);
    };
    ping();
    this.timer = setInterval(ping, PING_INTERVAL);
    if (this.validates) this.limit = setTimeout(() => this.hasStarted || this.failed(), START_LIMIT);
    else this.start();
  }

  close() {
    this.listening.abort();
    clearInterval(this.timer);
    clearTimeout(this.limit);
  }

  start() {
    if (this.hasStarted) return;
    this.hasStarted = true;
    this.started();
  }

  /** Records the input of the next frame and sends a packet. A game that catches up passes the frame that it has reached. */
  record(action, reached = this.nextFrame) {
    this.sent.push({ frame: this.nextFrame++, action });
    if (this.sent.length > this.history) this.sent.shift();
    const inputs = this.sent.slice(-this.redundancy).slice(0, this.cap);
    const view = new DataView(new ArrayBuffer(9 + 5 * inputs.length));
    view.setUint8(0, INPUT);
    view.setUint16(1, this.player);
    view.setUint32(3, reached);
    view.setUint8(7, inputs.length);
    this.write(view, 9, inputs);
    return this.send(view);
  }

  /** Requests inputs, and waits up to 3 s for the response. */
  request(first, last) {
    this.pendingSince = this.now();
    this.counters.requests++;
    const view = new DataView(new ArrayBuffer(9));
    view.setUint8(0, INPUT_REQUEST);
    view.setUint32(1, first);
    view.setUint32(5, last);
    this.send(view);
  }

  get rtt() {
    return this.rtts.length === 0 ? undefined : this.rtts.reduce((sum, rtt) => sum + rtt, 0) / this.rtts.length;
  }

  ping(type) {
    const view = new DataView(new ArrayBuffer(9));
    view.setUint8(0, type);
    view.setFloat64(1, this.now());
    this.send(view);
  }

  message(data) {
    if (typeof data === "string") return;
    try {
      this.receive(new DataView(data));
      this.counters.received++;
    } catch {
      this.counters.broken++; // a short packet throws, and is lost
    }
  }

  /** Checks no length, no count and no player number. */
  receive(view) {
    const type = view.getUint8(0);
    if (type === INPUT) this.take(view, 9, view.getUint8(7));
    else if (type === PING) this.echo(view, PONG);
    else if (type === PONG) {
      this.rtts.push(this.now() - view.getFloat64(1));
      if (this.rtts.length > RTTS) this.rtts.shift();
    } else if (GAME.has(type)) this.game(new Uint8Array(view.buffer));
    else if (!this.validates) {
      this.counters.unknown++;
      this.warn(`unknown message type ${type}`);
    } else if (type === VALIDATION_PING) {
      this.hasPing = true;
      this.echo(view, VALIDATION_PONG);
    } else if (type === VALIDATION_PONG) this.hasPong = true;
    else if (type === INPUT_REQUEST) this.respond(view.getUint32(1), view.getUint32(5));
    else if (type === INPUT_RESPONSE) {
      this.pendingSince = -Infinity;
      this.counters.responses++;
      this.take(view, 5, view.getUint16(3));
    } else this.warn(`unknown message type ${type}`);
    if (this.validates && this.hasPing && this.hasPong) this.start();
  }

  /** The first value of a frame stays; any frame is stored. */
  take(view, start, count) {
    for (let at = start; at < start + 5 * count; at += 5) {
      const [frame, action] = [view.getUint32(at), view.getUint8(at + 4)];
      if (this.received.has(frame)) continue;
      this.received.set(frame, action);
      this.newest = Math.max(this.newest, frame);
      this.input(frame, action);
    }
    if (this.validates) this.requestMissing();
  }

  /** Requests what later packets will not bring, from the first missing frame on, however old it is. */
  requestMissing() {
    this.complete ??= 0;
    while (this.received.has(this.complete)) this.complete++;
    if (this.newest - this.complete < this.redundancy || this.now() - this.pendingSince < RESPONSE_LIMIT) return;
    this.request(this.complete, this.newest);
  }

  respond(first, last) {
    const inputs = this.sent.filter(({ frame }) => frame >= first && frame <= last);
    if (inputs.length === 0) return;
    const view = new DataView(new ArrayBuffer(5 + 5 * inputs.length));
    view.setUint8(0, INPUT_RESPONSE);
    view.setUint16(1, this.player);
    view.setUint16(3, inputs.length);
    this.write(view, 5, inputs);
    this.send(view);
  }

  write(view, at, inputs) {
    for (const { frame, action } of inputs) {
      view.setUint32(at, frame);
      view.setUint8(at + 4, action);
      at += 5;
    }
  }

  echo(ping, type) {
    const view = new DataView(ping.buffer.slice(0));
    view.setUint8(0, type);
    this.send(view);
  }

  /** Sends unless the channel is closed or congested; an input that is skipped rides in the next packets, if there is room. */
  send(view) {
    if (this.channel.readyState !== "open" || this.channel.bufferedAmount > BUFFERED_MAX) {
      this.counters.skipped++;
      return false;
    }
    this.counters.sent++;
    this.counters.bytesSent += view.byteLength;
    this.channel.send(new Uint8Array(view.buffer));
    return true;
  }
}
