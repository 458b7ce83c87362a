// Tests the rollback twin: two or three drivers over a network in virtual time, each against a plain simulation.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Rollback } from "../dist/index.js";
import { create } from "./support.mjs";

const FRAME = 1000 / 60;

/** A generator of random numbers from 0 to 1. */
function random(seed) {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) / 2 ** 24;
  };
}

const mix = (hash, number) => Math.imul(hash ^ number, 0x01000193) >>> 0;
const play = (state, players) => ({
  frames: state.frames + 1,
  hash: players.reduce((hash, { player, input }) => mix(mix(hash, player), input[0]), mix(state.hash, 7)),
});

/** Players with drivers; `send` decides about each datagram when it arrives, or undefined if it does not. */
async function world(players, options = {}, send = (now) => now + 50) {
  const dead = new Set();
  const ends = await Promise.all(Array.from({ length: players }, async (_, player) => {
    const session = await create({ sessionId: 5n, localPlayer: player, incarnation: 2n ** 40n + BigInt(player) });
    const driver = new Rollback(session, {
      localPlayer: player, first: { frames: 0, hash: 1 }, advance: (state, { present }) => play(state, present),
      checksums: { every: 10, hash: ({ hash }) => BigInt(hash) }, ...options,
    });
    const seen = [];
    driver.onevent = (event) => seen.push(event);
    return { player, session, driver, seen, peers: new Map(), steps: [], input: 0, confirmed: new Map() };
  }));
  for (const end of ends) {
    for (const { player } of ends) if (player !== end.player) end.peers.set(end.driver.addPeer({ player }, 0), player);
  }
  const flying = [];
  const pushed = ends.map(() => []);
  let now = 0;
  const frame = (inputs) => {
    now += FRAME;
    for (const packet of flying.filter(({ at }) => at <= now)) {
      flying.splice(flying.indexOf(packet), 1);
      const { session, peers } = ends[packet.to];
      const [from] = [...peers].find(([, player]) => player === packet.from);
      session.handleDatagram(from, packet.datagram, now);
    }
    for (const end of ends.filter(({ player }) => !dead.has(player))) {
      const { session, driver, player, peers } = end;
      session.handleTimeout(now);
      driver.poll();
      end.steps.push(driver.step(Uint8Array.of(inputs(player)), now));
      if (driver.confirmed) end.confirmed.set(driver.confirmed.frame, driver.confirmed.state.hash);
      pushed[player] ??= [];
      for (let frame = pushed[player].length; frame < session.nextFrame; frame++) pushed[player].push(session.localInput(frame));
      for (let transmit; (transmit = session.pollTransmit());) {
        const at = send(now);
        if (at !== undefined) flying.push({ at, from: player, to: peers.get(transmit.peer), datagram: transmit.datagram });
      }
    }
  };
  /** Compares the confirmed state of every end with a plain simulation of what was pushed. */
  const check = () => {
    for (const { driver } of ends) {
      if (driver.confirmed === undefined) continue;
      let state = { frames: 0, hash: 1 };
      for (let frame = 0; frame <= driver.confirmed.frame; frame++) {
        state = play(state, pushed.map((inputs, player) => ({ player, input: inputs[frame] })));
      }
      assert.deepEqual(driver.confirmed.state, state);
    }
  };
  return { ends, frame, check, dead, now: () => now };
}

const held = (seed) => {
  const draw = random(seed);
  const inputs = [];
  return (player) => (inputs[player] = draw() < 0.2 ? Math.floor(draw() * 256) : inputs[player] ?? 0);
};

for (const [players, loss, maxPrediction] of [[2, 0, 8], [2, 0.3, 8], [3, 0.3, 8], [4, 0.2, 4], [3, 0.2, 0]]) {
  test(`confirmed states equal a plain simulation: ${players} players, ${loss} lost, ${maxPrediction} predicted`, async () => {
    for (let seed = 1; seed < 12; seed++) {
      const draw = random(seed);
      const { ends, frame, check } = await world(players, { maxPrediction }, (now) => (draw() < loss ? undefined : now + 20 + draw() * 60));
      const inputs = held(seed);
      for (let number = 0; number < 200; number++) {
        if (number % 40 === seed) ends[number % players].driver.setInputDelay(Math.floor(draw() * 6));
        frame(inputs);
        if (number % 20 === 0) check();
      }
      check();
      for (const { driver, seen, steps } of ends) {
        assert.ok(driver.confirmed.frame > (maxPrediction ? 120 : 30), `${driver.confirmed.frame}`);
        assert.ok(driver.stats.deepest <= maxPrediction);
        assert.ok(steps.every((step) => step.kind !== "roundOver"));
        assert.ok(seen.every(({ kind }) => kind !== "desync" && kind !== "input"));
      }
    }
  });
}

