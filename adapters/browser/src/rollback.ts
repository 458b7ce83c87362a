// Rollback and lockstep over a session: the twin of the Rust crate `inputwire-rollback`, for states that `advance` returns anew.

import type { Event, PeerOptions, Session } from "./session.js";

/** "confirmed": what the player did; "predicted": a guess; "departed": the player is not in the game, and its input is zeros. */
export type Status = "confirmed" | "predicted" | "departed";
export interface PlayerInput { player: number; input: Uint8Array; status: Status }

/** The inputs of a frame: of a player, and of all who are in the game, in the order of their numbers. */
export interface Inputs { of(player: number): PlayerInput; present: readonly PlayerInput[] }

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
  /** In milliseconds; 1000 / 60 unless set, as in the session. */
  frameInterval?: number;
}

/** "waiting": it stands still until this peer has sent or acknowledged more; "roundOver": the last frame of the round was played. */
export type Step = { kind: "advanced"; frame: number; resimulated: number } | { kind: "waiting"; peer: number } | { kind: "roundOver" };

/** What a player should see: a new epoch from its first state, or what happened to a peer. */
export type RollbackEvent = { kind: "epochBegun"; epoch: number } | Event;

interface Track {
  readonly peer: number; readonly player: number; readonly first: number;
  /** The end of the known frames, `Infinity` once the player has departed, and the end of its frames, `Infinity` until then. */
  end: number; lastEnd: number;
  latest: Uint8Array; known: Map<number, Uint8Array>; used: Map<number, Uint8Array>;
  /** "watched": it was reported as silent, and its health decides. */
  presence: "here" | "watched" | "closed" | "left"; silentSince: number | undefined;
  isAhead: boolean; isBroken: boolean; isRemoved: boolean;
}

export class Rollback<S> {
  /** Receives what a player should see. */
  onevent: ((event: RollbackEvent) => void) | undefined;
  readonly stats = { frames: 0, resimulated: 0, rollbacks: 0, deepest: 0, waited: 0 };

  readonly #session: Session; readonly #options: RollbackOptions<S>; readonly #zeros: Uint8Array;
  #tracks: Track[] = [];
  /** The state from which later epochs start, and that from which this one does. */
  #first: S; #start: S;
  /** The states before the frames `confirmed` to `next`. */
  #states = new Map<number, S>();
  #isRunning = false; #epoch = 0; #ahead = 0; #wrong = Infinity; #last: number | undefined; #delay = 0;
  /** The first frame of the epoch, the end of the confirmed ones, and the next one to play. */
  #begin = 0; #confirmed = 0; #next = 0;

