// Compiled with every check of TypeScript, the package's declarations included.

import { type ChannelHandlers, type Departure, type Event, InputwireError, Session, type Stats, attach, attachRelay } from "inputwire";
import { Session as Inline } from "inputwire/inline";

export async function start(channel: RTCDataChannel, connection: RTCPeerConnection): Promise<() => void> {
  const session: Session = await Session.create({ sessionId: 1n, localPlayer: 0, incarnation: 7n << 32n });
  const peer: number = session.addPeer({ player: 1, wire: "classic", incarnation: 8n << 32n });
  session.onevent = (event: Event) => {
    if (event.kind === "input") console.log(event.frame, event.input[0] ?? 0);
    else if (event.kind === "lost") console.log(event.first + event.count);
    else if (event.kind === "departed") console.log(event.peer, event.last?.toFixed());
    else if (event.kind === "dropped") console.log(event.by.toFixed());
  };
  const handlers: ChannelHandlers = { connection, game: (message) => console.log(message.length), text: (text) => console.log(text.length) };
  const stats: Stats | undefined = session.stats(peer);
  console.log(stats?.rtt?.mean.toFixed(1));
  const pushed = session.pushInput(Uint8Array.of(1));
  const departure: Departure | undefined = session.departure(peer);
  if (departure?.kind === "departed" && session.departuresSettled) session.addPeer({ player: 2, from: session.nextFrame + 60 });
  console.log("frame" in pushed ? pushed.frame : pushed.waitingFor);
  attachRelay(session, peer, new WebSocket("wss://example.org"), { policy: "always", route: ({ relay, cause }) => console.log(relay, cause) });
  return attach(session, peer, channel, handlers);
}

export function startAtOnce(channel: RTCDataChannel): () => void {
  try {
    const session = Inline.createSync({ sessionId: 1n, localPlayer: 0 });
    return attach(session, session.addPeer({ player: 1 }), channel);
  } catch (error) {
    if (error instanceof InputwireError) console.log(error.status);
    throw error;
  }
}
