// Drives a session over data channels: sends when an input is pushed, a message received or a deadline reached, and never sends stale data.

import type { Session } from "./session.js";

export interface Handlers {
  /** A message of the classic game (0x05, 0x06, 0x07, 0x14), not of the transport. */
  game?: (message: Uint8Array) => void;
  /** The channel has opened, closed or failed. */
  state?: (state: "open" | "closed" | "error") => void;
}

/** The part of an `RTCDataChannel` that is used. Create the channel with `ordered: false, maxRetransmits: 0`. */
export type Channel = Pick<RTCDataChannel, "binaryType" | "bufferedAmount" | "bufferedAmountLowThreshold" | "readyState"
  | "send" | "addEventListener" | "removeEventListener">;

class Driver {
  readonly channels = new Map<number, { channel: Channel; detach: () => void }>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #driving = false;

  constructor(readonly session: Session) {
    session.onwork = () => this.drive();
  }

  /** Reports all events, sends all datagrams that are due, and sets the timer for the next deadline. */
  drive(): void {
    if (this.#driving) return; // called from an event handler: the loop below continues
    this.#driving = true;
    try {
      const { session } = this;
      for (let event; session.onevent !== undefined && (event = session.pollEvent()) !== undefined;) session.onevent(event);
      // While earlier datagrams are still buffered, none is built: a later one carries newer inputs. With several channels,
      // a datagram for one that is buffered is dropped, as if lost.
      while ([...this.channels.values()].some(({ channel }) => isFree(channel))) {
        const transmit = session.pollTransmit();
        if (transmit === undefined) break;
        const channel = this.channels.get(transmit.peer)?.channel;
        if (channel === undefined || !isFree(channel)) continue;
        try {
          channel.send(transmit.datagram);
        } catch {
          // The channel has just closed or is full: the datagram counts as lost. The channel's events report the rest.
        }
      }
    } finally {
      this.#driving = false;
      this.arm();
    }
  }

  arm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const at = this.channels.size === 0 ? undefined : this.session.pollTimeout();
    if (at === undefined) return;
    this.#timer = setTimeout(() => {
      this.session.handleTimeout();
      this.drive();
    }, Math.min(Math.max(0, at - performance.now()), 2 ** 31 - 1));
  }
}

function isFree(channel: Channel): boolean {
  return channel.readyState === "open" && channel.bufferedAmount === 0;
}

const drivers = new WeakMap<Session, Driver>();

/**
 * Connects a session to a peer over a channel, until the returned function is called. When the channel closes, the peer
 * counts as disconnected; attach the next channel, and it continues.
 */
export function attach(session: Session, peer: number, channel: Channel, handlers: Handlers = {}): () => void {
  const driver = drivers.get(session) ?? new Driver(session);
  drivers.set(session, driver);
  driver.channels.get(peer)?.detach();

  const drive = () => driver.drive();
  const open = () => {
    session.handleTransportOpened(peer);
    handlers.state?.("open");
  };
  const close = () => {
    session.handleTransportClosed(peer);
    handlers.state?.("closed");
  };
  const error = () => handlers.state?.("error");
  const message = ({ data }: MessageEvent<unknown>) => {
    if (!(data instanceof ArrayBuffer)) return; // text belongs to the game
    const datagram = new Uint8Array(data);
    if (session.handleDatagram(peer, datagram) === "game") handlers.game?.(datagram);
    driver.drive();
  };
  const detach = () => {
    channel.removeEventListener("open", open);
    channel.removeEventListener("close", close);
    channel.removeEventListener("error", error);
    channel.removeEventListener("message", message);
    channel.removeEventListener("bufferedamountlow", drive);
    if (driver.channels.get(peer)?.channel !== channel) return;
    driver.channels.delete(peer);
    session.handleTransportClosed(peer);
  };

  channel.binaryType = "arraybuffer";
  channel.bufferedAmountLowThreshold = 0;
  channel.addEventListener("open", open);
  channel.addEventListener("close", close);
  channel.addEventListener("error", error);
  channel.addEventListener("message", message);
  channel.addEventListener("bufferedamountlow", drive);
  driver.channels.set(peer, { channel, detach });
  if (channel.readyState === "open") session.handleTransportOpened(peer);
  else session.handleTransportClosed(peer);
  return detach;
}
