// Drives a session over data channels: sends when an input is pushed, a message received or a deadline reached, and never sends stale data.

import type { Session } from "./session.js";

export type ChannelState = "open" | "closed" | "failed" | "error";

export interface Handlers {
  /** A binary message that is not the session's: its first byte belongs to no message of the wire, as those of the classic game. */
  game?: (message: Uint8Array) => void;
  /** A text message, which is never the session's. */
  text?: (message: string) => void;
  /** The channel has opened or closed, its connection has failed ("open" follows if it recovers), or an error was reported. */
  state?: (state: ChannelState) => void;
  /** The connection of the channel. A channel stays open when its connection fails; with this, a failure counts as a closed channel. */
  connection?: Connection;
}

/** The part of an `RTCDataChannel` that is used. Create the channel with `ordered: false, maxRetransmits: 0`. */
export type Channel = Pick<RTCDataChannel, "binaryType" | "bufferedAmount" | "bufferedAmountLowThreshold" | "readyState"
  | "send" | "addEventListener" | "removeEventListener">;

/** The part of an `RTCPeerConnection` that is used. */
export type Connection = Pick<RTCPeerConnection, "connectionState" | "addEventListener" | "removeEventListener">;

/**
 * Above so many buffered bytes no datagram is built: a later one carries newer inputs. It is not zero, because a browser may
 * count what was sent while the channel opened until the next message is sent.
 */
const MAX_BUFFERED = 16_384;

/** A channel and its peer, and what is known of them. */
class Route {
  /** Whether the session counts the transport as open. */
  #isOpen = false;

  constructor(readonly driver: Driver, readonly peer: number, readonly channel: Channel, readonly handlers: Handlers) {}

  listen(): void {
    const { channel, driver, handlers: { connection } } = this;
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = MAX_BUFFERED;
    channel.addEventListener("open", this.update);
    channel.addEventListener("close", this.update);
    channel.addEventListener("error", this.#error);
    channel.addEventListener("message", this.#message);
    channel.addEventListener("bufferedamountlow", driver.drive);
    connection?.addEventListener("connectionstatechange", this.update);
    if (this.#isUsable()) {
      this.#isOpen = true;
      driver.session.handleTransportOpened(this.peer);
      queueMicrotask(() => driver.routes.get(this.peer) === this && this.#isOpen && this.handlers.state?.("open"));
    } else if (channel.readyState !== "connecting") {
      driver.session.handleTransportClosed(this.peer);
    }
  }

  readonly detach = (): void => {
    const { channel, driver, handlers: { connection } } = this;
    channel.removeEventListener("open", this.update);
    channel.removeEventListener("close", this.update);
    channel.removeEventListener("error", this.#error);
    channel.removeEventListener("message", this.#message);
    channel.removeEventListener("bufferedamountlow", driver.drive);
    connection?.removeEventListener("connectionstatechange", this.update);
    if (driver.routes.get(this.peer) !== this) return;
    driver.routes.delete(this.peer);
    driver.session.handleTransportClosed(this.peer);
  };

  /** Tells the session whether the channel can be used, if that has changed; not every change has an event. */
  readonly update = (): void => {
    const isOpen = this.#isUsable();
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    const { driver: { session }, handlers } = this;
    if (isOpen) session.handleTransportOpened(this.peer);
    else session.handleTransportClosed(this.peer);
    handlers.state?.(isOpen ? "open" : this.#hasFailed() ? "failed" : "closed");
  };

  isFree(): boolean {
    return this.#isUsable() && this.channel.bufferedAmount <= MAX_BUFFERED;
  }

  #isUsable(): boolean {
    return this.channel.readyState === "open" && !this.#hasFailed();
  }

  #hasFailed(): boolean {
    const state = this.handlers.connection?.connectionState;
    return this.channel.readyState === "open" && (state === "failed" || state === "closed");
  }

  readonly #error = (): void => this.handlers.state?.("error");

  readonly #message = ({ data }: MessageEvent<unknown>): void => {
    if (typeof data === "string") this.handlers.text?.(data);
    else if (data instanceof ArrayBuffer) this.#receive(new Uint8Array(data));
    // A message that arrived before `binaryType` was set.
    else if (data instanceof Blob) void data.arrayBuffer().then((buffer) => this.#receive(new Uint8Array(buffer)));
  };

  #receive(datagram: Uint8Array): void {
    const { driver } = this;
    if (driver.routes.get(this.peer) !== this) return; // detached meanwhile
    if (driver.session.handleDatagram(this.peer, datagram) === "game") this.handlers.game?.(datagram);
    driver.drive();
  }
}

class Driver {
  readonly routes = new Map<number, Route>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #driving = false;

  constructor(readonly session: Session) {
    session.onwork = this.drive;
  }

  /** Reports all events, sends all datagrams that are due, and sets the timer for the next deadline. */
  readonly drive = (): void => {
    if (this.#driving) return; // called from an event handler: the loop below continues
    this.#driving = true;
    try {
      const { session } = this;
      for (const route of this.routes.values()) route.update();
      for (let event; session.onevent !== undefined && (event = session.pollEvent()) !== undefined;) session.onevent(event);
      for (const route of this.routes.values()) this.#send(route);
    } finally {
      this.#driving = false;
      this.#arm();
    }
  };

  #send({ peer, channel }: Route): void {
    while (this.routes.get(peer)?.isFree()) {
      const transmit = this.session.pollTransmit(peer);
      if (transmit === undefined) return;
      try {
        channel.send(transmit.datagram);
      } catch {
        return; // The channel has just closed or is full: the datagram counts as lost. The channel's events report the rest.
      }
    }
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const at = this.routes.size === 0 ? undefined : this.session.pollTimeout();
    if (at === undefined) return;
    this.#timer = setTimeout(() => {
      this.session.handleTimeout();
      this.drive();
    }, Math.min(Math.max(0, at - performance.now()), 2 ** 31 - 1));
  }
}

const drivers = new WeakMap<Session, Driver>();

/**
 * Connects a session to a peer over a channel, at any moment of the channel's life, until the returned function is called.
 * When the channel closes or its connection fails, the peer counts as disconnected; attach the next channel, and it continues.
 */
export function attach(session: Session, peer: number, channel: Channel, handlers: Handlers = {}): () => void {
  const driver = drivers.get(session) ?? new Driver(session);
  drivers.set(session, driver);
  driver.routes.get(peer)?.detach();
  const route = new Route(driver, peer, channel, handlers);
  driver.routes.set(peer, route);
  route.listen();
  return route.detach;
}
