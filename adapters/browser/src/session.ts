// A session: the state machine in WebAssembly, in a memory of its own. No socket, no timer, no clock but the default of `now`.

import { type Abi, Code, DATAGRAM_MAX, FIELD, HEALTH, NOBODY, UNKNOWN } from "./abi.js";
import { DEFAULTS, TEXTS } from "./generated.js";

export type Wire = "compact" | "classic";
export type InputSize = 1 | 2 | 4 | 8 | 16;
export type Health = (typeof HEALTH)[number] | "other";
export type Field = (typeof FIELD)[number] | "other";

/** The settings of a session; times in milliseconds. Those marked (=) must be the same at every end. */
export interface Options {
  /** (=) Random for each game; signalling carries it. */
  session: bigint;
  /** Ours, 0 to 65,535, different at every end. */
  player: number;
  /** (=) Bytes of an input; 1 unless set. */
  inputSize?: InputSize;
  /** (=) A shared secret of 16 bytes. */
  key?: Uint8Array;
  /** Grows each time this end starts anew within one session id; seconds since 1970 unless set. */
  incarnation?: number;
  /** (=) The frame that the first push gets. */
  firstFrame?: number;
  /** (=) Time between two frames; 1000 / 60 unless set. */
  frameInterval?: number;
  pingInterval?: number;
  interruptAfter?: number;
  disconnectAfter?: number;
  warningLatency?: number;
  criticalLatency?: number;
  /** Inputs in each datagram of the classic wire, 1 to 15. */
  redundancy?: number;
  earlyCopies?: boolean;
}

export interface Peer {
  player: number;
  /** "compact" unless set. "classic" carries inputs of one byte. */
  wire?: Wire;
  incarnation?: number;
}

export type Event =
  | { kind: "input"; peer: number; frame: number; input: Uint8Array }
  | { kind: "health"; peer: number; health: Health; silence: number }
  | { kind: "stall"; duration: number }
  | { kind: "lost"; peer: number; first: number; count: number }
  | { kind: "desync"; peer: number; frame: number; ours: bigint; theirs: bigint }
  | { kind: "mismatch"; peer: number; field: Field; ours: bigint; theirs: bigint }
  | { kind: "peerAhead"; peer: number; epoch: number }
  | { kind: "connected" | "flushed" | "conflict" | "restarted" | "outOfStep" | "left"; peer: number }
  | { kind: "other" };

/** What is known of a peer; times in milliseconds, undefined while not known. */
export interface Stats {
  rtt: { latest: number; min: number; mean: number; median: number; smoothed: number; variation: number } | undefined;
  latency: number | undefined;
  jitter: number | undefined;
  silence: number | undefined;
  longestSilence: number | undefined;
  inboundLost: number | undefined;
  lostInputs: number;
  packetsReceived: number;
  bytesReceived: number;
  packetsSent: number;
  bytesSent: number;
  health: Health;
  unacked: number;
  window: number;
  gaps: number;
  duplicates: number;
  conflicts: number;
  refused: number;
}

/** A call that makes no sense, in the words of the core: what is wrong, and what to do. */
export class InputwireError extends Error {
  override readonly name = "InputwireError";
  constructor(readonly status: number, text: string) {
    super(text);
  }
}

const modules = new Map<string, Promise<WebAssembly.Module>>();

/** Compiles the machine for inputs of a size, once. */
function load(input: InputSize): Promise<WebAssembly.Module> {
  const url = new URL(`./inputwire-${input}.wasm`, import.meta.url).href;
  const loading = modules.get(url) ?? fetch(url).then(async (response) => {
    if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
    return WebAssembly.compile(await response.arrayBuffer());
  });
  modules.set(url, loading);
  loading.catch(() => modules.delete(url));
  return loading;
}

// Where things lie behind the heap base: a buffer for datagrams, what is answered, two numbers more, the session.
const OUT = DATAGRAM_MAX;
const FIRST = OUT + 512;
const SECOND = FIRST + 8;
const SESSION = FIRST + 64;
const PEERS = 3;

