// A session: the state machine in WebAssembly, with a memory of its own. It has no socket and no timer, and reads the clock only for the default of `now`.

import { type Abi, Code, MAX_DATAGRAM_SIZE, FIELD, HEALTH, NO_FRAME, NO_MARGIN, NO_PEER, UNKNOWN } from "./abi.js";
import { DEFAULTS, TEXTS } from "./generated.js";
import { drawIncarnation } from "./incarnation.js";

export type Wire = "compact" | "classic";
export type InputLength = 1 | 2 | 4 | 8 | 16;
export type Health = (typeof HEALTH)[number] | "other";
export type Field = (typeof FIELD)[number] | "other";

/** The settings of a session; times in milliseconds. Those marked (=) must be the same at every endpoint. */
export interface Options {
  /** (=) Random for each game; signalling carries it. */
  sessionId: bigint;
  /** The local player number, 0 to 65,535, different at every endpoint. */
  localPlayer: number;
  /** (=) The length of an input in bytes; 1 unless set. */
  inputLength?: InputLength;
  /** (=) A shared secret of 16 bytes. */
  key?: Uint8Array;
  /** (=) With a key: inputs and checksums carry four of the eight bytes of their tags. */
  shortTags?: boolean;
  /** The number of this run: 64 random bits, never used twice. Drawn with `crypto.getRandomValues` unless set. */
  incarnation?: bigint;
  /** (=) The frame that the first push gets. */
  firstFrame?: number;
  /** (=) Time between two frames; 1000 / 60 unless set. */
  frameInterval?: number;
  pingInterval?: number;
  interruptAfter?: number;
  disconnectAfter?: number;
  warningLatency?: number;
  criticalLatency?: number;
  /** Inputs in each datagram of the classic wire, 1 to 15; more where more have never been sent. */
  redundancy?: number;
  earlyCopies?: boolean;
  /**
   * (=) Whether every endpoint is a peer of every other one, so that the survivors of a player agree on its last input; true unless
   * set. False for a server and its clients: a peer that is disconnected has departed at once there.
   */
  mesh?: boolean;
  /** How many frames pushes may be ahead of each peer's latest known input; no limit unless set. */
  maxLead?: number;
}

export interface PeerOptions {
  player: number;
  /** "compact" unless set. "classic" carries inputs of one byte. */
  wire?: Wire;
  /** The peer's incarnation, where signalling carried it. */
  incarnation?: bigint;
  /** A secret of 16 bytes for this pair alone, instead of the session's. */
  key?: Uint8Array;
  /**
   * The frame from which a player takes part that joins late or comes back, on the compact wire: the same at every endpoint, and at
   * least 2 above every frame that any of them has pushed. Whoever joins adds every peer from it before its first push, which gets
   * this frame.
   */
  from?: number;
  /**
   * By how many frames local inputs should arrive early, 0 to 250, at a server that does not wait for them. Compact wire only. `pace`
   * then keeps this `margin`, instead of keeping up with the peer's game.
   */
  targetMargin?: number;
}

/** Whether a peer still plays: `end` is the frame after its latest input that is known here, `last` that of its last one, if it has any. */
export type Departure =
  | { kind: "present" }
  | { kind: "departing"; end: number }
  | { kind: "departed"; last: number | undefined }
  | { kind: "other" };

export type Event =
  | { kind: "input"; peer: number; frame: number; input: Uint8Array }
  | { kind: "health"; peer: number; health: Health; silence: number }
  | { kind: "localStall"; duration: number }
  | { kind: "lost"; peer: number; first: number; count: number }
  | { kind: "desync"; peer: number; frame: number; local: bigint; remote: bigint }
  | { kind: "mismatch"; peer: number; field: Field; local: bigint; remote: bigint }
  | { kind: "epochAhead"; peer: number; epoch: number }
  | { kind: "peerClosed"; peer: number; epoch: number; end: number }
  | { kind: "wrongPlayers"; peer: number; sender: number; receiver: number }
  /** A survivor told that the local player was disconnected: this session is closed. Who comes back creates a new one. */
  | { kind: "dropped"; by: number }
  /** Nothing more is taken of the peer: the peer `by` told that it has left, or it said goodbye under a key, or joined too late. */
  | { kind: "departing"; peer: number; by: number | undefined }
  /** The peer has left, and every survivor has the same inputs of it, the last one that of `last`. Comes after them. */
  | { kind: "departed"; peer: number; last: number | undefined }
  | { kind: (typeof PLAIN)[number]; peer: number }
  | { kind: "other" };

