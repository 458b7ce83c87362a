// Decides on which of two routes to send to a peer: directly, or also by way of a relay. The rules and numbers are those of crates/failover.

import type { Health } from "./session.js";

/**
 * "standby": the relay is used while the direct route is not known to be well. "shadow": also each fourth datagram goes there all the
 * time. "adaptive": each 4th to 16th, as often as the direct route falls silent. "always": everything is sent twice.
 */
export type RoutePolicy = "standby" | "shadow" | "adaptive" | "always";
/** Why the routes changed: the direct route is silent, slow, deaf or well, or the peer uses the relay. */
export type RouteCause = "silent" | "slow" | "deaf" | "asked" | "well";

export interface RouteChange {
  /** Whether everything goes by the relay, too, from now on; the direct route always is used, while there is one. */
  relay: boolean;
  cause: RouteCause;
}

/**
 * How long the direct route must be well before it is trusted; twice as long each time that was misplaced, half as long for each
 * `STEADY` that it was not: for a route that was slow or deaf, and for one that was silent where nothing is copied.
 */
const TRUST = 3000;
const TRUST_MAX = 16 * TRUST;
const STEADY = 10 * TRUST;
const STEADY_SILENT = 10_000;
/** Instead, where copies on the relay make it harmless to be wrong about a silence. */
const SHADOW_TRUST = 500;
/** How long inputs that are sent on the direct route alone may take to be acknowledged, and how many are then a proof. */
const PROVE = 2000;
const PROVE_EVERY = 4;
const ENOUGH = 3;
/** A peer that asks so shortly after one was has not noticed yet that it receives them. */
const PROVEN = 300;
/** Copies go with each so-many-th datagram. */
const SHADOW = 4;
/** Among so many datagrams by the relay, and 4 to 13 directly, the relay carries everything. */
const WINDOW = 8;
const INTERRUPT = 500;
/** Silence is at least so many usual pauses between two datagrams. */
const PAUSES = 8;
/** A peer that is silent on the relay for so long has stopped using it. */
const QUIET = 600;
/** A peer that uses the relay so long after this endpoint stopped has a reason that only it can see. */
const PATIENCE = 1200;
/** A call that is so late means that the page was away; how long it then gets to hand over what has arrived. */
const AWAY = 250;
const REPRIEVE = 100;

/** What was sent on the direct route alone, and how much of it was acknowledged. */
class Proof {
  #newest: number | undefined;
  /** The latest ends that were sent on direct alone; those of 128 frames are enough. */
  readonly #direct = new Set<number>();
  #acked: number | undefined;
  count = 0;
  isFresh = false;

