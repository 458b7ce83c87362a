// Whose hello a datagram is, before there is a session or a peer for its sender.

/** The hello in a datagram of the compact wire. Nothing is verified: any bytes may look like one, and anybody may repeat one. */
export interface Hello {
  /** Of the compact wire, as its sender speaks it; this library speaks 1. */
  version: number;
  sender: number;
  receiver: number;
}

/** 3.9 of the protocol; numbers are big-endian. */
const TYPE = 0x20;
/** The shortest hello with a key; its tag is longer. */
const KEYED_LENGTH = 56;

/** Returns the hello in a datagram; undefined if it is something else. `helloFits` of a session tells whether it could play with the sender. */
export function peekHello(datagram: Uint8Array): Hello | undefined {
  const at = datagram.length < KEYED_LENGTH ? 3 : 9;
  if (datagram[0] !== TYPE || datagram.length < at + 5) return undefined;
  const view = new DataView(datagram.buffer, datagram.byteOffset + at, 5);
  return { version: view.getUint8(0), sender: view.getUint16(1), receiver: view.getUint16(3) };
}
