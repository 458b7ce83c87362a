// Drives a session over data channels: sends what is due on push, receipt and deadline, and never what has gone stale.

import type { Session } from "./session.js";

export interface Handlers {
  /** A message of the classic game (0x05, 0x06, 0x07, 0x14): not the transport's. */
  game?: (message: Uint8Array) => void;
  /** The channel has opened, closed or failed. */
  state?: (state: "open" | "closed" | "error") => void;
}

/** What is used of an `RTCDataChannel`; one made with `ordered: false, maxRetransmits: 0`. */
export type Channel = Pick<RTCDataChannel, "binaryType" | "bufferedAmount" | "bufferedAmountLowThreshold" | "readyState"
  | "send" | "addEventListener" | "removeEventListener">;

class Driver {
  readonly channels = new Map<number, { channel: Channel; detach: () => void }>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #driving = false;

  constructor(readonly session: Session) {
    session.onwork = () => this.drive();
  }

  /** Tells what there is to tell, sends what is due, and sets the timer for what will be. */
  drive(): void {
    if (this.#driving) return; // called from a handler: the loop below goes on
    this.#driving = true;
    try {
      const { session } = this;
      for (let event; session.onevent !== undefined && (event = session.pollEvent()) !== undefined;) session.onevent(event);
      // While datagrams of ours are still buffered nothing is built: later ones say more. With several channels, what
      // is meant for one that is buffered is let go, as if lost.
      while ([...this.channels.values()].some(({ channel }) => isFree(channel))) {
        const transmit = session.pollTransmit();
        if (transmit === undefined) break;
        const channel = this.channels.get(transmit.peer)?.channel;
        if (channel === undefined || !isFree(channel)) continue;
        try {
          channel.send(transmit.datagram);
        } catch {
          // The channel has just closed, or is full: a datagram lost, and its events say the rest.
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
 * Lets a session talk to a peer over a channel until the answer is called. A channel that closes closes the peer;
 * attach the next one, and it goes on.
 */
export function attach(session: Session, peer: number, channel: Channel, handlers: Handlers = {}): () => void {
  const driver = drivers.get(session) ?? new Driver(session);
  drivers.set(session, driver);
  driver.channels.get(peer)?.detach();

  const drive = () => driver.drive();
  const open = () => {
    session.openPeer(peer);
    handlers.state?.("open");
  };
  const close = () => {
    session.closePeer(peer);
    handlers.state?.("closed");
  };
  const error = () => handlers.state?.("error");
  const message = ({ data }: MessageEvent<unknown>) => {
    if (!(data instanceof ArrayBuffer)) return; // text is the game's, and not of the wire
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
    session.closePeer(peer);
  };

  channel.binaryType = "arraybuffer";
  channel.bufferedAmountLowThreshold = 0;
  channel.addEventListener("open", open);
  channel.addEventListener("close", close);
  channel.addEventListener("error", error);
  channel.addEventListener("message", message);
  channel.addEventListener("bufferedamountlow", drive);
  driver.channels.set(peer, { channel, detach });
  if (channel.readyState === "open") session.openPeer(peer);
  else session.closePeer(peer);
  return detach;
}