  sent(end: number, relayed: boolean): void {
    if (this.#newest === undefined || end < this.#newest) this.#direct.clear(); // sent before, or another epoch
    else if (end > this.#newest) {
      this.isFresh = true;
      if (!relayed) this.#direct.add(end);
      for (const old of this.#direct) if (old + 128 <= end) this.#direct.delete(old);
    } else if (relayed) this.#direct.delete(end);
    this.#newest = end;
  }

  /** Returns whether an acknowledgement of all inputs below `end` proves something. */
  acked(end: number): boolean {
    if (this.#acked === end) return false;
    this.#acked = end;
    const proves = this.#direct.has(end);
    if (proves) this.count++;
    return proves;
  }
}

export class Failover {
  #now = 0;
  #health: Health = "connecting";
  #directAt: number | undefined;
  #pause = 0;
  #askedAt: number | undefined;
  /** How many datagrams came directly and by the relay, up to `WINDOW` by the relay. */
  #heard = { direct: 0, relay: 0 };
  /** The share of the time in which the direct route was silent for more than four usual pauses. */
  #silent = 0.1;
  #copied = { end: -1, new: 0, others: 0 };
  #proof = new Proof();
  #provedAt: number | undefined;
  #isAcked = false;
  #wellSince: number | undefined;
  #wait = TRUST;
  #trust = TRUST / 2;
  /**
   * Since when the direct route is used, with copies as the policy has them; or since when inputs are sent there alone to see whether
   * they are acknowledged. "both" and "asked" use the relay for everything.
   */
  #state: "both" | "asked" | { aloneSince: number } | { provingSince: number } = "both";
  #cause: RouteCause = "silent";
  #reported = true;
  #reprieved = false;

  constructor(readonly policy: RoutePolicy) {}

  /** Whether everything goes by the relay, too, until the direct route is trusted. */
  get usesRelay(): boolean {
    return this.sendsAll || (typeof this.#state === "object" && "provingSince" in this.#state);
  }

  /** Whether everything goes by the relay, too, at the moment. */
  get sendsAll(): boolean {
    return this.policy === "always" || typeof this.#state === "string";
  }

  /** Whether the datagram that is sent next goes by the relay, too, while `end` is the session's next frame. Once for each datagram. */
  takesRelay(end: number): boolean {
    const relayed = this.#takesCopy(end);
    this.#proof.sent(end, relayed);
    return relayed;
  }

  /** Handles a datagram that the session accepted. */
  handleHeard(now: number, route: "direct" | "relay"): void {
    this.handleTimeout(now);
    if (route === "direct") {
      const gap = this.#directAt === undefined ? 0 : Math.max(0, this.#now - this.#directAt);
      const counted = Math.min(gap, 30_000);
      this.#silent += ((counted > 4 * this.#pause ? counted - this.#pause : 0) - this.#silent * counted) / 30_000;
      this.#pause += (Math.min(gap, 2 * INTERRUPT) - this.#pause) / 4;
      this.#directAt = this.#now;
      this.#reprieved = false;
      this.#heard.direct++;
    } else if (this.#isRequest()) {
      this.#askedAt = this.#now;
      const isMoot = this.#provedAt !== undefined && this.#now - this.#provedAt < PROVEN;
      if (typeof this.#state === "object" && "aloneSince" in this.#state && this.#now - this.#state.aloneSince >= PATIENCE && !isMoot) {
        this.#useBoth("asked", "asked");
      }
    }
    this.#decide();
  }

  /** Handles what the peer has acknowledged: of the inputs below `next`, all but `unacked`. */
  handleAcked(now: number, next: number, unacked: number): void {
    this.#isAcked = true;
    const proves = this.#proof.acked(next - unacked);
    this.handleTimeout(now);
    if (proves || (unacked === 0 && this.#proof.count >= ENOUGH)) this.#provedAt = this.#now;
  }

  handleHealth(now: number, health: Health): void {
    this.handleTimeout(now);
    this.#health = health;
    this.#decide();
  }

  handleTimeout(now: number): void {
    this.#now = Math.max(this.#now, now);
    const silentAt = this.#silentAt();
    const late = silentAt === undefined ? 0 : this.#now - silentAt;
    if (late >= AWAY && !this.#reprieved && this.#directAt !== undefined) {
      this.#directAt += late + REPRIEVE;
      this.#reprieved = true;
    }
    this.#decide();
  }

  /** Returns the change since the last call, if any. */
  pollChange(): RouteChange | undefined {
    const relay = this.usesRelay;
    if (this.#reported === relay) return undefined;
    this.#reported = relay;
    return { relay, cause: this.#cause };
  }

  /** Returns when to call `handleTimeout` next. */
  pollTimeout(): number | undefined {
    if (this.policy === "always") return undefined;
    let dueAt: number | undefined;
    if (typeof this.#state === "string") dueAt = this.#trustedAt();
    else if ("provingSince" in this.#state) dueAt = this.#state.provingSince + PROVE;
    const at = Math.min(this.#silentAt() ?? Infinity, dueAt ?? Infinity);
    return at === Infinity ? undefined : at;
  }

  get #hasCopies(): boolean {
    return this.policy === "shadow" || this.policy === "adaptive";
  }

  #takesCopy(end: number): boolean {
    if (this.policy === "always" || typeof this.#state === "string") return true; // narrows the state, too
    let every: number;
    if (this.policy === "adaptive") every = Math.min(16, Math.max(4, Math.floor(0.4 / this.#silent)));
    else if (this.policy === "shadow") every = SHADOW;
    else if ("provingSince" in this.#state) every = PROVE_EVERY;
    else return false;
    const kind = end === this.#copied.end ? "others" : "new";
    this.#copied.end = end;
    if (++this.#copied[kind] < every) return false;
    this.#copied[kind] = 0;
    return true;
  }

  /** Whether a datagram by the relay says that the peer sends everything there, rather than copies. */
  #isRequest(): boolean {
    if (!this.#hasCopies) return true;
    if (++this.#heard.relay < WINDOW) return false;
    const { direct } = this.#heard;
    this.#heard = { direct: 0, relay: 0 };
    return direct >= WINDOW / 2 && direct < 14;
  }

  #silence(): number {
    return Math.max(this.#pause * PAUSES, this.#health === "interrupted" ? 0 : INTERRUPT);
  }

  #silentAt(): number | undefined {
    return this.#wellSince === undefined || this.#directAt === undefined ? undefined : this.#directAt + this.#silence();
  }

  #trustedAt(): number | undefined {
    if (this.#wellSince === undefined) return undefined;
    const trustedAt = this.#wellSince + this.#wait;
    const quiet = Math.max(QUIET, this.#hasCopies ? 2 * WINDOW * this.#pause : 0);
    return this.#state === "asked" && this.#askedAt !== undefined ? Math.max(trustedAt, this.#askedAt + quiet) : trustedAt;
  }

  /** Returns what is wrong with the direct route. */
  #fault(): RouteCause | undefined {
    switch (this.#health) {
      case "critical": return "slow";
      case "deaf": return "deaf";
      case "connecting":
      case "disconnected": return "silent";
      default: return this.#directAt === undefined || this.#now - this.#directAt >= this.#silence() ? "silent" : undefined;
    }
  }

  #decide(): void {
    if (this.policy === "always") return;
    const fault = this.#fault();
    if (fault !== undefined) {
      this.#wellSince = undefined;
      this.#useBoth("both", fault);
      return;
    }
    this.#wellSince ??= this.#now;
    const state = this.#state;
    if (typeof state === "string") {
      if ((this.#trustedAt() ?? Infinity) > this.#now) return;
      if (!this.#isAcked) this.#useDirect();
      else {
        this.#state = { provingSince: this.#now };
        this.#proof = new Proof();
      }
    } else if ("provingSince" in state) {
      const isOver = state.provingSince + PROVE <= this.#now;
      // Where nothing was pushed, nothing is at stake.
      if (this.#proof.count >= ENOUGH || (isOver && !this.#proof.isFresh)) this.#useDirect();
      else if (isOver) {
        this.#state = "both";
        this.#wellSince = this.#now;
        this.#wait = TRUST;
      }
    }
  }

  #useDirect(): void {
    this.#state = { aloneSince: this.#now };
    this.#heard = { direct: 0, relay: 0 };
    this.#cause = "well";
  }

  #useBoth(state: "both" | "asked", cause: RouteCause): void {
    if (typeof this.#state === "object") {
      this.#cause = cause;
      const since = "aloneSince" in this.#state ? this.#state.aloneSince : this.#state.provingSince;
      const isHidden = cause === "slow" || cause === "deaf";
      if (isHidden || (cause === "silent" && !this.#hasCopies)) {
        const steady = Math.floor((this.#now - since) / (isHidden ? STEADY : STEADY_SILENT));
        this.#trust = Math.min(TRUST_MAX, Math.max(TRUST / 2, this.#trust * 2 * 0.5 ** steady));
      }
      if (!isHidden && this.#hasCopies) this.#wait = SHADOW_TRUST;
      else this.#wait = cause === "asked" ? TRUST : Math.max(TRUST, this.#trust);
    }
    this.#state = state;
  }
}