export class Session {
  /** Called after every call that may have left something to be sent; `attach` sets it. */
  onwork: (() => void) | undefined;
  /** Takes the events that an attached channel brings; without it, poll them yourself. */
  onevent: ((event: Event) => void) | undefined;

  readonly #abi: Abi;
  readonly #at: number;
  readonly #size: InputSize;
  #view: DataView;

  /** Sets a session up. `machine` is for where `fetch` cannot load the module that lies beside this file. */
  static async create(options: Options, machine?: WebAssembly.Module | BufferSource): Promise<Session> {
    const size = options.inputSize ?? 1;
    const module = machine === undefined ? await load(size)
      : machine instanceof WebAssembly.Module ? machine : await WebAssembly.compile(machine);
    return new Session(await WebAssembly.instantiate(module), options, size);
  }

  private constructor(instance: WebAssembly.Instance, options: Options, size: InputSize) {
    const abi = (this.#abi = instance.exports as unknown as Abi);
    this.#size = size;
    this.#at = (Number(abi.__heap_base.value) + 15) & ~15;
    const length = abi.iw_session_size(PEERS, size);
    const missing = this.#at + SESSION + length - abi.memory.buffer.byteLength;
    if (missing > 0) abi.memory.grow(Math.ceil(missing / 65_536));
    const view = (this.#view = new DataView(abi.memory.buffer));
    const config = this.#at + OUT;
    new Uint8Array(view.buffer, config, DEFAULTS.length).set(DEFAULTS);
    view.setBigUint64(config, options.session, true);
    if (options.key !== undefined) {
      if (options.key.length !== 16) throw new RangeError("a key has 16 bytes");
      new Uint8Array(view.buffer, config + 8, 16).set(options.key);
    }
    const set = (at: number, value: number | undefined) => {
      if (value !== undefined) view.setUint32(config + at, value, true);
    };
    const ms = (at: number, value: number | undefined) => set(at, value === undefined ? value : Math.round(value * 1000));
    set(24, options.player);
    set(28, options.incarnation ?? Math.floor(Date.now() / 1000));
    set(32, options.firstFrame);
    ms(36, options.frameInterval);
    ms(40, options.pingInterval);
    ms(44, options.interruptAfter);
    ms(48, options.disconnectAfter);
    ms(52, options.warningLatency);
    ms(56, options.criticalLatency);
    set(64, options.redundancy);
    set(68, Number(options.earlyCopies ?? false));
    set(72, Number(options.key !== undefined));
    const memory = this.#at + SESSION;
    this.#check(abi.iw_session_init(memory, length, PEERS, size, config, this.#at + FIRST));
    new Uint8Array(view.buffer, config + 8, 16).fill(0);
  }

  /** Adds a peer whose channel is open or will be attached next, and gives its number. */
  addPeer(peer: Peer, now = performance.now()): number {
    const wire = peer.wire === "classic" ? 1 : 0;
    const { player, incarnation } = peer;
    this.#check(this.#abi.iw_add_peer(this.#session, us(now), wire, player, incarnation ?? 0, this.#at + FIRST));
    return this.#first();
  }

  closePeer(peer: number, now = performance.now()): void {
    this.#do(this.#abi.iw_close_peer(this.#session, us(now), peer));
  }

  openPeer(peer: number, now = performance.now()): void {
    this.#do(this.#abi.iw_open_peer(this.#session, us(now), peer));
  }

  removePeer(peer: number, now = performance.now()): void {
    this.#do(this.#abi.iw_remove_peer(this.#session, us(now), peer));
  }

  /** Records our input of the next frame; `waitingFor` is the peer that has not yet acknowledged enough. */
  push(input: Uint8Array, now = performance.now()): { frame: number } | { waitingFor: number } {
    this.#put(input);
    const [first, second] = [this.#at + FIRST, this.#at + SECOND];
    const status = this.#abi.iw_push_input(this.#session, us(now), this.#at, input.length, first, second);
    if (status === Code.windowFull) return { waitingFor: this.#view.getUint32(second, true) };
    const frame = this.#view.getUint32(first, true);
    this.#do(status);
    return { frame };
  }

  /** Records a hash of our state after a frame; false when a peer has not yet acknowledged the oldest. Compact wire only. */
  pushChecksum(frame: number, hash: bigint, now = performance.now()): boolean {
    const status = this.#abi.iw_push_checksum(this.#session, us(now), frame, hash, this.#at + FIRST);
    if (status === Code.checksumsFull) return false;
    this.#do(status);
    return true;
  }

  beginEpoch(epoch: number, now = performance.now()): void {
    this.#do(this.#abi.iw_begin_epoch(this.#session, us(now), epoch));
  }

  leave(now = performance.now()): void {
    this.#do(this.#abi.iw_leave(this.#session, us(now)));
  }

  /** Takes what came from a peer. "game": a message of the classic game, not for us. */
  handleDatagram(from: number, datagram: Uint8Array, now = performance.now()): "taken" | "game" | "refused" {
    this.#put(datagram);
    const status = this.#abi.iw_handle_datagram(this.#session, us(now), from, this.#at, datagram.length);
    if (status === Code.gameMessage) return "game";
    if (status <= Code.refused) return "refused";
    this.#check(status);
    return "taken";
  }

  handleTimeout(now = performance.now()): void {
    this.#check(this.#abi.iw_handle_timeout(this.#session, us(now)));
  }

  /** The next datagram to send. A channel that is congested is not polled for. */
  pollTransmit(): { peer: number; datagram: Uint8Array<ArrayBuffer> } | undefined {
    const [first, second] = [this.#at + FIRST, this.#at + SECOND];
    if (!this.#some(this.#abi.iw_poll_transmit(this.#session, this.#at, DATAGRAM_MAX, first, second))) return undefined;
    return { peer: this.#view.getUint32(second, true), datagram: this.#bytes(this.#at, this.#first()) };
  }

  /** When to call `handleTimeout` next. */
  pollTimeout(): number | undefined {
    if (!this.#some(this.#abi.iw_poll_timeout(this.#session, this.#at + FIRST))) return undefined;
    return Number(this.#view.getBigUint64(this.#at + FIRST, true)) / 1000;
  }

  /** The next thing to tell. Inputs that are not taken are not acknowledged. */
  pollEvent(): Event | undefined {
    const at = this.#at + OUT;
    if (!this.#some(this.#abi.iw_poll_event(this.#session, at))) return undefined;
    const [kind, peer, frame, count, value, length] = [0, 4, 8, 12, 16, 20].map((place) => this.#u32(at + place));
    return this.#event(kind!, peer!, frame!, count!, value!, this.#bytes(at + 48, length!));
  }

  /** The frame that the next push gets. */
  get nextFrame(): number {
    this.#check(this.#abi.iw_next_frame(this.#session, this.#at + FIRST));
    return this.#first();
  }

  /** The newest frame known from everybody. */
  get confirmed(): number | undefined {
    return this.#some(this.#abi.iw_confirmed(this.#session, this.#at + FIRST)) ? this.#first() : undefined;
  }

  /** Our input of a frame, while it is in the window. */
  ownInput(frame: number): Uint8Array<ArrayBuffer> | undefined {
    const status = this.#abi.iw_own_input(this.#session, frame, this.#at + OUT, this.#size);
    return this.#some(status) ? this.#bytes(this.#at + OUT, this.#size) : undefined;
  }

  /** A peer's input of a frame, while it is in the window. */
  input(peer: number, frame: number): Uint8Array<ArrayBuffer> | undefined {
    const status = this.#abi.iw_input(this.#session, peer, frame, this.#at + OUT, this.#size);
    return this.#some(status) ? this.#bytes(this.#at + OUT, this.#size) : undefined;
  }

  /** How far ahead of a peer we play, in frames, and by which factor to stretch the frame interval. */
  pace(peer: number): { lead: number; stretch: number } | undefined {
    const at = this.#at + OUT;
    if (!this.#some(this.#abi.iw_peer_pace(this.#session, peer, at))) return undefined;
    return { lead: this.#view.getInt32(at, true) / 1e3, stretch: 1 + this.#view.getInt32(at + 4, true) / 1e6 };
  }

  /** How many frames of input delay would hide latency and jitter of a peer. */
  suggestedDelay(peer: number): number | undefined {
    return this.#some(this.#abi.iw_suggested_delay(this.#session, peer, this.#at + FIRST)) ? this.#first() : undefined;
  }

  stats(peer: number): Stats | undefined {
    const at = this.#at + OUT;
    if (!this.#some(this.#abi.iw_peer_stats(this.#session, peer, at))) return undefined;
    const count = (place: number) => Number(this.#view.getBigUint64(at + place, true));
    const maybe = (place: number, scale: number) =>
      this.#view.getBigUint64(at + place, true) === UNKNOWN ? undefined : count(place) / scale;
    const [latest, min, mean, median, smoothed, variation] = [8, 16, 24, 32, 40, 48].map((place) => maybe(place, 1e3));
    let refused = 0;
    for (let place = 160; place < 288; place += 4) refused += this.#u32(at + place);
    return {
      rtt: latest === undefined ? undefined
        : { latest, min: min!, mean: mean!, median: median!, smoothed: smoothed!, variation: variation! },
      latency: maybe(56, 1e3), jitter: maybe(64, 1e3), silence: maybe(72, 1e3), longestSilence: maybe(80, 1e3),
      inboundLost: maybe(88, 1), lostInputs: count(96),
      packetsReceived: count(104), bytesReceived: count(112), packetsSent: count(120), bytesSent: count(128),
      health: HEALTH[this.#u32(at + 136)] ?? "other", unacked: this.#u32(at + 140), window: this.#u32(at + 144),
      gaps: this.#u32(at + 148), duplicates: this.#u32(at + 152), conflicts: this.#u32(at + 156), refused,
    };
  }

  #event(kind: number, peer: number, frame: number, count: number, value: number, input: Uint8Array): Event {
    const at = this.#at + OUT;
    const [ours, theirs] = [this.#view.getBigUint64(at + 24, true), this.#view.getBigUint64(at + 32, true)];
    const duration = Number(this.#view.getBigUint64(at + 40, true)) / 1000;
    const plain = ["connected", "flushed", "conflict", "restarted", "outOfStep", "left"] as const;
    switch (kind) {
      case 0: return { kind: "input", peer, frame, input };
      case 2: return { kind: "health", peer, health: HEALTH[value] ?? "other", silence: duration };
      case 3: return { kind: "stall", duration };
      case 5: return { kind: "desync", peer, frame, ours, theirs };
      case 6: return { kind: "lost", peer, first: frame, count };
      case 8: return { kind: "mismatch", peer, field: FIELD[value] ?? "other", ours, theirs };
      case 9: return { kind: "peerAhead", peer, epoch: value };
    }
    const which = plain[[1, 4, 7, 10, 11, 12].indexOf(kind)];
    return which === undefined || peer === NOBODY ? { kind: "other" } : { kind: which, peer };
  }

  get #session(): number {
    return this.#at + SESSION;
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  #first(): number {
    return this.#u32(this.#at + FIRST);
  }

  /** A copy: what lies here is overwritten by the next call. */
  #bytes(at: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#view.buffer.slice(at, at + length) as ArrayBuffer);
  }

  /** What is longer than a datagram is refused by its length alone. */
  #put(bytes: Uint8Array): void {
    new Uint8Array(this.#view.buffer, this.#at, DATAGRAM_MAX).set(bytes.subarray(0, DATAGRAM_MAX));
  }

  #some(status: number): boolean {
    this.#check(status);
    return status !== Code.none;
  }

  #do(status: number): void {
    this.#check(status);
    this.onwork?.();
  }

  #check(status: number): void {
    if (status < Code.done) throw new InputwireError(status, TEXTS[status] ?? `status ${status}`);
  }
}

function us(milliseconds: number): bigint {
  return BigInt(Math.max(0, Math.floor(milliseconds * 1000)));
}
