// One end: a session of inputwire, or a peer of the original wire, with the game that it plays.

import { Session, attach } from "../dist/index.js";
import { ClassicPeer } from "./classic-peer.js";
import { bot, hash, start, step } from "./game.js";

export const FRAME = 1000 / 60;
/** An input that comes so many frames after its turn is late: a rollback that a player would see. */
const LATE = 9;
const TAPE = 240;

export class Side {
  tape = [];
  counts = { "on time": 0, rescued: 0, late: 0, never: 0 };
  /** By frame, the hashes of states that can no longer change. */
  hashes = new Map();
  state = start();
  stalled = false;
  bufferedSkips = 0;

  #own = [];
  #theirs = new Map();
  #settled = start();
  #batch = [];
  #rates = [];

  static async create(index, id, wire, original, channel) {
    const side = new Side();
    Object.assign(side, { index, wire, original, channel });
    const take = (frame, action) => side.#take(frame, action);
    if (original) {
      side.peer = new ClassicPeer({ player: index, peer: 1 - index, channel, input: take, lost: (frame) => side.#lose(frame, 1) });
    } else {
      side.session = await Session.create({ session: id, player: index });
      side.number = side.session.addPeer({ player: 1 - index, wire });
      side.session.onevent = (event) => {
        if (event.kind === "input") take(event.frame, event.input[0]);
        else if (event.kind === "lost") side.#lose(event.first, event.count);
      };
      side.detach = attach(side.session, side.number, channel);
    }
    return side;
  }

  get frame() {
    return this.#own.length;
  }

  /** One frame: our input, told to the peer, and the game with what is known of theirs. */
  play(input) {
    const action = input ?? bot(this.state, this.index);
    if (this.original) this.peer.push(action);
    else if ("waitingFor" in this.session.push(Uint8Array.of(action))) {
      this.stalled = true;
      return;
    }
    this.stalled = false;
    this.#own.push(action);
    this.#simulate();
  }

  /** Where both inputs are known the state is settled; from there on theirs is guessed to stay as it was. */
  #simulate() {
    const inputs = (frame, theirs) => (this.index === 0 ? [this.#own[frame], theirs] : [theirs, this.#own[frame]]);
    while (this.#settled.frame < this.frame && this.#theirs.has(this.#settled.frame)) {
      const { frame } = this.#settled;
      this.last = this.#theirs.get(frame);
      this.#theirs.delete(frame - 300);
      this.#settled = step(this.#settled, inputs(frame, this.last));
      this.hashes.set(this.#settled.frame, hash(this.#settled));
      this.hashes.delete(this.#settled.frame - 300);
    }
    this.state = this.#settled;
    let guess = this.last ?? 0;
    while (this.state.frame < this.frame) {
      guess = this.#theirs.get(this.state.frame) ?? guess;
      this.state = step(this.state, inputs(this.state.frame, guess));
    }
  }

  /** Inputs that come in one datagram are told in one go: all but the newest had been lost before. */
  #take(frame, action) {
    this.#theirs.set(frame, action);
    if (this.#batch.length === 0) {
      queueMicrotask(() => {
        const newest = Math.max(...this.#batch);
        for (const known of this.#batch) {
          this.#mark(known, this.frame - known > LATE ? "late" : known < newest ? "rescued" : "on time");
        }
        this.#batch = [];
      });
    }
    this.#batch.push(frame);
  }

  #lose(first, count) {
    for (let frame = first; frame < first + count; frame++) {
      if (this.#theirs.has(frame)) continue;
      this.#theirs.set(frame, this.#theirs.get(frame - 1) ?? 0); // the game has to go on with something
      this.#mark(frame, "never");
    }
  }

  #mark(frame, fate) {
    this.counts[fate]++;
    this.tape[frame % TAPE] = { frame, fate };
  }

  /** The fate of the newest frames of the peer, oldest first; undefined while not known. */
  fates(count) {
    return Array.from({ length: count }, (_, i) => {
      const frame = this.frame - count + i;
      const entry = frame < 0 ? undefined : this.tape[frame % TAPE];
      return entry?.frame === frame ? entry.fate : undefined;
    });
  }

  figures(now) {
    const stats = this.session?.stats(this.number);
    const sent = stats?.bytesSent ?? this.peer.counters.bytesSent;
    this.#rates.push({ now, sent });
    while (this.#rates.length > 2 && now - this.#rates[0].now > 2000) this.#rates.shift();
    const [oldest] = this.#rates;
    const rtt = stats ? stats.rtt?.mean : this.peer.rtt;
    return {
      rtt,
      loss: this.channel.received === 0 ? 0 : this.channel.dropped / this.channel.received,
      kbits: now === oldest.now ? 0 : ((sent - oldest.sent) * 8) / (now - oldest.now),
      health: stats?.health ?? (rtt === undefined ? "connecting" : rtt > 400 ? "critical" : rtt > 200 ? "warning" : "good"),
    };
  }

  close() {
    this.detach?.();
    this.peer?.close();
  }
}
