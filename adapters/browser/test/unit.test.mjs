// Tests the package without a browser, over fake channels: node --test.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { ClassicPeer } from "../demo/classic-peer.js";
import { InputwireError, attach } from "../dist/index.js";
import { FakeChannel, create, events, module, sleep } from "./support.mjs";

const SESSION_ID = 0x1badcafen;

async function two(options = {}, wire = "compact") {
  const endpoints = [];
  for (const player of [0, 1]) {
    const session = await create({ sessionId: SESSION_ID, localPlayer: player, incarnation: 2n ** 40n + BigInt(player), ...options });
    const peer = session.addPeer({ player: 1 - player, wire });
    endpoints.push({ session, peer });
  }
  return endpoints;
}

test("a module imports nothing and has at most 40 KiB", async () => {
  for (const inputLength of [1, 2, 4, 8, 16]) {
    const bytes = await module(inputLength);
    assert.deepEqual(WebAssembly.Module.imports(await WebAssembly.compile(bytes)), []);
    assert.ok(bytes.length <= 40 * 1024, `${bytes.length} bytes for inputs of ${inputLength}`);
  }
});

for (const [wire, inputLength] of [["compact", 1], ["compact", 2], ["compact", 4], ["compact", 8], ["compact", 16], ["classic", 1]]) {
  test(`600 frames each way, ${wire}, ${inputLength} bytes`, async () => {
    const [a, b] = await two({ inputLength }, wire);
    const delivered = [[], []];
    const input = (player, frame) => Uint8Array.from({ length: inputLength }, (_, i) => (frame * 7 + player * 31 + i * 3) & 255);
    let now = 1000;
    const exchange = () => {
      for (let going = true; going;) {
        going = false;
        for (const [from, to] of [[a, b], [b, a]]) {
          for (let transmit; (transmit = from.session.pollTransmit());) {
            going = true;
            assert.equal(to.session.handleDatagram(to.peer, transmit.datagram, now), "accepted");
          }
          for (const event of events(to.session)) if (event.kind === "input") delivered[to === a ? 0 : 1].push(event);
        }
      }
    };
    exchange();
    for (let frame = 0; frame < 600; frame++) {
      now += 1000 / 60;
      for (const [player, { session }] of [a, b].entries()) {
        session.handleTimeout(now);
        assert.deepEqual(session.pushInput(input(player, frame), now), { frame });
      }
      exchange();
    }
    for (const [player, list] of delivered.entries()) {
      assert.equal(list.length, 600);
      list.forEach((event, frame) => {
        assert.equal(event.frame, frame);
        assert.deepEqual(event.input, input(1 - player, frame));
      });
    }
    assert.equal(a.session.nextFrame, 600);
    assert.equal(a.session.confirmedFrame, 599);
    assert.deepEqual(a.session.remoteInput(a.peer, 599), input(1, 599));
    assert.deepEqual(a.session.localInput(599), input(0, 599));
    assert.equal(a.session.remoteInput(a.peer, 0), undefined);
    const stats = a.session.stats(a.peer);
    assert.equal(stats.health, "good");
    assert.equal(stats.lostInputs, 0);
    assert.equal(stats.refused, 0);
    assert.ok(stats.rtt.smoothed >= 0);
    assert.ok(stats.packetsSent >= 600 && stats.bytesSent > stats.packetsSent);
  });
}

test("a full window names the peer that it waits for", async () => {
  const [a] = await two();
  for (let frame = 0; frame < 120; frame++) assert.deepEqual(a.session.pushInput(Uint8Array.of(1), 0), { frame });
  assert.deepEqual(a.session.pushInput(Uint8Array.of(1), 0), { waitingFor: a.peer });
});

test("a bad call throws an error that says why", async () => {
  const [{ session }] = await two();
  assert.throws(() => session.pushInput(Uint8Array.of(1, 2)), InputwireError);
  assert.throws(() => session.addPeer({ player: 1 }), /player number taken/);
  assert.throws(() => session.addPeer({ player: 70_000 }), InputwireError);
  await assert.rejects(create({ sessionId: SESSION_ID, localPlayer: 0, redundancy: 16 }), /redundancy must be 1 to 15/);
  await assert.rejects(create({ sessionId: SESSION_ID, localPlayer: 0, key: new Uint8Array(15) }), RangeError);
  const wide = await create({ sessionId: SESSION_ID, localPlayer: 0, inputLength: 2 });
  assert.throws(() => wide.addPeer({ player: 1, wire: "classic" }), /one byte only/);
  assert.equal(session.stats(17), undefined);
});

