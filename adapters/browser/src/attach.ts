// Drives a session over data channels and sockets: sends when an input is pushed, a message received or a deadline reached, and never sends stale data.

import { Failover, type RouteChange, type RoutePolicy } from "./failover.js";
import type { Session } from "./session.js";

export type RouteState = "open" | "closed" | "failed" | "error";

export interface Handlers {
  /** A binary message that is not the session's: its first byte belongs to no message of the wire, as those of the classic game. */
  game?: (message: Uint8Array) => void;
  /** A text message, which is never the session's. */
  text?: (message: string) => void;
  /** It has opened or closed, its connection has failed ("open" follows if it recovers), or an error was reported. */
  state?: (state: RouteState) => void;
}

export interface ChannelHandlers extends Handlers {
  /** The connection of the channel. A channel stays open when its connection fails; with this, a failure counts as a closed channel. */
  connection?: Connection;
}

export interface RelayHandlers extends Handlers {
  /** When the relay is used beside a channel: "standby" unless set on the compact wire, "always" on the classic one, which resends nothing. */
  policy?: RoutePolicy;
  /** The relay is used from now on, or no longer. */
  route?: (change: RouteChange) => void;
}

/** The part of an `RTCDataChannel` that is used. Create the channel with `ordered: false, maxRetransmits: 0`. */
export type Channel = Pick<RTCDataChannel, "binaryType" | "bufferedAmount" | "bufferedAmountLowThreshold" | "readyState"
  | "send" | "addEventListener" | "removeEventListener">;

/** The part of an `RTCPeerConnection` that is used. */
export type Connection = Pick<RTCPeerConnection, "connectionState" | "addEventListener" | "removeEventListener">;

/** The part of a `WebSocket` that is used. */
export type Socket = Pick<WebSocket, "binaryType" | "bufferedAmount" | "readyState" | "send" | "addEventListener" | "removeEventListener">;

/**
 * Above so many buffered bytes no datagram is built: a later one carries newer inputs. It is not zero, because a browser may
 * count what was sent while the channel opened until the next message is sent.
 */
const MAX_BUFFERED = 16_384;
const SOCKET_CONNECTING = 0;
const SOCKET_OPEN = 1;

type Kind = "direct" | "relay";

/** A channel or a socket to a peer. */
abstract class Route {
  /** Whether it was usable when last looked at. */
  isOpen = false;

  constructor(readonly link: Link, readonly kind: Kind, readonly handlers: Handlers) {}

  abstract isUsable(): boolean;
  abstract isConnecting(): boolean;
  abstract hasFailed(): boolean;
  abstract bufferedAmount(): number;
  abstract send(datagram: Uint8Array<ArrayBuffer>): void;
  abstract listen(): void;
  abstract unlisten(): void;

  /** Looks whether it can be used; not every change has an event. */
  readonly update = (): void => {
    const isOpen = this.isUsable();
    if (isOpen === this.isOpen) return;
    this.isOpen = isOpen;
    this.link.update();
    this.handlers.state?.(isOpen ? "open" : this.hasFailed() ? "failed" : "closed");
  };

  readonly detach = (): void => {
    this.unlisten();
    this.link.remove(this);
  };

  isFree(): boolean {
    return this.isUsable() && this.bufferedAmount() <= MAX_BUFFERED;
  }

  protected readonly error = (): void => this.handlers.state?.("error");

  protected readonly message = ({ data }: MessageEvent<unknown>): void => {
    if (typeof data === "string") this.handlers.text?.(data);
    else if (data instanceof ArrayBuffer) this.link.receive(this, new Uint8Array(data));
    // Not from a channel of the browser, but from others that look alike.
    else if (ArrayBuffer.isView(data)) this.link.receive(this, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    // A message that arrived before `binaryType` was set.
    else if (data instanceof Blob) void data.arrayBuffer().then((buffer) => this.link.receive(this, new Uint8Array(buffer)));
  };
}

class ChannelRoute extends Route {
  constructor(link: Link, readonly channel: Channel, override readonly handlers: ChannelHandlers) {
    super(link, "direct", handlers);
  }

  isUsable(): boolean {
    return this.channel.readyState === "open" && !this.hasFailed();
  }

  isConnecting(): boolean {
    return this.channel.readyState === "connecting";
  }

