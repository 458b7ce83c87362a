// The number of one start of an endpoint, and how the C interface takes it.

/** Draws a number that tells this start of an endpoint from every other. */
export function drawIncarnation(): bigint {
  const [number] = crypto.getRandomValues(new BigUint64Array(1));
  return number || 1n; // 0 stands for "unknown"
}

/** Writes an incarnation into a configuration. The C interface has 32 bits for it; the lowest ones are used. */
export function putIncarnation(view: DataView, config: number, incarnation: bigint): void {
  view.setUint32(config + 28, lowest(incarnation), true);
}

/** What `iw_session_add_peer` takes as the incarnation of a peer; 0: unknown. */
export function peerIncarnation(incarnation: bigint | undefined): number {
  return incarnation === undefined ? 0 : lowest(incarnation);
}

function lowest(incarnation: bigint): number {
  return Number(BigInt.asUintN(32, incarnation)) || 1;
}