test("junk of any length is refused", async () => {
  const [a] = await two();
  for (const length of [0, 1, 2, 5, 9, 27, 1024, 1025, 70_000]) {
    const junk = Uint8Array.from({ length }, (_, i) => i * 37);
    assert.equal(a.session.handleDatagram(a.peer, junk), "refused");
  }
  assert.equal(a.session.handleDatagram(99, Uint8Array.of(1)), "refused");
});

test("the vectors of the classic wire are handled", async () => {
  const session = await create({ sessionId: SESSION_ID, localPlayer: 9 });
  const peer = session.addPeer({ player: 1, wire: "classic" });
  const inputs = Uint8Array.from(Buffer.from("0100010000006704000000006404000000650500000066060000006707", "hex"));
  assert.equal(session.handleDatagram(peer, inputs), "accepted");
  assert.deepEqual(events(session).filter(({ kind }) => kind === "input").map(({ frame, input }) => [frame, input[0]]),
    [[100, 4], [101, 5], [102, 6], [103, 7]]);
  for (const first of [0x05, 0x06, 0x07, 0x14]) assert.equal(session.handleDatagram(peer, Uint8Array.of(first, 1)), "game");
});

test("a datagram with another key is refused", async () => {
  const key = Uint8Array.from({ length: 16 }, (_, i) => i);
  const [a, b] = await two({ key });
  const [, c] = await two({ key: key.map((byte) => byte ^ 1) });
  const { datagram } = a.session.pollTransmit();
  assert.equal(c.session.handleDatagram(c.peer, datagram), "refused");
  assert.equal(b.session.handleDatagram(b.peer, datagram), "accepted");
});

test("an incarnation is drawn unless it is given, and a removed peer raises it", async () => {
  const drawn = await Promise.all([0, 1].map(() => create({ sessionId: SESSION_ID, localPlayer: 0 })));
  const [one, other] = drawn.map((session) => session.incarnation);
  assert.ok(one !== other && one >= 2n ** 32n && other >= 2n ** 32n);
  const [{ session, peer }] = await two();
  assert.equal(session.incarnation, 2n ** 40n);
  session.removePeer(peer);
  assert.equal(session.incarnation, 2n ** 40n + 1n);
  await assert.rejects(create({ sessionId: SESSION_ID, localPlayer: 0, incarnation: 7n }), /at least 2\^32/);
});

test("a pair has a key of its own, and short tags must be the same at both ends", async () => {
  const [one, other] = [1, 2].map((byte) => new Uint8Array(16).fill(byte));
  const endpoint = async (localPlayer, key, options) => {
    const session = await create({ sessionId: SESSION_ID, localPlayer, ...options });
    return { session, peer: session.addPeer({ player: 1 - localPlayer, key }) };
  };
  const hello = async (...from) => (await endpoint(0, ...from)).session.pollTransmit().datagram;
  const { session, peer } = await endpoint(1, one, { shortTags: true });
  assert.equal(session.handleDatagram(peer, await hello(other)), "refused");
  assert.equal(session.handleDatagram(peer, await hello(one)), "accepted");
  assert.deepEqual(events(session), [{ kind: "mismatch", peer, field: "tagSize", local: 4n, remote: 8n }]);
  assert.equal(session.handleDatagram(peer, await hello(one, { shortTags: true })), "accepted");
  assert.throws(() => session.addPeer({ player: 2, key: new Uint8Array(15) }), RangeError);
});