/** In the order of their numbers in the C interface. */
const WIRES: readonly Wire[] = ["compact", "classic"];

/** The events without further values, and their numbers in the C interface. */
const PLAIN = ["connected", "flushed", "conflict", "restarted", "outOfSync", "secondRun", "replaced", "unreadable"] as const;
const PLAIN_NUMBERS = [1, 4, 7, 10, 11, 13, 14, 15];

/** A snapshot of a peer's statistics; times in milliseconds, undefined until there is a value. */
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
  missing: number;
  duplicates: number;
  conflicts: number;
  /** Datagrams refused; messages of the game do not count. */
  refused: number;
  /** How early the local inputs come to the peer, as `margin` returns it. */
  margin: number | undefined;
}

/** Whether a session could play with the sender of a hello, or why not; `text` says what to do. */
export type Fit =
  | { kind: "fits" }
  | { kind: "refused"; text: string }
  | { kind: "otherPlayer"; text: string }
  | { kind: "mismatch"; text: string; field: Field; local: number; remote: number };

/** A refused call. The message says what is wrong and what to do. */
export class InputwireError extends Error {
  override readonly name = "InputwireError";
  constructor(readonly status: number, text: string) {
    super(text);
  }
}

// The memory from the heap base on: a buffer for datagrams and inputs, a buffer for structs, two numbers, the session.
const OUT = MAX_DATAGRAM_SIZE;
const CONFIG = OUT + 384; // the settings, behind the longest struct
const CONFIG_LENGTH = 96;
const FIRST = OUT + 512;
const SECOND = FIRST + 8;
const SESSION = FIRST + 64;
const MAX_PEERS = 3;
/** How many pushes may wait behind a jump. */
const MAX_WAITING = 240;

export class Session {
  /** Called after every call that may have made a datagram due; `attach` sets it. */
  onwork: (() => void) | undefined;
  /** Receives the events of an attached session. Without it, poll them yourself. */
  onevent: ((event: Event) => void) | undefined;

  readonly #abi: Abi;
  readonly #at: number;
  readonly #inputLength: InputLength;
  #view: DataView;
  readonly #peers = new Map<number, Wire>();
  /** After a jump: one input for each frame before `end`, then for those before the next `end`, until the windows have room. */
  #waiting: { end: number; input: Uint8Array }[] = [];
  #isFilling = false;

