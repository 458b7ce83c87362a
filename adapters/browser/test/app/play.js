// Two sessions that play without a network: proves that an entry of the package works where it was bundled.

/** Returns "60 frames" if all is well. */
export function play(create) {
  const sessions = [0, 1].map((player) => create({ sessionId: 0x5eedn, localPlayer: player }));
  const peers = sessions.map((session, player) => session.addPeer({ player: 1 - player }));
  let [now, delivered] = [0, 0];
  for (let frame = 0; frame < 60; frame++) {
    now += 17;
    sessions.forEach((session) => session.pushInput(Uint8Array.of(frame), now));
    for (let rounds = 0; rounds < 4; rounds++) {
      sessions.forEach((session, player) => {
        for (let transmit; (transmit = session.pollTransmit(peers[player])) !== undefined;) {
          sessions[1 - player].handleDatagram(peers[1 - player], transmit.datagram, now);
        }
      });
    }
    sessions.forEach((session) => {
      for (let event; (event = session.pollEvent()) !== undefined;) {
        if (event.kind === "input" && event.input[0] === event.frame) delivered++;
      }
    });
  }
  return `${delivered / 2} frames`;
}

/** Runs `page` here and `worker` in a worker; the test reads `globalThis.outcome`. */
export async function report(page, worker) {
  try {
    const other = new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => resolve(event.message);
    });
    globalThis.outcome = `page: ${await page()}, worker: ${await other}`;
  } catch (error) {
    globalThis.outcome = String(error?.stack ?? error);
  }
}