test("a page that was loaded anew is told, and followed into the next epoch", async () => {
  const [a, first] = await two();
  let [b, now] = [first, 0];
  const seen = [];
  const round = () => {
    now += 17;
    for (const [from, to] of [[a, b], [b, a]]) {
      from.session.handleTimeout(now);
      for (let transmit; (transmit = from.session.pollTransmit());) to.session.handleDatagram(to.peer, transmit.datagram, now);
      for (const event of events(to.session)) {
        seen.push(event.kind);
        if (event.kind === "restarted") to.session.beginEpoch(to.session.nextEpoch, now);
        if (event.kind === "epochAhead") to.session.beginEpoch(event.epoch, now);
      }
    }
  };
  for (let i = 0; i < 10; i++) round();
  const session = await create({ sessionId: SESSION_ID, localPlayer: 1 });
  b = { session, peer: session.addPeer({ player: 0 }, now) };
  for (let i = 0; i < 80; i++) round();
  assert.ok(seen.includes("restarted") && seen.includes("epochAhead"), `${seen}`);
  assert.equal(seen.at(-1), "connected");
  assert.equal(a.session.nextEpoch, 2);
});

test("different checksums are reported", async () => {
  const [a, b] = await two();
  let now = 0;
  const seen = [];
  const round = () => {
    now += 17;
    for (const [from, to] of [[a, b], [b, a]]) {
      from.session.handleTimeout(now);
      for (let transmit; (transmit = from.session.pollTransmit());) to.session.handleDatagram(to.peer, transmit.datagram, now);
      seen.push(...events(to.session));
    }
  };
  for (let i = 0; i < 5; i++) round();
  for (const [endpoint, hash] of [[a, 1n], [b, 2n]]) {
    endpoint.session.pushInput(Uint8Array.of(0), now);
    assert.throws(() => endpoint.session.pushChecksum(0, hash, now), /not confirmed/);
  }
  for (let i = 0; i < 5; i++) round();
  for (const [endpoint, hash] of [[a, 1n], [b, 2n]]) assert.equal(endpoint.session.pushChecksum(0, hash, now), true);
  for (let i = 0; i < 40; i++) round();
  const desync = seen.find(({ kind }) => kind === "desync");
  assert.deepEqual([desync.frame, desync.local + desync.remote], [0, 3n]);
});

test("an attached session drives itself", async () => {
  const [a, b] = await two();
  const [left, right] = FakeChannel.pair();
  const delivered = [];
  const states = [];
  const goodbyes = [];
  b.session.onevent = (event) => {
    if (event.kind === "input") delivered.push(event.input[0]);
    if (event.kind === "peerClosed") goodbyes.push(event);
  };
  a.session.onevent = () => {};
  attach(a.session, a.peer, left, { state: (state) => states.push(state) });
  const detach = attach(b.session, b.peer, right);
  assert.equal(left.sent.length, 0);
  left.open();
  right.open();
  await sleep(5);
  for (let i = 0; i < 20; i++) a.session.pushInput(Uint8Array.of(i));
  await sleep(20);
  assert.deepEqual(delivered, [...Array(20).keys()]);

  // Deadlines are kept: pings are sent.
  const before = left.sent.length;
  await sleep(500);
  assert.ok(left.sent.length > before && left.sent.length < before + 20, `${left.sent.length - before} datagrams while idle`);

  // A new channel continues where the closed one was.
  left.close();
  assert.equal(a.session.stats(a.peer).health, "disconnected");
  for (let i = 20; i < 40; i++) a.session.pushInput(Uint8Array.of(i));
  right.close();
  const [left2, right2] = FakeChannel.pair();
  left2.open();
  right2.open();
  attach(a.session, a.peer, left2, { state: (state) => states.push(state) });
  attach(b.session, b.peer, right2);
  await sleep(50);
  assert.deepEqual(delivered, [...Array(40).keys()]);
  detach(); // of the first channel: has no effect any more
  a.session.pushInput(Uint8Array.of(40));
  await sleep(20);
  assert.equal(delivered.length, 41);
  a.session.close();
  assert.equal(a.session.isClosed, false);
  await sleep(100);
  assert.equal(a.session.isClosed, true); // three goodbyes, a frame apart
  assert.deepEqual(goodbyes, [{ kind: "peerClosed", peer: b.peer, epoch: 0, end: 41 }]);
  assert.throws(() => a.session.pushInput(Uint8Array.of(1)), /the session was closed/);
  assert.deepEqual(states, ["open", "closed"]);
  attach(a.session, a.peer, new FakeChannel());
  attach(b.session, b.peer, new FakeChannel());
});

