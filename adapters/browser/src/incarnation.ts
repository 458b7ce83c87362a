// The number of one start of an endpoint.

/** Draws a number that tells this start of an endpoint from every other: at least 2^32, which smaller ones are not taken for drawn. */
export function drawIncarnation(): bigint {
  const [number] = crypto.getRandomValues(new BigUint64Array(1));
  return number! | (1n << 63n);
}