test("every input has the length of the session's, the predicted ones before the first of a player, too", async () => {
  for (const inputLength of [1, 2, 4, 8, 16]) {
    const session = await create({ sessionId: 5n, localPlayer: 0, inputLength });
    const driver = new Rollback(session, { localPlayer: 0, first: [], advance: (_, { of }) => [of(0), of(1), of(7)] });
    driver.addPeer({ player: 1 }, 0);
    driver.step(new Uint8Array(inputLength), 0);
    assert.deepEqual(driver.state.map(({ input, status }) => [input.length, status]),
      [[inputLength, "confirmed"], [inputLength, "predicted"], [inputLength, "departed"]]);
  }
});

test("a game predicts eight frames and then waits for its peer", async () => {
  const { ends: [{ driver, peers }], } = await world(2, {}, () => undefined);
  for (let frame = 0; frame < 8; frame++) assert.deepEqual(driver.step(Uint8Array.of(1), 0), { kind: "advanced", frame, resimulated: 0 });
  assert.deepEqual(driver.step(Uint8Array.of(1), 0), { kind: "waiting", peer: [...peers.keys()][0] });
  assert.equal(driver.confirmed, undefined);
  assert.equal(driver.state.frames, 8);
});

test("a longer delay repeats an input and a shorter one drops one", async () => {
  const session = await create({ sessionId: 5n, localPlayer: 0 });
  const driver = new Rollback(session, { localPlayer: 0, first: [], advance: (state, { of }) => [...state, of(0).input[0]] });
  for (let number = 0; number < 10; number++) {
    if (number === 3) driver.setInputDelay(2);
    if (number === 7) driver.setInputDelay(1);
    driver.step(Uint8Array.of(number), 0);
  }
  assert.deepEqual(driver.state, [0, 1, 2, 3, 3, 3, 4, 5, 6, 8]);
});

test("a game that diverges is reported", async () => {
  const { ends, frame } = await world(2);
  ends[1].driver.endRound(1000, { frames: 0, hash: 1 });
  const { ends: others, frame: play } = await world(2, { advance: (state) => ({ frames: state.frames + 1, hash: Math.random() * 1e9 >>> 0 }) });
  for (let number = 0; number < 60; number++) [frame(() => 0), play(() => 0)];
  assert.ok(ends.every(({ seen }) => seen.every(({ kind }) => kind !== "desync")));
  assert.ok(others.every(({ seen }) => seen.some(({ kind }) => kind === "desync")));
});

test("a round ends with its last frame everywhere, and the next one starts from its own state", async () => {
  const { ends, frame } = await world(3);
  const next = { frames: 1000, hash: 3 };
  for (const { driver } of ends) driver.endRound(40, next);
  for (let number = 0; number < 120; number++) frame(() => number & 3);
  for (const { driver, seen, steps } of ends) {
    assert.deepEqual(seen.filter(({ kind }) => kind === "epochBegun"), [{ kind: "epochBegun", epoch: 1 }]);
    assert.ok(steps.some(({ kind }) => kind === "roundOver"));
    assert.ok(driver.confirmed.frame > 20 && driver.confirmed.state.frames === 1001 + driver.confirmed.frame);
  }
});

test("of two players the one that is left plays on, with zeros for the other", async () => {
  const { ends: [a, b], frame } = await world(2);
  for (let number = 0; number < 60; number++) frame(() => 9);
  b.session.close(60 * FRAME);
  b.driver.step = () => ({ kind: "waiting", peer: 0 });
  for (let number = 0; number < 60; number++) frame(() => 9);
  assert.equal(a.driver.confirmed.frame, 119 - a.driver.stats.waited);
  assert.ok(a.seen.some(({ kind }) => kind === "peerClosed"));
  let status;
  const session = await create({ sessionId: 5n, localPlayer: 0 });
  const alone = new Rollback(session, { localPlayer: 0, first: 0, advance: (state, { of }) => ((status = of(7).status), state) });
  alone.step(Uint8Array.of(0), 0);
  assert.equal(status, "departed");
});

/** How many milliseconds after the last datagram of its only peer that one has departed. */
async function departure(player) {
  const { ends, frame, dead, now } = await world(2);
  for (let number = 0; number < 60; number++) frame(() => 1);
  dead.add(1 - player);
  const start = now();
  for (let number = 0; number < 600; number++) {
    frame(() => 1);
    if (ends[player].seen.some(({ kind }) => kind === "departed")) return now() - start;
  }
}

test("of two who lose each other the one with the greater number waits 200 ms longer", async () => {
  const [smaller, greater] = [await departure(0), await departure(1)];
  assert.ok(Math.abs(greater - smaller - 200) <= FRAME, `${smaller} and ${greater}`);
});

