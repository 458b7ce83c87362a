// One endpoint: a session of inputwire or an imitation of the original, with the game that it plays.

import { Rollback, Session, attach } from "../dist/index.js";
import { bot, hash, start, step } from "./game.js";
import { Original } from "./original.js";

export const FRAME = 1000 / 60;
/** An input that did not arrive within so many frames never does. */
const WINDOW = 120;
/** An input that arrives more than so many frames after its own is late: the player sees its rollback. */
const LATE = 9;
const TAPE = 240;

export class Side {
  tape = [];
  counts = { "on time": 0, rescued: 0, late: 0, never: 0 };
  /** The hashes of final states, by frame. */
  hashes = new Map();
  state = start();
  stalled = false;

  #localInputs = [];
  #remoteInputs = new Map();
  #confirmed = start();
  #batch = [];
  #rates = [];

  static async create(index, id, wire, original, { channel, connection }) {
    const side = new Side();
    Object.assign(side, { index, wire, original, channel });
    const take = (frame, action) => side.#take(frame, action);
    if (original) {
      side.classic = new Original({ player: index, channel, input: take });
    } else {
      side.session = await Session.create({ sessionId: id, localPlayer: index });
      side.driver = new Rollback(side.session, {
        localPlayer: index,
        first: start(),
        advance: (state, { of }) => step(state, [of(0).input[0], of(1).input[0]]),
        checksums: { every: 4, hash: (state) => side.#keep(state) },
        // The page is to show what a bad network does, so it guesses for longer than a game should.
        maxPrediction: WINDOW / 2,
      });
      side.peerNumber = side.driver.addPeer({ player: 1 - index, wire });
      const drive = side.session.onevent;
      side.session.onevent = (event) => {
        if (event.kind === "input") take(event.frame, event.input[0]);
        else if (event.kind === "lost") side.#lose(event.first, event.count);
        drive(event);
      };
      side.detach = attach(side.session, side.peerNumber, channel, { connection });
    }
    return side;
  }

  get frame() {
    return this.session?.nextFrame ?? this.#localInputs.length;
  }

  /** Whether it can play: the original starts only when it is content with its peer. */
  get isReady() {
    return this.channel.readyState === "open" && (this.classic === undefined || this.classic.hasStarted);
  }

  /** Plays one frame: records the local input and simulates the game with the remote inputs known so far. */
  play(input) {
    const action = input ?? bot(this.state, this.index);
    if (this.original) {
      this.classic.record(action);
      // The original reports no loss, so it is noticed here.
      if (this.frame >= WINDOW) this.#lose(this.frame - WINDOW, 1);
      this.#localInputs.push(action);
      this.#simulate();
    } else {
      this.stalled = this.driver.step(Uint8Array.of(action)).kind !== "advanced";
      this.state = this.driver.state;
    }
  }

  /** Keeps the hash of a final state, and returns it. */
  #keep(state) {
    this.hashes.set(state.frame, hash(state));
    this.hashes.delete(state.frame - 300);
    return BigInt(hash(state));
  }

  /** For the original, which has no session: advances the final state while both inputs are known, then predicts that the remote input stays the same. */
  #simulate() {
    const inputs = (frame, remote) => (this.index === 0 ? [this.#localInputs[frame], remote] : [remote, this.#localInputs[frame]]);
    while (this.#confirmed.frame < this.frame && this.#remoteInputs.has(this.#confirmed.frame)) {
      const { frame } = this.#confirmed;
      this.last = this.#remoteInputs.get(frame);
      this.#confirmed = step(this.#confirmed, inputs(frame, this.last));
      this.#keep(this.#confirmed);
    }
    this.state = this.#confirmed;
    let predicted = this.last ?? 0;
    while (this.state.frame < this.frame) {
      predicted = this.#remoteInputs.get(this.state.frame) ?? predicted;
      this.state = step(this.state, inputs(this.state.frame, predicted));
    }
  }

  /** The inputs of one datagram arrive in one go: the datagrams of all but the latest had been lost. */
  #take(frame, action) {
    this.#remoteInputs.set(frame, action);
    this.#remoteInputs.delete(frame - 300);
    if (this.#batch.length === 0) {
      queueMicrotask(() => {
        const latest = Math.max(...this.#batch);
        for (const received of this.#batch) {
          this.#mark(received, this.frame - received > LATE ? "late" : received < latest ? "rescued" : "on time");
        }
        this.#batch = [];
      });
    }
    this.#batch.push(frame);
  }

  #lose(first, count) {
    for (let frame = first; frame < first + count; frame++) {
      if (this.#remoteInputs.has(frame)) continue;
      this.#remoteInputs.set(frame, this.#remoteInputs.get(frame - 1) ?? 0); // the game needs some input to continue
      this.#mark(frame, "never");
    }
  }

  #mark(frame, fate) {
    this.counts[fate]++;
    this.tape[frame % TAPE] = { frame, fate };
  }

  /** Returns the fates of the peer's latest inputs, oldest first; undefined while one is missing. */
  fates(count) {
    return Array.from({ length: count }, (_, i) => {
      const frame = this.frame - count + i;
      const entry = frame < 0 ? undefined : this.tape[frame % TAPE];
      return entry?.frame === frame ? entry.fate : undefined;
    });
  }

  figures(now) {
    const stats = this.session?.stats(this.peerNumber);
    const sent = stats?.bytesSent ?? this.classic.counters.bytesSent;
    this.#rates.push({ now, sent });
    while (this.#rates.length > 2 && now - this.#rates[0].now > 2000) this.#rates.shift();
    const [oldest] = this.#rates;
    const rtt = stats ? stats.rtt?.mean : this.classic.rtt;
    return {
      rtt,
      loss: this.#loss(stats),
      kbits: now === oldest.now ? 0 : ((sent - oldest.sent) * 8) / (now - oldest.now),
      health: stats?.health ?? (rtt === undefined ? "connecting" : rtt > 400 ? "critical" : rtt > 200 ? "warning" : "good"),
    };
  }

  /** The share of the peer's datagrams that never arrived. */
  #loss(stats) {
    const { dropped, received } = this.channel;
    if (received !== undefined) return received === 0 ? 0 : dropped / received;
    const lost = stats?.inboundLost ?? 0; // a real network: only the compact wire counts
    return lost === 0 ? 0 : lost / (lost + stats.packetsReceived);
  }

  close() {
    this.detach?.();
    this.classic?.close();
  }
}
