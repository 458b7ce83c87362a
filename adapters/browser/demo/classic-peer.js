// The classic wire, written from docs/PROTOCOL.md section 2 alone: no WebAssembly, no inputwire. With each push it sends the
// last 3 inputs. It responds to pings and requests, and requests inputs that are missing.

const INPUT = 0x01;
const PING = 0x02;
const PONG = 0x03;
const VALIDATION_PING = 0x10;
const VALIDATION_PONG = 0x11;
const INPUT_REQUEST = 0x12;
const INPUT_RESPONSE = 0x13;

const WINDOW = 120;
const REDUNDANCY = 3;
const PING_INTERVAL = 500;
const BUFFERED_MAX = 16_384;

export class ClassicPeer {
  /** Calls `input(frame, action)` once for each frame of the peer, in order of arrival, and `lost(frame)` for each that can no longer arrive.
   * `repairs: false` is for the first versions of the original, which neither request inputs nor respond to requests. */
  constructor({ player, peer, channel, input, repairs = true, lost = () => {}, validated = () => {}, now = () => performance.now() }) {
    Object.assign(this, { player, peer, input, repairs, lost, validated, now });
    this.localInputs = new Map();
    this.nextFrame = 0;
    this.remoteInputs = new Map();
    this.end = 0; // one more than the latest frame received
    this.pings = new Map();
    this.rtts = [];
    this.requestedAt = -Infinity;
    this.counters = { sent: 0, bytesSent: 0, received: 0, lost: 0 };
    this.attach(channel);
  }

  attach(channel) {
    this.detach();
    this.channel = channel;
    channel.binaryType = "arraybuffer";
    this.listening = new AbortController();
    const { signal } = this.listening;
    const start = () => {
      this.ping(PING);
      this.timer = setInterval(() => this.ping(PING), PING_INTERVAL);
    };
    channel.addEventListener("open", start, { signal });
    channel.addEventListener("close", () => clearInterval(this.timer), { signal });
    channel.addEventListener("message", ({ data }) => data instanceof ArrayBuffer && this.receive(new DataView(data)), { signal });
    if (channel.readyState === "open") start();
  }

  detach() {
    this.listening?.abort();
    clearInterval(this.timer);
  }

  close() {
    this.detach();
  }

  /** The frames of the window that are missing and will not be repeated unrequested. */
  missing() {
    const frames = [];
    for (let frame = Math.max(0, this.end - WINDOW); frame < this.end - REDUNDANCY; frame++) {
      if (!this.remoteInputs.has(frame)) frames.push(frame);
    }
    return frames;
  }

  get rtt() {
    return this.rtts.length === 0 ? undefined : this.rtts.reduce((sum, rtt) => sum + rtt, 0) / this.rtts.length;
  }

  push(action) {
    const current = this.nextFrame++;
    this.localInputs.set(current, action);
    this.localInputs.delete(current - WINDOW);
    const frames = [];
    for (let frame = Math.max(0, current - REDUNDANCY + 1); frame <= current; frame++) frames.push(frame);
    const view = new DataView(new ArrayBuffer(9 + 5 * frames.length));
    view.setUint8(0, INPUT);
    view.setUint16(1, this.player);
    view.setUint32(3, current);
    view.setUint8(7, frames.length);
    this.writeInputs(view, 9, frames);
    this.send(view);
    return current;
  }

  validate() {
    this.ping(VALIDATION_PING);
  }

  ping(type) {
    const view = new DataView(new ArrayBuffer(9));
    view.setUint8(0, type);
    view.setFloat64(1, this.now());
    if (type === PING) {
      this.pings.set(view.getBigUint64(1), this.now());
      if (this.pings.size > 8) this.pings.delete(this.pings.keys().next().value);
    }
    this.send(view);
  }

  receive(view) {
    if (view.byteLength === 0) return;
    const type = view.getUint8(0);
    const length = view.byteLength;
    if (type === INPUT && length >= 9 && length === 9 + 5 * view.getUint8(7)) this.takeInputs(view, 9);
    else if (type === INPUT_RESPONSE && length >= 5 && length === 5 + 5 * view.getUint16(3)) this.takeInputs(view, 5);
    else if ((type === PING || type === VALIDATION_PING) && length === 9) this.echo(view, type === PING ? PONG : VALIDATION_PONG);
    else if (type === PONG && length === 9) this.takePong(view);
    else if (type === VALIDATION_PONG && length === 9) this.validated(this.now() - view.getFloat64(1));
    else if (type === INPUT_REQUEST && length === 9) this.sendResponse(view.getUint32(1), view.getUint32(5));
    else return;
    this.counters.received++;
    this.requestMissing();
  }

  takeInputs(view, start) {
    if (view.getUint16(1) !== this.peer) return;
    for (let at = start; at < view.byteLength; at += 5) {
      const frame = view.getUint32(at);
      if (frame < this.end - WINDOW || this.remoteInputs.has(frame)) continue; // too old, or a duplicate: the first one stays
      if (frame >= this.end + WINDOW) return; // too far ahead
      while (this.end <= frame) {
        const oldest = this.end++ - WINDOW;
        if (oldest < 0 || this.remoteInputs.delete(oldest)) continue;
        this.counters.lost++;
        this.lost(oldest);
      }
      this.remoteInputs.set(frame, view.getUint8(at + 4));
      this.input(frame, view.getUint8(at + 4));
    }
  }

  requestMissing() {
    const missing = this.repairs ? this.missing() : [];
    if (missing.length === 0 || this.now() - this.requestedAt < Math.max(17, this.rtt ?? PING_INTERVAL)) return;
    this.requestedAt = this.now();
    const view = new DataView(new ArrayBuffer(9));
    view.setUint8(0, INPUT_REQUEST);
    view.setUint32(1, missing[0]);
    view.setUint32(5, missing.at(-1));
    this.send(view);
  }

  sendResponse(first, last) {
    const frames = [...this.localInputs.keys()].filter((frame) => frame >= first && frame <= last);
    if (frames.length === 0 || !this.repairs) return;
    const view = new DataView(new ArrayBuffer(5 + 5 * frames.length));
    view.setUint8(0, INPUT_RESPONSE);
    view.setUint16(1, this.player);
    view.setUint16(3, frames.length);
    this.writeInputs(view, 5, frames);
    this.send(view);
  }

  writeInputs(view, at, frames) {
    for (const frame of frames) {
      view.setUint32(at, frame);
      view.setUint8(at + 4, this.localInputs.get(frame));
      at += 5;
    }
  }

  echo(ping, type) {
    const view = new DataView(ping.buffer.slice(0));
    view.setUint8(0, type);
    this.send(view);
  }

  takePong(view) {
    const at = this.pings.get(view.getBigUint64(1));
    if (at === undefined) return;
    this.pings.delete(view.getBigUint64(1));
    this.rtts.push(this.now() - at);
    if (this.rtts.length > 10) this.rtts.shift();
  }

  send(view) {
    if (this.channel.readyState !== "open" || this.channel.bufferedAmount > BUFFERED_MAX) return;
    this.counters.sent++;
    this.counters.bytesSent += view.byteLength;
    this.channel.send(new Uint8Array(view.buffer));
  }
}