for (const players of [3, 4]) {
  test(`when a player of ${players} dies, the others agree on its last input and play on without it`, async () => {
    for (let seed = 1; seed < 8; seed++) {
      const draw = random(seed);
      const { ends, frame, dead } = await world(players, {}, (now) => (draw() < 0.2 ? undefined : now + 20 + draw() * 60));
      const inputs = held(seed);
      for (let number = 0; number < 90 + seed; number++) frame(inputs);
      dead.add(seed % players);
      for (let number = 0; number < 500; number++) frame(inputs);
      const survivors = ends.filter(({ player }) => !dead.has(player));
      const lasts = survivors.map(({ seen }) => seen.find(({ kind }) => kind === "departed").last);
      assert.ok(lasts.every((last) => last === lasts[0] && last > 60), `${lasts}`);
      for (const { driver, seen, confirmed } of survivors) {
        assert.ok(driver.confirmed.frame > lasts[0] + 60);
        assert.ok(seen.every(({ kind }) => kind !== "desync"));
        for (const [frame, hash] of confirmed) {
          assert.ok(survivors.every((other) => (other.confirmed.get(frame) ?? hash) === hash), `${frame}`);
        }
      }
    }
  });
}

test("a player that is removed goes once its last frame is confirmed, and the others play on", async () => {
  const { ends, frame, dead } = await world(3);
  for (let number = 0; number < 60; number++) frame(() => 2);
  dead.add(2);
  for (const { session, player } of ends) if (player === 2) session.close(60 * FRAME);
  for (const { driver, session, peers } of ends.slice(0, 2)) {
    const [peer] = [...peers].find(([, player]) => player === 2);
    session.disconnectPeer(peer, 60 * FRAME);
  }
  for (let number = 0; number < 40; number++) frame(() => 2);
  for (const { driver, peers } of ends.slice(0, 2)) driver.removePeer([...peers].find(([, player]) => player === 2)[0]);
  for (let number = 0; number < 40; number++) frame(() => 2);
  for (const { driver, session, seen, peers } of ends.slice(0, 2)) {
    assert.ok(seen.some(({ kind }) => kind === "departed") && driver.confirmed.frame > 120);
    assert.equal(session.wireOf([...peers].find(([, player]) => player === 2)[0]), undefined);
  }
  assert.equal(ends[0].driver.confirmed.state.hash, ends[1].confirmed.get(ends[0].driver.confirmed.frame) ?? ends[0].driver.confirmed.state.hash);
});

test("a restarted program starts the game over at both ends", async () => {
  const { ends: [a, b], frame } = await world(2);
  for (let number = 0; number < 60; number++) frame(() => 1);
  b.session = await create({ sessionId: 5n, localPlayer: 1, incarnation: 2n ** 41n });
  b.driver = new Rollback(b.session, { localPlayer: 1, first: { frames: 0, hash: 1 }, advance: (state, { present }) => play(state, present) });
  b.peers = new Map([[b.driver.addPeer({ player: 0 }, 60 * FRAME), 0]]);
  b.driver.onevent = (event) => b.seen.push(event);
  for (let number = 0; number < 120; number++) frame(() => 1);
  for (const { driver, seen } of [a, b]) {
    assert.deepEqual(seen.filter(({ kind }) => kind === "epochBegun"), [{ kind: "epochBegun", epoch: 1 }]);
    assert.ok(driver.confirmed.frame > 60 && driver.confirmed.state.frames === driver.confirmed.frame + 1);
  }
});

test("who joins late starts from the state of those who play, and all confirm the same from there on", async () => {
  const { ends, frame, dead, now } = await world(2);
  for (let number = 0; number < 60; number++) frame(() => 3);
  const from = 80;
  const first = { frames: 0, hash: 1 };
  const session = await create({ sessionId: 5n, localPlayer: 2, incarnation: 2n ** 42n });
  const driver = new Rollback(session, { localPlayer: 2, first, advance: (state, { present }) => play(state, present) });
  const late = { player: 2, session, driver, seen: [], peers: new Map(), steps: [], confirmed: new Map() };
  for (const { player, driver, peers } of ends) {
    peers.set(driver.addPeer({ player: 2, from }, now()), 2);
    late.peers.set(late.driver.addPeer({ player, from }, now()), player);
  }
  ends.push(late);
  dead.add(2); // until it has the state
  for (let number = 0; number < 60 && (ends[0].driver.confirmed?.frame ?? 0) < from - 1; number++) frame(() => 3);
  assert.equal(ends[0].driver.confirmed.frame, from - 1);
  driver.startFrom(ends[0].driver.confirmed.state);
  dead.delete(2);
  for (let number = 0; number < 120; number++) frame((player) => player);
  assert.ok(late.driver.confirmed.frame > from + 60);
  for (const [frame, hash] of late.confirmed) assert.ok(ends.every((end) => (end.confirmed.get(frame) ?? hash) === hash), `${frame}`);
});

