// Rollback and lockstep over a session: the twin of the Rust crate `inputwire-rollback`, for states that `advance` returns anew.

import type { Event, PeerOptions, Session } from "./session.js";

/** "confirmed": what the player did; "predicted": a guess; "departed": the player is not in the game, and its input is zeros. */
export type Status = "confirmed" | "predicted" | "departed";
export interface PlayerInput { player: number; input: Uint8Array; status: Status }

/** The inputs of a frame: of a player, and of all who are in the game, in the order of their numbers. */
export interface Inputs {
  of(player: number): PlayerInput;
  present: readonly PlayerInput[];
}

export interface RollbackOptions<S> {
  localPlayer: number;
  /** The state from which each epoch starts. */
  first: S;
  /** Plays a frame: returns the next state, leaves the given one as it is, and depends on nothing else. */
  advance: (state: S, inputs: Inputs) => S;
  /** Compares the hash of each state after a confirmed frame that is divisible by `every`, the same at every endpoint. */
  checksums?: { every: number; hash: (state: S) => bigint };
  /** Predicts from the latest input and its age in frames; without it the latest one is repeated. */
  predict?: (latest: Uint8Array, since: number) => Uint8Array;
  /** The most frames to predict; 8 unless set, and lockstep with 0. */
  maxPrediction?: number;
  inputDelay?: number;
  inputLength?: number;
  /** In milliseconds; 1000 / 60 unless set, as in the session. */
  frameInterval?: number;
}

export type Step =
  | { kind: "advanced"; frame: number; resimulated: number }
  /** It stands still until this peer has sent or acknowledged more. */
  | { kind: "waiting"; peer: number }
  /** The last frame of the round was played. */
  | { kind: "roundOver" };

/** What a player should see: a new epoch from its first state, or what happened to a peer. */
export type RollbackEvent = { kind: "epochBegun"; epoch: number } | Event;

interface Track {
  readonly peer: number; readonly player: number;
  /** The end of the known frames, and of those that will ever be known. */
  end: number;
  lastEnd: number | undefined;
  latest: Uint8Array;
  known: Map<number, Uint8Array>; used: Map<number, Uint8Array>;
  isAhead: boolean; isBroken: boolean; isGone: boolean;
}

export class Rollback<S> {
  /** Receives what a player should see. */
  onevent: ((event: RollbackEvent) => void) | undefined;
  readonly stats = { frames: 0, resimulated: 0, rollbacks: 0, deepest: 0, waited: 0 };

  readonly #session: Session;
  readonly #options: RollbackOptions<S>;
  readonly #zeros: Uint8Array;
  #tracks: Track[] = [];
  #first: S;
  /** The states before the frames `confirmed` to `next`. */
  #states = new Map<number, S>();
  #isRunning = false;
  #epoch = 0;
  #ahead = 0;
  /** The first frame of the epoch, the end of the confirmed ones, and the next one to play. */
  #begin = 0;
  #confirmed = 0;
  #next = 0;
  #wrong = Infinity;
  #last: number | undefined;
  #delay = 0;