  /** Takes the events of a session in which no input was pushed. One that is not attached is polled by `poll`. */
  constructor(session: Session, options: RollbackOptions<S>) {
    [this.#session, this.#options, this.#first, this.#start] = [session, options, options.first, options.first];
    [this.#zeros, this.#epoch] = [new Uint8Array(session.inputLength), (session.nextEpoch ?? 1) - 1];
    session.onevent = (event) => this.#take(event);
    this.setInputDelay(options.inputDelay ?? 0);
  }

  /** A player that joins late is added `from` its first frame at every endpoint; its own game starts from the state before that frame. */
  addPeer(peer: PeerOptions, now = performance.now()): number {
    if (this.#isRunning && peer.from === undefined) throw new Error("the first frame was played: add the peer when the next epoch begins");
    const added = this.#session.addPeer(peer, now);
    this.#tracks.push(this.#track(added, peer.player, peer.from));
    this.#tracks.sort((a, b) => a.player - b.player);
    return added;
  }

  /** Removes a peer, in the step after its last frame is confirmed. A player that has not departed ends with what is known of it here. */
  removePeer(peer: number): void {
    const track = this.#tracks.find((track) => track.peer === peer);
    if (track?.lastEnd === Infinity) this.#depart(track, track.end);
    if (track !== undefined) track.isRemoved = true;
  }

  /** Starts this epoch from another state than the first one: a late joiner's, from those who play. Before the first step. */
  startFrom(state: S): void { this.#start = state; }

  /** Polls the events of a session that is not attached. */
  poll(): void {
    for (let event; (event = this.#session.pollEvent()) !== undefined;) this.#take(event);
  }

  /** Plays one frame, once a frame; first plays again what was predicted wrongly. */
  step(input: Uint8Array, now = performance.now()): Step {
    this.#disconnectLost(now);
    if (this.#isOver()) this.#restart(now);
    if (!this.#isRunning) {
      this.#begin = this.#confirmed = this.#next = this.#session.nextFrame;
      [this.#states, this.#isRunning] = [new Map([[this.#next, this.#start]]), true];
    }
    this.#removeSettled(this.#confirmed, now);
    const end = Math.min(...this.#tracks.map(({ end }) => end));
    const wrong = Math.min(this.#wrong, this.#next);
    const resimulated = this.#next - wrong;
    this.#wrong = Infinity;
    this.#settle(Math.min(end, wrong), now);
    for (let frame = wrong; frame < this.#next; frame++) this.#simulate(frame);
    this.#settle(end, now);
    const { rollbacks, deepest } = this.stats;
    [this.stats.rollbacks, this.stats.deepest] = [rollbacks + Number(resimulated > 0), Math.max(deepest, resimulated)];
    this.stats.resimulated += resimulated;
    if (this.#last !== undefined && this.#next > this.#last) return { kind: "roundOver" };
    while (this.#session.nextFrame <= this.#next + this.#delay) {
      const pushed = this.#session.pushInput(input, now);
      if ("waitingFor" in pushed && this.#session.nextFrame <= this.#next) return { kind: "waiting", peer: pushed.waitingFor };
      if ("waitingFor" in pushed) break;
    }
    if (this.#next + 1 - end > (this.#options.maxPrediction ?? 8)) {
      this.stats.waited++;
      return { kind: "waiting", peer: this.#tracks.find((track) => track.end === end)!.peer };
    }
    this.#simulate(this.#next++);
    this.#settle(end, now);
    this.stats.frames++;
    return { kind: "advanced", frame: this.#next - 1, resimulated };
  }

  /** Ends the round with this frame: the next epoch begins from `first` once every player has all inputs of the round. */
  endRound(last: number, first: S): void { [this.#last, this.#first] = [last, first]; }

  /** Changes the input delay, at any time: a longer one repeats an input, a shorter one drops one. At most 30 frames. */
  setInputDelay(frames: number): void {
    this.#delay = Math.min(frames, 30);
    this.#session.setInputDelay(this.#delay);
  }

  /** The present state, with predictions: to draw. */
  get state(): S {
    return this.#isRunning ? this.#states.get(this.#next)! : this.#start;
  }

  /** The latest frame that no input can change any more, and the state after it: for sounds and scores. */
  get confirmed(): { frame: number; state: S } | undefined {
    return this.#confirmed === this.#begin ? undefined : { frame: this.#confirmed - 1, state: this.#states.get(this.#confirmed)! };
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
      if (event.kind === "peerClosed" && track.presence !== "left") track.presence = "closed";
      const isHere = track.presence === "here" || track.presence === "watched";
      if (event.kind === "health" && isHere) track.presence = event.health === "disconnected" ? "watched" : "here";
      // Only what it did before is of use.
      if (track.isRemoved) return;
      // What never arrives stays as it was predicted, or is zeros: the lowest unknown frames, which need not be consecutive.
      if (event.kind === "lost") for (let left = event.count; left > 0; left--) this.#learn(track, track.end, track.used.get(track.end) ?? this.#zeros);
      if (event.kind === "epochAhead") [track.isAhead, this.#ahead] = [true, Math.max(this.#ahead, event.epoch)];
      if (event.kind === "departed") this.#depart(track, event.last === undefined ? track.first : event.last + 1);
      if (event.kind === "departing") track.presence = "left";
      if (event.kind === "restarted" || event.kind === "outOfSync") track.isAhead = track.isBroken = true;
      // It may have had inputs of another one who left that no survivor has.
      if (event.kind === "desync" && track.presence === "left") return;
    }
    // The next step answers them; there may be none where a late joiner waits for a state that the round no longer comes to.
    if (event.kind !== "outOfSync" && (event.kind !== "epochAhead" || !this.#isRunning)) this.onevent?.(event);
  }

  /** Disconnects the players that cannot be reached: all survivors agree on their last inputs. */
  #disconnectLost(now: number): void {
    for (const track of this.#tracks) {
      const isSilent = track.presence === "watched" && this.#session.stats(track.peer)?.health === "disconnected";
      track.silentSince = isSilent ? track.silentSince ?? now : undefined;
      // Of two who lose each other, the one with the greater number waits longer, so that not both are disconnected.
      const patience = this.#options.localPlayer > track.player ? 200 : 0;
      const isLost = track.presence === "closed" || (isSilent && now - track.silentSince! >= patience);
      if (isLost) this.#session.disconnectPeer(track.peer, now);
      if (isLost) track.presence = "left";
    }
  }

  /** Ends a player's frames: its inputs from there on are zeros, and nobody waits for it in this epoch. */
  #depart(track: Track, lastEnd: number): void {
    Object.assign(track, { lastEnd, end: Infinity, isAhead: false, isBroken: false });
    this.#wrong = Math.min(this.#wrong, lastEnd);
  }

  /** Removes the peers whose frames end by `end`, if the application has removed their players. */
  #removeSettled(end: number, now: number): void {
    const isSettled = (track: Track) => track.isRemoved && track.lastEnd <= end;
    for (const { peer } of this.#tracks.filter(isSettled)) this.#session.removePeer(peer, now);
    this.#tracks = this.#tracks.filter((track) => !isSettled(track));
  }

  #learn(track: Track, frame: number, input: Uint8Array): void {
    if (track.known.has(frame) || frame < this.#confirmed || frame >= track.lastEnd) return;
    track.known.set(frame, input);
    while (track.known.has(track.end)) track.latest = track.known.get(track.end++)!;
    const used = track.used.get(frame);
    if (frame < this.#next && used?.some((byte, at) => byte !== input[at])) this.#wrong = Math.min(this.#wrong, frame);
  }

  #track(peer: number, player: number, first = this.#session.nextFrame): Track {
    const inputs = { latest: this.#zeros, known: new Map<number, Uint8Array>(), used: new Map<number, Uint8Array>() };
    const state = { presence: "here" as const, silentSince: undefined, isAhead: false, isBroken: false, isRemoved: false };
    return { peer, player, first, end: first, lastEnd: Infinity, ...inputs, ...state };
  }

  /** Whether nothing more is to be played in this epoch. */
  #isOver(): boolean {
    const last = this.#last;
    // A peer that is ahead, or was started anew, sends no more inputs of this epoch, and agrees no more on those of players who leave.
    const isBehind = this.#tracks.some((track) => track.isAhead && track.presence !== "left");
    const isMute = (track: Track) => track.isAhead || (isBehind && track.presence === "left");
    if (last === undefined || this.#confirmed <= last) {
      // What it has sent is played first, unless it was restarted.
      return this.#tracks.some((track) => isMute(track) && (track.isBroken || track.end <= this.#confirmed));
    }
    // In a later epoch this end gives the others nothing more of who left in this one.
    if (!isBehind && !this.#session.departuresSettled) return false;
    const ackedEnd = (track: Track) => this.#session.nextFrame - (this.#session.stats(track.peer)?.unacked ?? 0);
    return this.#tracks.every((track) => ackedEnd(track) > last || isMute(track) || track.lastEnd < Infinity);
  }

  #restart(now: number): void {
    // Also one that is not reported yet, or that a player has begun who left after that: others may follow it.
    const next = this.#session.nextEpoch, begun = Math.max(this.#ahead, (next ?? 1) - 1);
    const epoch = begun > this.#epoch ? begun : next;
    if (epoch === undefined) return;
    // Before the epoch begins, so that the numbers of who was removed are free in it.
    this.#removeSettled(Infinity, now);
    this.#session.beginEpoch(epoch, now);
    this.#tracks = this.#tracks.map(({ peer, player, presence, silentSince }) => ({ ...this.#track(peer, player), presence, silentSince }));
    [this.#epoch, this.#start] = [epoch, this.#first];
    [this.#isRunning, this.#last, this.#wrong] = [false, undefined, Infinity];
    this.onevent?.({ kind: "epochBegun", epoch });
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
    const { player, latest, first, lastEnd } = track;
    if (frame < first || frame >= lastEnd) return { player, input: this.#zeros, status: "departed" };
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