/** A driver over a session that says only what the test has it say. */
function scripted(options = {}) {
  const session = {
    inputLength: 1, nextFrame: 0, nextEpoch: 1, departuresSettled: true, health: "good", calls: [],
    addPeer: () => 0, setInputDelay: () => {}, pace: () => undefined, localInput: () => Uint8Array.of(0),
    pushInput: () => ({ frame: session.nextFrame++ }),
    stats: () => ({ unacked: 0, health: session.health }),
    removePeer: (peer) => session.calls.push(["removePeer", peer]),
    disconnectPeer: (peer) => session.calls.push(["disconnectPeer", peer]),
    beginEpoch: (epoch) => session.calls.push(["beginEpoch", epoch]),
  };
  const driver = new Rollback(session, {
    localPlayer: 0, first: [], advance: (state, { of }) => [...state, of(1).input[0]], ...options,
  });
  const seen = [];
  driver.onevent = (event) => seen.push(event);
  driver.addPeer({ player: 1 }, 0);
  const say = (kind, values = {}) => session.onevent({ kind, peer: 0, ...values });
  return { session, driver, seen, say, input: (frame, value) => say("input", { frame, input: Uint8Array.of(value) }) };
}

test("of inputs that are lost the known ones in between are played, and the others stay as they were predicted", () => {
  const { driver, say, input } = scripted();
  input(0, 9);
  for (let frame = 0; frame < 6; frame++) driver.step(Uint8Array.of(0), 0);
  input(2, 7);
  say("lost", { first: 1, count: 2 });
  input(4, 5);
  driver.step(Uint8Array.of(0), 0);
  assert.deepEqual([driver.confirmed.frame, driver.confirmed.state], [4, [9, 9, 7, 9, 5]]);
});

test("a player that was removed is heard no more, and goes before the next epoch begins", () => {
  const { session, driver, seen, say, input } = scripted();
  input(0, 9);
  driver.step(Uint8Array.of(0), 0);
  driver.removePeer(0);
  driver.removePeer(7);
  input(1, 5);
  say("desync");
  driver.endRound(0, []);
  for (let frame = 0; frame < 3; frame++) driver.step(Uint8Array.of(0), 0);
  assert.deepEqual(session.calls, [["removePeer", 0], ["beginEpoch", 1]]);
  assert.deepEqual(seen.map(({ kind }) => kind), ["epochBegun"]);
});

test("a round ends once departures are settled, with the epoch that another player has announced", () => {
  const { session, driver, input } = scripted();
  driver.endRound(0, []);
  driver.step(Uint8Array.of(0), 0);
  input(0, 9);
  [session.departuresSettled, session.nextEpoch] = [false, 4];
  for (let frame = 0; frame < 3; frame++) assert.equal(driver.step(Uint8Array.of(0), 0).kind, "roundOver");
  session.departuresSettled = true;
  driver.step(Uint8Array.of(0), 0);
  assert.deepEqual(session.calls, [["beginEpoch", 3]]);
});

test("an epoch of a peer is reported only where no step answers it", () => {
  const { session, driver, seen, say } = scripted();
  say("epochAhead", { epoch: 2 });
  driver.step(Uint8Array.of(0), 0);
  say("epochAhead", { epoch: 5 });
  driver.step(Uint8Array.of(0), 0);
  assert.deepEqual(seen.map(({ kind }) => kind), ["epochAhead", "epochBegun", "epochBegun"]);
  assert.deepEqual(session.calls, [["beginEpoch", 2], ["beginEpoch", 5]]);
});

test("a peer that is heard again before the next step stays in the game", () => {
  const { session, driver, say } = scripted();
  session.health = "disconnected";
  say("health", { health: "disconnected" });
  session.health = "good";
  driver.step(Uint8Array.of(0), 0);
  session.health = "disconnected";
  driver.step(Uint8Array.of(0), 0);
  assert.deepEqual(session.calls, [["disconnectPeer", 0]]);
});

test("a predictor gets the latest input and how many frames ago it was", async () => {
  const ages = [];
  const { ends: [{ driver }] } = await world(2, { predict: (latest, since) => (ages.push([latest[0], since]), latest) });
  for (let frame = 0; frame < 4; frame++) driver.step(Uint8Array.of(1), 0);
  assert.deepEqual(ages, [[0, 1], [0, 2], [0, 3], [0, 4]]);
});

test("the twin has at most 200 lines, without empty lines and comments", () => {
  const lines = readFileSync(new URL("../src/rollback.ts", import.meta.url), "utf8").split("\n");
  const code = lines.filter((line) => !/^\s*(\/\/.*|\/\*\*.*\*\/\s*)?$/.test(line));
  assert.ok(code.length <= 200, `${code.length}`);
});