  hasFailed(): boolean {
    const state = this.handlers.connection?.connectionState;
    return this.channel.readyState === "open" && (state === "failed" || state === "closed");
  }

  bufferedAmount(): number {
    return this.channel.bufferedAmount;
  }

  send(datagram: Uint8Array<ArrayBuffer>): void {
    this.channel.send(datagram);
  }

  listen(): void {
    const { channel, handlers: { connection }, link: { driver } } = this;
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = MAX_BUFFERED;
    channel.addEventListener("open", this.update);
    channel.addEventListener("close", this.update);
    channel.addEventListener("error", this.error);
    channel.addEventListener("message", this.message);
    channel.addEventListener("bufferedamountlow", driver.drive);
    connection?.addEventListener("connectionstatechange", this.update);
  }

  unlisten(): void {
    const { channel, handlers: { connection }, link: { driver } } = this;
    channel.removeEventListener("open", this.update);
    channel.removeEventListener("close", this.update);
    channel.removeEventListener("error", this.error);
    channel.removeEventListener("message", this.message);
    channel.removeEventListener("bufferedamountlow", driver.drive);
    connection?.removeEventListener("connectionstatechange", this.update);
  }
}

class SocketRoute extends Route {
  constructor(link: Link, readonly socket: Socket, override readonly handlers: RelayHandlers) {
    super(link, "relay", handlers);
  }

  isUsable(): boolean {
    return this.socket.readyState === SOCKET_OPEN;
  }

  isConnecting(): boolean {
    return this.socket.readyState === SOCKET_CONNECTING;
  }

  hasFailed(): boolean {
    return false;
  }

  bufferedAmount(): number {
    return this.socket.bufferedAmount;
  }

  send(datagram: Uint8Array<ArrayBuffer>): void {
    this.socket.send(datagram);
  }

  listen(): void {
    const { socket } = this;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", this.update);
    socket.addEventListener("close", this.update);
    socket.addEventListener("error", this.error);
    socket.addEventListener("message", this.message);
  }

  unlisten(): void {
    const { socket } = this;
    socket.removeEventListener("open", this.update);
    socket.removeEventListener("close", this.update);
    socket.removeEventListener("error", this.error);
    socket.removeEventListener("message", this.message);
  }
}

/** All routes to a peer. */
class Link {
  #direct: Route | undefined;
  #relay: SocketRoute | undefined;
  failover: Failover | undefined;
  /** Whether the session counts the transport as open; it does not know of a channel that is still connecting. */
  #isOpen: boolean | undefined;

  constructor(readonly driver: Driver, readonly peer: number) {}