  /** Takes the events of a session in which no input was pushed. One that is not attached is polled by `poll`. */
  constructor(session: Session, options: RollbackOptions<S>) {
    [this.#session, this.#options, this.#first] = [session, options, options.first];
    this.#zeros = new Uint8Array(options.inputLength ?? 1);
    session.onevent = (event) => this.#take(event);
    this.setInputDelay(options.inputDelay ?? 0);
  }

  addPeer(peer: PeerOptions, now = performance.now()): number {
    if (this.#isRunning) throw new Error("the first frame was played: add the peer when the next epoch begins");
    const added = this.#session.addPeer(peer, now);
    this.#tracks.push(this.#track(added, peer.player));
    this.#tracks.sort((a, b) => a.player - b.player);
    return added;
  }

  /** Plays on without a peer: its inputs after the known ones are zeros. */
  removePeer(peer: number, now = performance.now()): void {
    for (const track of this.#tracks.filter((track) => track.peer === peer)) {
      track.lastEnd ??= track.end;
      this.#wrong = Math.min(this.#wrong, track.lastEnd);
    }
    this.#session.removePeer(peer, now);
  }

  /** Polls the events of a session that is not attached. */
  poll(): void {
    for (let event; (event = this.#session.pollEvent()) !== undefined;) this.#take(event);
  }

  /** Plays one frame, once a frame; first plays again what was predicted wrongly. */
  step(input: Uint8Array, now = performance.now()): Step {
    for (const { peer, isGone, lastEnd } of this.#tracks) if (isGone && lastEnd === undefined) this.removePeer(peer, now);
    if (this.#isOver()) this.#restart(now);
    if (!this.#isRunning) {
      this.#begin = this.#confirmed = this.#next = this.#session.nextFrame;
      this.#states = new Map([[this.#next, this.#first]]);
      this.#isRunning = true;
    }
    const end = Math.min(...this.#tracks.map(endOf));
    const resimulated = this.#rollBack(end, now);
    this.#settle(end, now);
    if (this.#last !== undefined && this.#next > this.#last) return { kind: "roundOver" };
    while (this.#session.nextFrame <= this.#next + this.#delay) {
      const pushed = this.#session.pushInput(input, now);
      if ("frame" in pushed) continue;
      if (this.#session.nextFrame <= this.#next) return { kind: "waiting", peer: pushed.waitingFor };
      break;
    }
    if (this.#next + 1 - end > (this.#options.maxPrediction ?? 8)) {
      this.stats.waited++;
      return { kind: "waiting", peer: this.#tracks.find((track) => endOf(track) === end)!.peer };
    }
    this.#simulate(this.#next++);
    this.#settle(end, now);
    this.stats.frames++;
    return { kind: "advanced", frame: this.#next - 1, resimulated };
  }

  /** Ends the round with this frame: the next epoch begins from `first` once every player has all inputs of the round. */
  endRound(last: number, first: S): void {
    [this.#last, this.#first] = [last, first];
  }

  /** Changes the input delay, at any time: a longer one repeats an input, a shorter one drops one. At most 30 frames. */
  setInputDelay(frames: number): void {
    this.#delay = Math.min(frames, 30);
    this.#session.setInputDelay(this.#delay);
  }

  /** The present state, with predictions: to draw. */
  get state(): S {
    return this.#isRunning ? this.#states.get(this.#next)! : this.#first;
  }

  /** The latest frame that no input can change any more, and the state after it: for sounds and scores. */
  get confirmed(): { frame: number; state: S } | undefined {
    if (this.#confirmed === this.#begin) return undefined;
    return { frame: this.#confirmed - 1, state: this.#states.get(this.#confirmed)! };
  }

  /** How long this frame should last, in milliseconds: an endpoint that is ahead of any peer waits for it. */
  get frameInterval(): number {
    const stretches = this.#tracks.map((track) => this.#session.pace(track.peer)?.stretch ?? 1);
    return (this.#options.frameInterval ?? 1000 / 60) * Math.max(1, ...stretches);
  }

  #take(event: Event): void {
    const track = "peer" in event ? this.#tracks.find(({ peer }) => peer === event.peer) : undefined;
    if (event.kind === "localStall" || event.kind === "flushed") return;
    if (track !== undefined) {
      if (event.kind === "input") return this.#learn(track, event.frame, event.input);
      // What never arrives repeats the input before.
      if (event.kind === "lost") for (let at = event.first; at < event.first + event.count; at++) this.#learn(track, at, track.latest);
      if (event.kind === "epochAhead") [track.isAhead, this.#ahead] = [true, Math.max(this.#ahead, event.epoch)];
      track.isBroken ||= event.kind === "restarted" || event.kind === "outOfSync";
      // Of two players one is left: nobody has to agree on the last input.
      const isGone = event.kind === "peerClosed" || (event.kind === "health" && event.health === "disconnected");
      track.isGone ||= isGone && this.#tracks.length === 1;
    }
    if (event.kind !== "epochAhead" && event.kind !== "outOfSync") this.onevent?.(event);
  }

  #learn(track: Track, frame: number, input: Uint8Array): void {
    if (track.known.has(frame) || frame < this.#confirmed) return;
    track.known.set(frame, input);
    while (track.known.has(track.end)) track.latest = track.known.get(track.end++)!;
    const used = track.used.get(frame);
    if (frame < this.#next && used?.some((byte, at) => byte !== input[at])) this.#wrong = Math.min(this.#wrong, frame);
  }

  #track(peer: number, player: number): Track {
    const end = this.#session.nextFrame;
    const [known, used] = [new Map<number, Uint8Array>(), new Map<number, Uint8Array>()];
    return { peer, player, end, lastEnd: undefined, latest: this.#zeros, known, used, isAhead: false, isBroken: false, isGone: false };
  }

  /** Whether nothing more is to be played in this epoch. */
  #isOver(): boolean {
    const last = this.#last;
    const playing = this.#tracks.filter((track) => track.lastEnd === undefined);
    if (last === undefined || this.#confirmed <= last) {
      // A peer that is ahead sends no more inputs of this epoch; those that it has sent are played first.
      return playing.some((track) => track.isBroken || (track.isAhead && track.end <= this.#confirmed));
    }
    const ackedEnd = (track: Track) => this.#session.nextFrame - (this.#session.stats(track.peer)?.unacked ?? 0);
    return playing.every((track) => track.isBroken || track.isAhead || ackedEnd(track) > last);
  }

  #restart(now: number): void {
    const epoch = this.#ahead > this.#epoch ? this.#ahead : this.#session.nextEpoch;
    if (epoch === undefined) return;
    this.#session.beginEpoch(epoch, now);
    this.#epoch = epoch;
    this.#tracks = this.#tracks.filter(({ lastEnd }) => lastEnd === undefined).map(({ peer, player }) => this.#track(peer, player));
    [this.#isRunning, this.#last, this.#wrong] = [false, undefined, Infinity];
    this.onevent?.({ kind: "epochBegun", epoch });
  }

  #rollBack(end: number, now: number): number {
    const wrong = Math.min(this.#wrong, this.#next);
    const depth = this.#next - wrong;
    this.#wrong = Infinity;
    if (depth === 0) return 0;
    this.#settle(Math.min(end, wrong), now);
    for (let frame = wrong; frame < this.#next; frame++) this.#simulate(frame);
    this.stats.rollbacks++;
    this.stats.resimulated += depth;
    this.stats.deepest = Math.max(this.stats.deepest, depth);
    return depth;
  }

  #simulate(frame: number): void {
    const player = this.#options.localPlayer;
    const input = this.#session.localInput(frame) ?? this.#zeros;
    const all = [...this.#tracks.map((track) => this.#input(track, frame)), { player, input, status: "confirmed" as const }];
    const present = all.filter(({ status }) => status !== "departed").sort((a, b) => a.player - b.player);
    const of = (player: number): PlayerInput =>
      present.find((other) => other.player === player) ?? { player, input: this.#zeros, status: "departed" };
    this.#states.set(frame + 1, this.#options.advance(this.#states.get(frame)!, { of, present }));
  }

  #input(track: Track, frame: number): PlayerInput {
    const { player, latest, lastEnd } = track;
    if (lastEnd !== undefined && frame >= lastEnd) return { player, input: this.#zeros, status: "departed" };
    const known = track.known.get(frame);
    const input = known ?? this.#options.predict?.(latest, frame + 1 - track.end) ?? latest;
    track.used.set(frame, input);
    return { player, input, status: known === undefined ? "predicted" : "confirmed" };
  }

  /** Confirms the frames before `end` that were played, and lets go of what they needed. */
  #settle(end: number, now: number): void {
    for (; this.#confirmed < Math.min(end, this.#next); this.#confirmed++) {
      const { every, hash } = this.#options.checksums ?? {};
      const state = this.#states.get(this.#confirmed + 1)!;
      if (every && this.#confirmed % every === 0) this.#session.pushChecksum(this.#confirmed, hash!(state), now);
      this.#states.delete(this.#confirmed);
      for (const { known, used } of this.#tracks) for (const map of [known, used]) map.delete(this.#confirmed);
    }
  }
}

/** The end of the frames in which nothing about a player can change any more. */
const endOf = (track: Track) => (track.lastEnd === undefined ? track.end : Infinity);