test("nothing is polled while datagrams are buffered, then the latest inputs are sent", async () => {
  const [a] = await two({}, "classic");
  const channel = new FakeChannel();
  const detach = attach(a.session, a.peer, channel);
  channel.open();
  assert.equal(channel.binaryType, "arraybuffer");
  assert.equal(channel.bufferedAmountLowThreshold, 0);
  const before = channel.sent.length;
  channel.bufferedAmount = 9;
  for (let i = 0; i < 30; i++) a.session.pushInput(Uint8Array.of(i));
  await sleep(30);
  assert.equal(channel.sent.length, before);
  channel.bufferedAmount = 0;
  channel.dispatchEvent(new Event("bufferedamountlow"));
  const inputs = channel.sent.slice(before).filter((datagram) => datagram[0] === 1);
  assert.equal(inputs.length, 1);
  assert.deepEqual([...inputs[0].slice(3, 9)], [0, 0, 0, 29, 3, 0]);
  detach();
});

test("game messages are passed to the game, text and blobs are ignored", async () => {
  const [a] = await two({}, "classic");
  const channel = new FakeChannel();
  const game = [];
  channel.open();
  const detach = attach(a.session, a.peer, channel, { game: (message) => game.push([...message]) });
  channel.receive('{"type":"test"}');
  channel.receive(Uint8Array.of(0x14, 1));
  channel.receive(Uint8Array.of(0x07, 1, 2, 3));
  channel.dispatchEvent(new MessageEvent("message", { data: new Blob([]) }));
  assert.deepEqual(game, [[0x14, 1], [0x07, 1, 2, 3]]);
  const { packetsReceived, refused } = a.session.stats(a.peer);
  assert.equal(packetsReceived, 0);
  assert.equal(refused, 2);
  detach();
});

test("with two peers, a buffered channel does not delay the other", async () => {
  const session = await create({ sessionId: SESSION_ID, localPlayer: 0 });
  const channels = [1, 2].map((player) => {
    const peer = session.addPeer({ player, wire: "classic" });
    const channel = new FakeChannel();
    channel.open();
    return { channel, detach: attach(session, peer, channel) };
  });
  channels[0].channel.bufferedAmount = 1;
  const before = channels.map(({ channel }) => channel.sent.length);
  session.pushInput(Uint8Array.of(1));
  assert.equal(channels[0].channel.sent.length, before[0]);
  assert.equal(channels[1].channel.sent.length, before[1] + 1);
  channels.forEach(({ detach }) => detach());
});

test("an independent classic peer, written from the protocol, plays against a session", async () => {
  const session = await create({ sessionId: SESSION_ID, localPlayer: 0 });
  const peer = session.addPeer({ player: 1, wire: "classic" });
  const [left, right] = FakeChannel.pair();
  left.open();
  right.open();
  const [local, remote, validated] = [[], [], []];
  session.onevent = (event) => event.kind === "input" && remote.push([event.frame, event.input[0]]);
  const original = new ClassicPeer({ player: 1, peer: 0, channel: right,
    input: (frame, action) => local.push([frame, action]), validated: (rtt) => validated.push(rtt) });
  const detach = attach(session, peer, left);
  original.validate();
  // More datagrams in a row are lost each way than a redundancy of 3 covers: the missing inputs must be requested.
  let cut = false;
  left.through = (data) => !(cut && data[0] === 1);
  right.through = left.through;
  for (let frame = 0; frame < 60; frame++) {
    cut = frame >= 20 && frame < 26;
    session.pushInput(Uint8Array.of(frame));
    original.push(frame ^ 0xff);
    await sleep(17);
  }
  await sleep(300);
  const sorted = (list) => list.toSorted(([a], [b]) => a - b);
  assert.deepEqual(sorted(local), Array.from({ length: 60 }, (_, frame) => [frame, frame]));
  assert.deepEqual(sorted(remote), Array.from({ length: 60 }, (_, frame) => [frame, frame ^ 0xff]));
  assert.equal(session.stats(peer).lostInputs, 0);
  assert.equal(validated.length, 1);
  original.close();
  detach();
});

test("the types use no `any` and suppress no error", async () => {
  for (const file of ["abi", "attach", "session", "index"]) {
    const text = await readFile(new URL(`../src/${file}.ts`, import.meta.url), "utf8");
    assert.doesNotMatch(text, /\bany\b|@ts-/);
  }
});