  get all(): Route[] {
    return [this.#direct, this.#relay].filter((route) => route !== undefined);
  }

  add(route: ChannelRoute | SocketRoute): () => void {
    if (route instanceof SocketRoute) {
      this.#relay?.detach();
      this.#relay = route;
      const isClassic = this.driver.session.wireOf(this.peer) === "classic";
      this.failover = new Failover(route.handlers.policy ?? (isClassic ? "always" : "standby"));
    } else {
      this.#direct?.detach();
      this.#direct = route;
    }
    this.driver.links.set(this.peer, this); // the last route may just have left
    route.listen();
    route.isOpen = route.isUsable();
    this.update();
    if (route.isOpen) queueMicrotask(() => this.all.includes(route) && route.isOpen && route.handlers.state?.("open"));
    return route.detach;
  }

  remove(route: Route): void {
    if (route === this.#direct) this.#direct = undefined;
    else if (route === this.#relay) this.#relay = this.failover = undefined;
    else return; // replaced before
    this.update();
    if (this.all.length === 0) this.driver.links.delete(this.peer);
  }

  /** Tells the session whether any route can be used, if that has changed. */
  update(): void {
    const { all, driver: { session }, peer } = this;
    const isOpen = all.some((route) => route.isOpen);
    if (!isOpen && this.#isOpen === undefined && all.some((route) => route.isConnecting())) return;
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    if (isOpen) session.handleTransportOpened(peer);
    else session.handleTransportClosed(peer);
  }

  receive(route: Route, datagram: Uint8Array): void {
    if (!this.all.includes(route)) return; // detached meanwhile
    const outcome = this.driver.session.handleDatagram(this.peer, datagram);
    if (outcome === "accepted" && this.failover !== undefined) {
      this.failover.handleHeard(performance.now(), route.kind);
      const unacked = this.driver.session.stats(this.peer)?.unacked ?? 0;
      this.failover.handleAcked(performance.now(), this.driver.session.nextFrame, unacked);
    }
    if (outcome === "game") route.handlers.game?.(datagram);
    this.driver.drive();
  }

  /** The routes that everything is sent on now. */
  routes(): Route[] {
    const [direct, relay] = [this.#direct, this.#relay];
    if (direct?.isUsable() !== true) return relay === undefined ? [] : [relay];
    return relay === undefined || this.failover?.sendsAll === false ? [direct] : [direct, relay];
  }

  /** Whether the datagram that is sent next on the direct route goes by the relay, too. */
  copies(): boolean {
    return this.#direct?.isUsable() === true && this.failover?.takesRelay(this.driver.session.nextFrame) === true;
  }

  /** Sends what is due. While everything is congested nothing is built. */
  send(): void {
    for (let free; (free = this.routes().filter((route) => route.isFree())).length > 0;) {
      const transmit = this.driver.session.pollTransmit(this.peer);
      if (transmit === undefined) return;
      const relay = this.#relay;
      if (this.copies() && relay?.isFree() === true && !free.includes(relay)) free.push(relay);
      for (const route of free) {
        try {
          route.send(transmit.datagram);
        } catch {
          // It has just closed or is full: the datagram counts as lost. Its events report the rest.
        }
      }
    }
  }

  reportRoute(): void {
    const change = this.failover?.pollChange();
    if (change !== undefined) this.#relay?.handlers.route?.(change);
  }
}

class Driver {
  readonly links = new Map<number, Link>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #driving = false;

  constructor(readonly session: Session) {
    session.onwork = this.drive;
  }

  link(peer: number): Link {
    const link = this.links.get(peer) ?? new Link(this, peer);
    this.links.set(peer, link);
    return link;
  }

  /** Reports all events, sends all datagrams that are due, and sets the timer for the next deadline. */
  readonly drive = (): void => {
    if (this.#driving) return; // called from an event handler: the loop below continues
    this.#driving = true;
    try {
      const { session } = this;
      const links = [...this.links.values()];
      for (const { all } of links) for (const route of all) route.update();
      for (let event; session.onevent !== undefined && (event = session.pollEvent()) !== undefined;) {
        if (event.kind === "health") this.links.get(event.peer)?.failover?.handleHealth(performance.now(), event.health);
        session.onevent(event);
      }
      for (const link of links) {
        link.failover?.handleTimeout(performance.now());
        link.reportRoute();
        link.send();
      }
    } finally {
      this.#driving = false;
      this.#arm();
    }
  };

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.links.size === 0) return;
    const deadlines = [this.session.pollTimeout(), ...[...this.links.values()].map(({ failover }) => failover?.pollTimeout())];
    const at = Math.min(...deadlines.map((deadline) => deadline ?? Infinity));
    if (at === Infinity) return;
    this.#timer = setTimeout(() => {
      this.session.handleTimeout();
      this.drive();
    }, Math.min(Math.max(0, at - performance.now()), 2 ** 31 - 1));
  }
}

const drivers = new WeakMap<Session, Driver>();

function linkOf(session: Session, peer: number): Link {
  if (session.stats(peer) === undefined) throw new RangeError(`there is no peer ${peer} in this session: add it first`);
  const driver = drivers.get(session) ?? new Driver(session);
  drivers.set(session, driver);
  return driver.link(peer);
}

/**
 * Connects a session to a peer over a channel, at any moment of the channel's life, until the returned function is called.
 * When the channel closes or its connection fails, the peer counts as disconnected, unless there is a relay; attach the next
 * channel, and it continues.
 */
export function attach(session: Session, peer: number, channel: Channel, handlers: ChannelHandlers = {}): () => void {
  const link = linkOf(session, peer);
  return link.add(new ChannelRoute(link, channel, handlers));
}

/**
 * Connects a session to a peer over a socket to a server that passes each binary message on to this peer: alone while there is no
 * channel or it has failed, and beside the channel as `policy` says. Both endpoints should have the same policy.
 */
export function attachRelay(session: Session, peer: number, socket: Socket, handlers: RelayHandlers = {}): () => void {
  const link = linkOf(session, peer);
  return link.add(new SocketRoute(link, socket, handlers));
}
