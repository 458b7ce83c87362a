// Decides on which of two routes to send to a peer: directly, or also by way of a relay. The rules and numbers are those of crates/failover.

import type { Health } from "./session.js";

/** "standby": the relay is used while the direct route is not known to be well. "always": everything is sent twice. */
export type RoutePolicy = "standby" | "always";
/** Why the routes changed: the direct route is silent, slow, deaf or well, or the peer uses the relay. */
export type RouteCause = "silent" | "slow" | "deaf" | "asked" | "well";

export interface RouteChange {
  /** Whether the relay is used from now on; the direct route always is, while there is one. */
  relay: boolean;
  cause: RouteCause;
}

/** How long the direct route must be well before it is trusted; twice as long each time it was slow or deaf again within `STEADY`. */
const TRUST = 3000;
const TRUST_MAX = 16 * TRUST;
const STEADY = 2 * TRUST;
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

export class Failover {
  #now = 0;
  #health: Health = "connecting";
  #directAt: number | undefined;
  #pause = 0;
  #relayAt: number | undefined;
  #wellSince: number | undefined;
  #trust = TRUST;
  /** Since when the direct route is used alone; "both" and "asked" use the relay, too. */
  #state: "both" | "asked" | { aloneSince: number } = "both";
  #cause: RouteCause = "silent";
  #reported = true;
  #reprieved = false;

  constructor(readonly policy: RoutePolicy) {}

  get usesRelay(): boolean {
    return this.policy === "always" || typeof this.#state === "string";
  }

  /** Handles a datagram that the session accepted. */
  handleHeard(now: number, route: "direct" | "relay"): void {
    this.handleTimeout(now);
    if (route === "direct") {
      const pause = this.#directAt === undefined ? 0 : Math.min(Math.max(0, this.#now - this.#directAt), 2 * INTERRUPT);
      this.#pause += (pause - this.#pause) / 4;
      this.#directAt = this.#now;
      this.#reprieved = false;
    } else {
      this.#relayAt = this.#now;
      if (typeof this.#state === "object" && this.#now - this.#state.aloneSince >= PATIENCE) this.#useBoth("asked", "asked");
    }
    this.#decide();
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
    const at = Math.min(this.#silentAt() ?? Infinity, (typeof this.#state === "string" ? this.#trustedAt() : undefined) ?? Infinity);
    return at === Infinity ? undefined : at;
  }

  #silence(): number {
    return Math.max(this.#pause * PAUSES, this.#health === "interrupted" ? 0 : INTERRUPT);
  }

  #silentAt(): number | undefined {
    return this.#wellSince === undefined || this.#directAt === undefined ? undefined : this.#directAt + this.#silence();
  }

  #trustedAt(): number | undefined {
    if (this.#wellSince === undefined) return undefined;
    const trustedAt = this.#wellSince + this.#trust;
    return this.#state === "asked" && this.#relayAt !== undefined ? Math.max(trustedAt, this.#relayAt + QUIET) : trustedAt;
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
    if (typeof this.#state === "string" && (this.#trustedAt() ?? Infinity) <= this.#now) {
      this.#state = { aloneSince: this.#now };
      this.#cause = "well";
    }
  }

  #useBoth(state: "both" | "asked", cause: RouteCause): void {
    if (typeof this.#state === "object") {
      const again = (cause === "slow" || cause === "deaf") && this.#now - this.#state.aloneSince < STEADY;
      this.#trust = again ? Math.min(this.#trust * 2, TRUST_MAX) : TRUST;
      this.#cause = cause;
    }
    this.#state = state;
  }
}