  /** Creates a session from the module for inputs of its length. The entries of the package do so: `Session.create`. */
  constructor(module: WebAssembly.Module, options: Options) {
    const inputLength = options.inputLength ?? 1;
    const abi = (this.#abi = new WebAssembly.Instance(module).exports as unknown as Abi);
    this.#inputLength = inputLength;
    this.#at = (Number(abi.__heap_base.value) + 15) & ~15;
    const length = abi.iw_session_size(MAX_PEERS, inputLength);
    const missing = this.#at + SESSION + length - abi.memory.buffer.byteLength;
    if (missing > 0) abi.memory.grow(Math.ceil(missing / 65_536));
    const view = (this.#view = new DataView(abi.memory.buffer));
    const config = this.#at + CONFIG;
    new Uint8Array(view.buffer, config, DEFAULTS.length).set(DEFAULTS);
    view.setBigUint64(config, u64("sessionId", options.sessionId), true);
    view.setBigUint64(config + 8, u64("incarnation", options.incarnation ?? drawIncarnation()), true);
    if (options.key !== undefined) this.#putKey(config + 16, options.key);
    const put = (at: number, value: number) => view.setUint32(config + at, value, true);
    const set = (at: number, name: "firstFrame" | "redundancy" | "maxLead") => {
      const value = options[name];
      if (value !== undefined) put(at, u32(name, value));
    };
    const ms = (
      at: number,
      name: "frameInterval" | "pingInterval" | "interruptAfter" | "disconnectAfter" | "warningLatency" | "criticalLatency",
    ) => {
      const value = options[name];
      if (value !== undefined) put(at, u32(`${name} in microseconds`, Math.round(value * 1000)));
    };
    put(32, u32("localPlayer", options.localPlayer));
    set(36, "firstFrame");
    ms(40, "frameInterval");
    ms(44, "pingInterval");
    ms(48, "interruptAfter");
    ms(52, "disconnectAfter");
    ms(56, "warningLatency");
    ms(60, "criticalLatency");
    set(68, "redundancy");
    put(72, Number(options.earlyCopies ?? false));
    put(76, Number(options.key !== undefined));
    put(80, Number(options.shortTags ?? false));
    put(84, Number(options.mesh ?? true));
    set(88, "maxLead");
    const memory = this.#at + SESSION;
    this.#check(abi.iw_session_init(memory, length, MAX_PEERS, inputLength, config, this.#at + FIRST));
  }

  /** Adds a peer whose channel is open or will be attached next, and returns its number. */
  addPeer(peer: PeerOptions, now = performance.now()): number {
    const { player, incarnation = 0n, key, from = NO_FRAME, targetMargin = NO_MARGIN } = peer;
    const [config, wire, hasKey] = [this.#at + OUT, WIRES.indexOf(peer.wire ?? "compact"), Number(key !== undefined)];
    if (wire < 0) throw new RangeError(`a wire is "compact" or "classic", not ${peer.wire}`);
    this.#view.setBigUint64(config, u64("incarnation", incarnation), true);
    [hasKey, u32("player", player), wire, u32("from", from), u32("targetMargin", targetMargin), 0]
      .forEach((value, index) => this.#view.setUint32(config + 24 + 4 * index, value, true));
    if (key !== undefined) this.#putKey(config + 8, key);
    const status = this.#abi.iw_session_add_peer_with(this.#session, us(now), config, this.#at + FIRST);
    new Uint8Array(this.#view.buffer, config + 8, 16).fill(0);
    this.#check(status);
    const added = this.#first();
    this.#peers.set(added, peer.wire ?? "compact");
    return added;
  }

  /**
   * Takes nothing more of a peer. All survivors of a mesh agree on its last input, and each gets every input that one of them has; then
   * "departed" is reported. Until then it holds the window where it does. Where only two play, it has departed at once. If it plays
   * on, it is "dropped": so that two who lose each other do not both go, the one with the greater player number waits 200 ms longer.
   */
  disconnectPeer(peer: number, now = performance.now()): void {
    this.#do(this.#abi.iw_session_disconnect_peer(this.#session, us(now), peer));
  }

  /**
   * Removes a peer. One that is added later meets a new run of this endpoint. With three players and more, `disconnectPeer` comes first,
   * and this once `departuresSettled`, at every endpoint: what others lack of the peer goes with it.
   */
  removePeer(peer: number, now = performance.now()): void {
    this.#peers.delete(peer);
    this.#do(this.#abi.iw_session_remove_peer(this.#session, us(now), peer));
  }

  /** The wire of a peer, while there is this peer. */
  wireOf(peer: number): Wire | undefined {
    return this.#peers.get(peer);
  }

  /**
   * Records the local input of the next frame. While the window is full, `waitingFor` is the peer whose acknowledgement is missing; at
   * `maxLead`, the one whose inputs are.
   */
  pushInput(input: Uint8Array, now = performance.now()): { frame: number } | { waitingFor: number } {
    if (input.length !== this.#inputLength) this.#check(Code.wrongInputLength);
    if (this.#waiting.length > 0) {
      const frame = this.nextFrame;
      if (this.#waiting.length >= MAX_WAITING) return { waitingFor: this.#slowest() };
      this.#waiting.push({ end: frame + 1, input: input.slice() });
      this.#fill(now);
      return { frame };
    }
    this.#put(input);
    const [first, second] = [this.#at + FIRST, this.#at + SECOND];
    const status = this.#abi.iw_session_push_input(this.#session, us(now), this.#at, input.length, first, second);
    if (status === Code.windowFull || status === Code.tooFarAhead) return { waitingFor: this.#view.getUint32(second, true) };
    const frame = this.#view.getUint32(first, true);
    this.#do(status);
    return { frame };
  }

  /**
   * Jumps ahead, after a pause: every frame before `frame` gets this input, and the next push gets `frame`. Peers get each of them,
   * many in a datagram. Those that the windows have no room for yet follow by themselves, and pushes queue behind them.
   */
  skipTo(frame: number, input: Uint8Array, now = performance.now()): void {
    if (input.length !== this.#inputLength) this.#check(Code.wrongInputLength);
    if (u32("frame", frame) <= this.nextFrame) return;
    this.#waiting.push({ end: frame, input: input.slice() });
    this.#fill(now);
  }

  /** Records a hash of the local state after a frame that is confirmed, for the compact wire; false while a peer has not acknowledged the oldest. */
  pushChecksum(frame: number, hash: bigint, now = performance.now()): boolean {
    const status = this.#abi.iw_session_push_checksum(this.#session, us(now), u32("frame", frame), hash, this.#at + FIRST);
    if (status === Code.checksumsFull) return false;
    this.#do(status);
    return true;
  }

  /** Tells for how many frames the game holds local inputs back, at the start and whenever that changes, so that `pace` does not take a delay for a lead. */
  setInputDelay(frames: number): void {
    this.#check(this.#abi.iw_session_set_input_delay(this.#session, u32("frames", frames)));
  }

  beginEpoch(epoch: number, now = performance.now()): void {
    this.#check(this.#abi.iw_session_begin_epoch(this.#session, us(now), u32("epoch", epoch)));
    this.#waiting = [];
    this.onwork?.();
  }

  /**
   * Closes the session for good. On the compact wire, what is unacknowledged is delivered, for 2 s at most, then goodbyes are
   * sent: keep the channels until `isClosed`. What still waits behind a jump is dropped. Who comes back creates a new session.
   */
  close(now = performance.now()): void {
    this.#check(this.#abi.iw_session_close(this.#session, us(now)));
    this.#waiting = []; // a closed session would refuse it at each datagram, and never send its goodbyes
    this.onwork?.();
  }

  /** Handles a datagram received from a peer. "game": its first byte belongs to no message of the wire, so it is the game's. */
  handleDatagram(from: number, datagram: Uint8Array, now = performance.now()): "accepted" | "game" | "refused" {
    this.#put(datagram);
    const status = this.#abi.iw_session_handle_datagram(this.#session, us(now), from, this.#at, datagram.length);
    if (status === Code.gameMessage || status === Code.unknownType) return "game";
    if (status <= Code.refused) return "refused";
    this.#check(status);
    this.#fill(now);
    return "accepted";
  }

  handleTimeout(now = performance.now()): void {
    this.#check(this.#abi.iw_session_handle_timeout(this.#session, us(now)));
    this.#fill(now);
  }

  handleTransportClosed(peer: number, now = performance.now()): void {
    this.#do(this.#abi.iw_session_handle_transport_closed(this.#session, us(now), peer));
  }

  handleTransportOpened(peer: number, now = performance.now()): void {
    this.#do(this.#abi.iw_session_handle_transport_opened(this.#session, us(now), peer));
  }

  /** Returns the next datagram to send, to this peer or to any. Do not poll while its channel is congested. */
  pollTransmit(peer?: number): { peer: number; datagram: Uint8Array<ArrayBuffer> } | undefined {
    const abi = this.#abi;
    const [first, second] = [this.#at + FIRST, this.#at + SECOND];
    const status = peer === undefined ? abi.iw_session_poll_transmit(this.#session, this.#at, MAX_DATAGRAM_SIZE, first, second)
      : abi.iw_session_poll_transmit_to(this.#session, peer, this.#at, MAX_DATAGRAM_SIZE, first);
    if (!this.#some(status)) return undefined;
    return { peer: peer ?? this.#view.getUint32(second, true), datagram: this.#bytes(this.#at, this.#first()) };
  }

  /** Returns when to call `handleTimeout` next. */
  pollTimeout(): number | undefined {
    if (!this.#some(this.#abi.iw_session_poll_timeout(this.#session, this.#at + FIRST))) return undefined;
    return Number(this.#view.getBigUint64(this.#at + FIRST, true)) / 1000;
  }

  /** Returns the next event. Inputs are acknowledged once they are polled. */
  pollEvent(): Event | undefined {
    const at = this.#at + OUT;
    if (!this.#some(this.#abi.iw_session_poll_event(this.#session, at))) return undefined;
    const [kind, peer, frame, count, value, length] = [0, 4, 8, 12, 16, 20].map((offset) => this.#u32(at + offset));
    return this.#event(kind!, peer!, frame!, count!, value!, this.#bytes(at + 48, length!));
  }

  /** Whether every peer that left has departed, and every survivor knows what is known here of it. Once it is so everywhere, it can be removed. */
  get departuresSettled(): boolean {
    this.#check(this.#abi.iw_session_departures_settled(this.#session, this.#at + FIRST));
    return this.#first() !== 0;
  }

  /** Whether the session was closed and nothing is left to send. */
  get isClosed(): boolean {
    this.#check(this.#abi.iw_session_is_closed(this.#session, this.#at + FIRST));
    return this.#first() !== 0;
  }

  /** The epoch to begin next: later than the present one and than that of every peer. */
  get nextEpoch(): number | undefined {
    return this.#some(this.#abi.iw_session_next_epoch(this.#session, this.#at + FIRST)) ? this.#first() : undefined;
  }

  /** The incarnation that this endpoint has for the peer that is added next, for signalling. */
  get incarnation(): bigint {
    this.#check(this.#abi.iw_session_incarnation(this.#session, this.#at + FIRST));
    return this.#view.getBigUint64(this.#at + FIRST, true);
  }

  /** The length of an input in bytes. */
  get inputLength(): InputLength {
    return this.#inputLength;
  }

  /** The frame that the next push gets. */
  get nextFrame(): number {
    return this.#waiting.at(-1)?.end ?? this.#reached();
  }

  /** The frame after those that the session has. */
  #reached(): number {
    this.#check(this.#abi.iw_session_next_frame(this.#session, this.#at + FIRST));
    return this.#first();
  }

  /** The last frame up to which the inputs of every player that has not departed are known. */
  get confirmedFrame(): number | undefined {
    return this.#some(this.#abi.iw_session_confirmed_frame(this.#session, this.#at + FIRST)) ? this.#first() : undefined;
  }

  /** Returns the local input of a frame, while it is in the window. */
  localInput(frame: number): Uint8Array | undefined {
    if (this.#waiting.length > 0 && frame >= this.#reached()) return this.#waiting.find(({ end }) => frame < end)?.input.slice();
    const status = this.#abi.iw_session_local_input(this.#session, frame, this.#at + OUT, this.#inputLength);
    return this.#some(status) ? this.#bytes(this.#at + OUT, this.#inputLength) : undefined;
  }

  /** Returns whether a peer still plays, and how far its departure has come. */
  departure(peer: number): Departure | undefined {
    if (!this.#some(this.#abi.iw_peer_departure(this.#session, peer, this.#at + FIRST))) return undefined;
    const frame = this.#u32(this.#at + FIRST + 4);
    switch (this.#first()) {
      case 0: return { kind: "present" };
      case 1: return { kind: "departing", end: frame };
      case 2: return { kind: "departed", last: some(frame) };
      default: return { kind: "other" };
    }
  }

  /** Returns a peer's input of a frame, while it is in the window. */
  remoteInput(peer: number, frame: number): Uint8Array<ArrayBuffer> | undefined {
    const status = this.#abi.iw_peer_remote_input(this.#session, peer, frame, this.#at + OUT, this.#inputLength);
    return this.#some(status) ? this.#bytes(this.#at + OUT, this.#inputLength) : undefined;
  }

  /** Returns how far the local game is ahead of a peer's, in frames, and the factor by which to stretch the frame interval. */
  pace(peer: number): { lead: number; stretch: number } | undefined {
    const at = this.#at + OUT;
    if (!this.#some(this.#abi.iw_peer_pace(this.#session, peer, at))) return undefined;
    return { lead: this.#view.getInt32(at, true) / 1e3, stretch: 1 + this.#view.getInt32(at + 4, true) / 1e6 };
  }

  /**
   * Returns how early local inputs arrive at a peer that does not wait for them, in frames: the least of about a second. Below 0, some
   * arrived too late. Undefined until both play, and on the classic wire.
   */
  margin(peer: number): number | undefined {
    return this.stats(peer)?.margin;
  }

  /**
   * Returns whether this session could play with the sender of the hello in a datagram; undefined if it is something else. `key`:
   * that of the pair, if it has one of its own. A server without a session for its senders asks one that it keeps for that.
   */
  helloFits(datagram: Uint8Array, key?: Uint8Array): Fit | undefined {
    this.#put(datagram);
    const [config, at] = [this.#at + OUT, this.#at + FIRST];
    new Uint8Array(this.#view.buffer).copyWithin(config, this.#at + CONFIG, this.#at + CONFIG + CONFIG_LENGTH);
    if (key !== undefined) {
      this.#putKey(config + 16, key);
      this.#view.setUint32(config + 76, 1, true);
    }
    const status = this.#abi.iw_hello_fits(this.#at, datagram.length, config, this.#inputLength, at);
    new Uint8Array(this.#view.buffer, config + 16, 16).fill(0);
    const text = TEXTS[status] ?? `status ${status}`;
    if (status === Code.helloOtherPlayer) return { kind: "otherPlayer", text };
    if (status === Code.helloMismatch) {
      return { kind: "mismatch", text, field: FIELD[this.#first()] ?? "other", local: this.#u32(at + 4), remote: this.#u32(at + 8) };
    }
    if (status <= Code.refused) return { kind: "refused", text };
    return this.#some(status) ? { kind: "fits" } : undefined;
  }

  /** Returns the input delay, in frames, that would hide a peer's latency and jitter. */
  suggestedDelay(peer: number): number | undefined {
    return this.#some(this.#abi.iw_peer_suggested_delay(this.#session, peer, this.#at + FIRST)) ? this.#first() : undefined;
  }

  stats(peer: number): Stats | undefined {
    const at = this.#at + OUT;
    if (!this.#some(this.#abi.iw_peer_stats(this.#session, peer, at))) return undefined;
    const count = (offset: number) => Number(this.#view.getBigUint64(at + offset, true));
    const maybe = (offset: number, scale: number) =>
      this.#view.getBigUint64(at + offset, true) === UNKNOWN ? undefined : count(offset) / scale;
    const [latest, min, mean, median, smoothed, variation] = [8, 16, 24, 32, 40, 48].map((offset) => maybe(offset, 1e3));
    let refused = 0;
    for (let reason = 0; reason < 32; reason++) {
      if (![Code.unknownType, Code.gameMessage].some((code) => code === Code.refused - reason)) refused += this.#u32(at + 160 + 4 * reason);
    }
    return {
      rtt: latest === undefined ? undefined
        : { latest, min: min!, mean: mean!, median: median!, smoothed: smoothed!, variation: variation! },
      latency: maybe(56, 1e3), jitter: maybe(64, 1e3), silence: maybe(72, 1e3), longestSilence: maybe(80, 1e3),
      inboundLost: maybe(88, 1), lostInputs: count(96),
      packetsReceived: count(104), bytesReceived: count(112), packetsSent: count(120), bytesSent: count(128),
      health: HEALTH[this.#u32(at + 136)] ?? "other", unacked: this.#u32(at + 140), window: this.#u32(at + 144),
      missing: this.#u32(at + 148), duplicates: this.#u32(at + 152), conflicts: this.#u32(at + 156), refused,
      margin: this.#u32(at + 292) === 0 ? undefined : this.#view.getInt32(at + 288, true) / 1e3,
    };
  }

  #event(kind: number, peer: number, frame: number, count: number, value: number, input: Uint8Array): Event {
    const at = this.#at + OUT;
    const [local, remote] = [this.#view.getBigUint64(at + 24, true), this.#view.getBigUint64(at + 32, true)];
    const duration = Number(this.#view.getBigUint64(at + 40, true)) / 1000;
    switch (kind) {
      case 0: return { kind: "input", peer, frame, input };
      case 2: return { kind: "health", peer, health: HEALTH[value] ?? "other", silence: duration };
      case 3: return { kind: "localStall", duration };
      case 5: return { kind: "desync", peer, frame, local, remote };
      case 6: return { kind: "lost", peer, first: frame, count };
      case 8: return { kind: "mismatch", peer, field: FIELD[value] ?? "other", local, remote };
      case 9: return { kind: "epochAhead", peer, epoch: value };
      case 12: return { kind: "peerClosed", peer, epoch: value, end: frame };
      case 16: return { kind: "wrongPlayers", peer, sender: Number(remote), receiver: Number(local) };
      case 17: return { kind: "dropped", by: peer };
      case 18: return { kind: "departing", peer, by: some(value) };
      case 19: return { kind: "departed", peer, last: some(frame) };
    }
    const which = PLAIN[PLAIN_NUMBERS.indexOf(kind)];
    return which === undefined || peer === NO_PEER ? { kind: "other" } : { kind: which, peer };
  }

  /** Gives the session what waits after a jump, as far as there is room; sending makes room on the classic wire. */
  #fill(now: number): void {
    if (this.#isFilling || this.#waiting.length === 0) return;
    this.#isFilling = true;
    try {
      for (let before = -1, reached = this.#reached(); reached > before && this.#waiting.length > 0;) {
        before = reached;
        for (let next; (next = this.#waiting[0]) !== undefined; this.#waiting.shift()) {
          this.#put(next.input);
          const { input: { length }, end } = next;
          this.#check(this.#abi.iw_session_skip_to(this.#session, us(now), end, this.#at, length, this.#at + FIRST));
          if ((reached = this.#first()) < end) break;
        }
        this.onwork?.();
      }
    } finally {
      this.#isFilling = false;
    }
  }

  /** The peer that has acknowledged least. */
  #slowest(): number {
    const unacked = (peer: number) => this.stats(peer)?.unacked ?? 0;
    return [...this.#peers.keys()].reduce((slowest, peer) => (unacked(peer) > unacked(slowest) ? peer : slowest), NO_PEER);
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

  /** Returns a copy, because the next call overwrites this memory. */
  #bytes(at: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#view.buffer.slice(at, at + length) as ArrayBuffer);
  }

  #putKey(at: number, key: Uint8Array): void {
    if (key.length !== 16) throw new RangeError("a key has 16 bytes");
    new Uint8Array(this.#view.buffer, at, 16).set(key);
  }

  /** Copies at most one datagram; anything longer is refused for its length. */
  #put(bytes: Uint8Array): void {
    new Uint8Array(this.#view.buffer, this.#at, MAX_DATAGRAM_SIZE).set(bytes.subarray(0, MAX_DATAGRAM_SIZE));
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

/** Returns a number that its field holds: WebAssembly would take the low bits of any other, and the two ends would not meet. */
function u32(name: string, value: number): number {
  if (value >>> 0 !== value) throw new RangeError(`${name} is a whole number from 0 to 2^32 - 1, not ${value}`);
  return value;
}

function u64(name: string, value: bigint): bigint {
  if (BigInt.asUintN(64, value) !== value) throw new RangeError(`${name} is from 0n to 2n ** 64n - 1n, not ${value}n`);
  return value;
}

/** A peer or a frame, if there is one. */
function some(number: number): number | undefined {
  return number === NO_PEER ? undefined : number;
}

function us(milliseconds: number): bigint {
  return BigInt(Math.max(0, Math.floor(milliseconds * 1000)));
}
