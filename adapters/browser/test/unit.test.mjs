// Tests the package without a browser, over fake channels: node --test.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { test } from "node:test";

import { Original } from "../demo/original.js";
import { InputwireError, Session, attach, attachRelay, peekHello } from "../dist/index.js";
import { Session as Inline } from "../dist/inline-1.js";
import { Session as InNode } from "../dist/node.js";
import { FakeChannel, FakeSocket, create, events, module, sleep } from "./support.mjs";

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

test("a build without Rust says where to get it, and leaves the last build alone", async () => {
  const build = spawnSync(process.execPath, ["tools/build.mjs"], { env: { PATH: "" }, encoding: "utf8" });
  assert.equal(build.status, 1);
  assert.equal(build.stderr, "the package cannot be built: there is no rustc: install Rust from https://rustup.rs\n");
  assert.ok((await readdir("dist")).includes("index.js"));
});

test("a module imports nothing and has at most 58 KiB", async () => {
  for (const inputLength of [1, 2, 4, 8, 16]) {
    const bytes = await module(inputLength);
    assert.deepEqual(WebAssembly.Module.imports(await WebAssembly.compile(bytes)), []);
    assert.ok(bytes.length <= 58 * 1024, `${bytes.length} bytes for inputs of ${inputLength}`);
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

test("a value that no field holds is refused by its name, and never cut off", async () => {
  const settings = [
    ["localPlayer", undefined], ["localPlayer", NaN], ["localPlayer", 2 ** 32], ["sessionId", -1n], ["sessionId", 2n ** 64n],
    ["incarnation", 2n ** 64n + 2n ** 40n], ["firstFrame", -1], ["firstFrame", 2 ** 32 + 7], ["redundancy", 2 ** 32 + 3],
    ["maxLead", 0.5], ["pingInterval", NaN], ["pingInterval", -1], ["disconnectAfter", 2 ** 32],
  ];
  for (const [name, value] of settings) {
    const named = (error) => error instanceof RangeError && error.message.includes(name);
    await assert.rejects(create({ sessionId: SESSION_ID, localPlayer: 0, [name]: value }), named, `${name}: ${value}`);
  }
  const session = await create({ sessionId: SESSION_ID, localPlayer: 0 });
  const peers = [
    ["player", NaN], ["player", 2 ** 32 + 1], ["from", -1], ["from", 2 ** 32 + 7], ["targetMargin", 2 ** 32 + 1], ["incarnation", 2n ** 64n],
    ["wire", "clasic"],
  ];
  for (const [name, value] of peers) {
    const named = (error) => error instanceof RangeError && error.message.includes(name);
    assert.throws(() => session.addPeer({ player: 1, [name]: value }), named, `${name}: ${value}`);
  }
  session.addPeer({ player: 1 });
  for (const value of [-1, 0.5, NaN, Infinity, 2 ** 32 + 1]) {
    assert.throws(() => session.skipTo(value, Uint8Array.of(0)), /frame/);
    assert.throws(() => session.beginEpoch(value), /epoch/);
    assert.throws(() => session.pushChecksum(value, 0n), /frame/);
    assert.throws(() => session.setInputDelay(value), /frames/);
  }
  assert.deepEqual(session.pushInput(Uint8Array.of(1)), { frame: 0 });
});

test("the margin is how many frames early inputs come, and the pace keeps the target", async () => {
  for (const [targetMargin, stretch] of [[1, 1.004], [2, 1.0002], [3, 0.99935]]) {
    const client = await create({ sessionId: SESSION_ID, localPlayer: 0, mesh: false });
    const server = await create({ sessionId: SESSION_ID, localPlayer: 1000, mesh: false });
    const peers = [client.addPeer({ player: 1000, targetMargin }, 0), server.addPeer({ player: 0 }, 0)];
    assert.equal(client.margin(peers[0]), undefined);
    for (let frame = 0; frame < 100; frame++) {
      const now = 1 + frame * 1000 / 60;
      for (const session of [client, server]) {
        session.handleTimeout(now);
        if (session === client || frame >= 2) session.pushInput(Uint8Array.of(1), now);
        for (let round = 0; round < 3; round++) {
          for (const [from, to, peer] of [[client, server, peers[1]], [server, client, peers[0]]]) {
            for (let transmit; (transmit = from.pollTransmit());) to.handleDatagram(peer, transmit.datagram, now);
            events(to);
          }
        }
      }
    }
    assert.equal(client.margin(peers[0]), 2);
    assert.equal(client.stats(peers[0]).margin, 2);
    assert.equal(client.pace(peers[0]).stretch, stretch);
  }
});

test("a server learns from a hello who wants to play, and what differs", async () => {
  const pair = Uint8Array.of(...Array(16).keys());
  for (const key of [undefined, new Uint8Array(16).fill(7), pair]) {
    const options = { sessionId: SESSION_ID, inputLength: 4, key: key === pair ? new Uint8Array(16) : key };
    const client = await create({ ...options, localPlayer: 7 });
    client.addPeer({ player: 1000, key: key === pair ? pair : undefined }, 0);
    const { datagram } = client.pollTransmit();
    const fits = async (changes) => {
      const server = await create({ ...options, localPlayer: 1000, ...changes });
      return server.helloFits(datagram, key === pair ? pair : undefined);
    };
    const server = await create({ ...options, localPlayer: 1000 });
    assert.deepEqual(peekHello(datagram), { version: 1, sender: 7, receiver: 1000 });
    assert.deepEqual(await fits({}), { kind: "fits" });
    const { text, ...mismatch } = await fits({ inputLength: 2 });
    assert.deepEqual(mismatch, { kind: "mismatch", field: "inputLength", local: 2, remote: 4 });
    assert.match(text, /every endpoint needs the same/);
    assert.equal((await fits({ firstFrame: 9 })).field, "firstFrame");
    assert.equal((await fits({ localPlayer: 8 })).kind, "otherPlayer");
    assert.deepEqual(await fits({ sessionId: 1n }), { kind: "refused", text: "bad tag: corrupted, or of another session, epoch, run, key or setting" });
    if (key === pair) assert.equal(server.helloFits(datagram).kind, "refused");
    for (const junk of [new Uint8Array(0), new Uint8Array(64), new Uint8Array(2000).fill(0x81), datagram.subarray(0, 7)]) {
      assert.equal(peekHello(junk), undefined);
      assert.equal(server.helloFits(junk), undefined);
    }
    // Asking changes nothing: the same datagram is handed over.
    assert.equal(server.handleDatagram(server.addPeer({ player: 7, key: key === pair ? pair : undefined }, 0), datagram, 0), "accepted");
  }
});

test("junk of any length is refused", async () => {
  const [a] = await two();
  for (const length of [0, 1, 2, 5, 9, 27, 1024, 1025, 70_000]) {
    const junk = Uint8Array.from({ length }, (_, i) => i * 37);
    // 0 is the first byte of no message, so a game may use it.
    assert.equal(a.session.handleDatagram(a.peer, junk), length === 0 || length > 1024 ? "refused" : "game");
    if (length > 0) junk[0] = 0x81;
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
  let [b, now] = [first, 1e6]; // later than `addPeer`
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
  assert.deepEqual(states, ["open", "closed", "open"]);
  attach(a.session, a.peer, new FakeChannel());
  attach(b.session, b.peer, new FakeChannel());
});

test("a channel to a peer that is not there is refused", async () => {
  const [a] = await two();
  assert.throws(() => attach(a.session, a.peer + 1, new FakeChannel()), /no peer/);
});

test("nothing is polled while datagrams are buffered, then the latest inputs are sent", async () => {
  const [a] = await two({}, "classic");
  const channel = new FakeChannel();
  const detach = attach(a.session, a.peer, channel);
  channel.open();
  assert.equal(channel.binaryType, "arraybuffer");
  assert.equal(channel.bufferedAmountLowThreshold, 16_384);
  const before = channel.sent.length;
  channel.bufferedAmount = 16_385;
  for (let i = 0; i < 30; i++) a.session.pushInput(Uint8Array.of(i));
  await sleep(30);
  assert.equal(channel.sent.length, before);
  channel.bufferedAmount = 16_384;
  channel.dispatchEvent(new Event("bufferedamountlow"));
  const inputs = channel.sent.slice(before).filter((datagram) => datagram[0] === 1);
  assert.equal(inputs.length, 1);
  assert.deepEqual([...inputs[0].slice(3, 9)], [0, 0, 0, 29, 30, 0], "everything that was never sent");
  detach();
});

for (const wire of ["compact", "classic"]) {
  test(`messages of the game and text are passed on, ${wire}`, async () => {
    const [a] = await two({}, wire);
    const channel = new FakeChannel();
    const [game, text] = [[], []];
    channel.open();
    const detach = attach(a.session, a.peer, channel, { game: (message) => game.push([...message]), text: (message) => text.push(message) });
    const messages = [[0x05, 0], [0x06], [0x07, 1, 2, 3], [0x14, 1], [0x7b, 0x7d], [0x5b], [0x15, 9]];
    channel.receive('{"type":"test"}');
    for (const message of messages) channel.receive(Uint8Array.from(message));
    // Before `binaryType` was set, a browser may have made a blob of a message.
    channel.dispatchEvent(new MessageEvent("message", { data: new Blob([Uint8Array.of(0x14, 2)]) }));
    // Channels outside of browsers hand over views.
    channel.dispatchEvent(new MessageEvent("message", { data: Uint8Array.of(0x05, 3).subarray(0, 2) }));
    channel.dispatchEvent(new MessageEvent("message", { data: new DataView(Uint8Array.of(9, 0x06, 4).buffer, 1) }));
    await sleep(10);
    assert.deepEqual(game, [...messages, [0x05, 3], [0x06, 4], [0x14, 2]]);
    assert.deepEqual(text, ['{"type":"test"}']);
    const { packetsReceived, refused } = a.session.stats(a.peer);
    assert.deepEqual({ packetsReceived, refused }, { packetsReceived: 0, refused: 0 });
    detach();
  });

  test(`a channel that counts its first messages as buffered is used all the same, ${wire}`, async () => {
    const [a, b] = await two({}, wire);
    const [left, right] = FakeChannel.pair();
    // As in Chromium for the endpoint that answers: what is sent while the channel opens stays in `bufferedAmount`.
    const send = right.send.bind(right);
    right.send = (data) => {
      right.bufferedAmount += right.sent.length === 0 ? data.length : 0;
      send(data);
    };
    const delivered = [];
    a.session.onevent = (event) => event.kind === "input" && delivered.push(event.frame);
    b.session.onevent = () => {};
    left.open();
    right.open();
    const detach = [attach(a.session, a.peer, left), attach(b.session, b.peer, right)];
    await sleep(5);
    assert.ok(right.bufferedAmount > 0);
    for (let frame = 0; frame < 30; frame++) b.session.pushInput(Uint8Array.of(frame));
    await sleep(20);
    assert.deepEqual(delivered, [...Array(30).keys()]);
    detach.forEach((detach) => detach());
  });

  test(`nothing is reported before a channel opens, ${wire}`, async () => {
    const [a] = await two({}, wire);
    const channel = new FakeChannel();
    const [kinds, states] = [[], []];
    a.session.onevent = ({ kind, health }) => kinds.push(health ?? kind);
    const detach = attach(a.session, a.peer, channel, { state: (state) => states.push(state) });
    for (let frame = 0; frame < 8; frame++) a.session.pushInput(Uint8Array.of(frame));
    await sleep(700);
    assert.deepEqual([kinds, states, channel.sent], [[], [], []]);
    assert.equal(a.session.stats(a.peer).health, "connecting");
    channel.open();
    await sleep(1);
    assert.deepEqual([kinds, states], [[], ["open"]]);
    const [type, count] = wire === "classic" ? [0x01, 8] : [0x20, undefined];
    const [first] = channel.sent.filter((datagram) => datagram[0] === type);
    assert.ok(first !== undefined && (count === undefined || first[7] === count), "with the first datagram everything that was pushed");
    detach();
  });

  test(`a failed connection ends all sending and is reported, ${wire}`, async () => {
    const [a] = await two({ pingInterval: 20 }, wire);
    const channel = new FakeChannel();
    const connection = Object.assign(new EventTarget(), { connectionState: "connected" });
    const become = (state) => {
      connection.connectionState = state;
      connection.dispatchEvent(new Event("connectionstatechange"));
    };
    const [healths, states] = [[], []];
    a.session.onevent = ({ health }) => health && healths.push(health);
    channel.open();
    const detach = attach(a.session, a.peer, channel, { connection, state: (state) => states.push(state) });
    await sleep(100);
    assert.ok(channel.sent.length > 0);
    become("disconnected"); // may recover
    assert.equal(channel.readyState, "open");
    become("failed");
    const sent = channel.sent.length;
    a.session.pushInput(Uint8Array.of(1));
    await sleep(200);
    assert.equal(channel.sent.length, sent);
    assert.deepEqual([healths, states], [["disconnected"], ["open", "failed"]]);
    become("connected");
    await sleep(50);
    assert.ok(channel.sent.length > sent);
    assert.deepEqual(states, ["open", "failed", "open"]);
    // A connection that is closed from this side has no event: the next drive notices.
    connection.connectionState = "closed";
    channel.readyState = "closed";
    a.session.handleTimeout();
    await sleep(50);
    assert.deepEqual(states, ["open", "failed", "open", "closed"]);
    detach();
  });
}

test("with two peers, a buffered channel does not delay the other", async () => {
  const session = await create({ sessionId: SESSION_ID, localPlayer: 0 });
  const channels = [1, 2].map((player) => {
    const peer = session.addPeer({ player, wire: "classic" });
    const channel = new FakeChannel();
    channel.open();
    return { channel, detach: attach(session, peer, channel) };
  });
  channels[0].channel.bufferedAmount = 20_000;
  const before = channels.map(({ channel }) => channel.sent.length);
  for (let frame = 0; frame < 10; frame++) session.pushInput(Uint8Array.of(frame));
  assert.equal(channels[0].channel.sent.length, before[0]);
  assert.equal(channels[1].channel.sent.length, before[1] + 10);
  channels[0].channel.bufferedAmount = 0;
  channels[0].channel.dispatchEvent(new Event("bufferedamountlow"));
  assert.equal(channels[0].channel.sent.at(-1)[7], 10, "and misses nothing itself");
  channels.forEach(({ detach }) => detach());
});

/** A session and an imitation of the original over a fake channel, which are both ready to play. */
async function withOriginal(version, open = true) {
  const session = await create({ sessionId: SESSION_ID, localPlayer: 0, redundancy: version === "early" ? 3 : 10 });
  const peer = session.addPeer({ player: 1, wire: "classic" });
  const [left, right] = FakeChannel.pair();
  const seen = { local: new Map(), remote: new Map(), lost: 0, warnings: [], started: 0 };
  session.onevent = (event) => {
    if (event.kind === "input") seen.remote.set(event.frame, event.input[0]);
    if (event.kind === "lost") seen.lost += event.count;
  };
  const original = new Original({ version, player: 1, channel: right, input: (frame, action) => seen.local.set(frame, action),
    started: () => seen.started++, warn: (text) => seen.warnings.push(text) });
  const detach = attach(session, peer, left);
  if (open) [left, right].forEach((channel) => channel.open());
  await sleep(20);
  return { session, peer, left, right, seen, original, close: () => { original.close(); detach(); } };
}

const all = (count, action) => new Map(Array.from({ length: count }, (_, frame) => [frame, action(frame)]));
const sorted = (map) => new Map([...map].toSorted(([a], [b]) => a - b));

test("a later original starts with a session, and its missing inputs are requested both ways", async () => {
  const { session, peer, left, right, seen, original, close } = await withOriginal("later");
  assert.equal(seen.started, 1);
  // More datagrams in a row are lost each way than a redundancy of 10 covers.
  let cut = false;
  left.through = right.through = (data) => !(cut && data[0] === 1);
  for (let frame = 0; frame < 60; frame++) {
    cut = frame >= 20 && frame < 33;
    session.pushInput(Uint8Array.of(frame));
    original.record(frame ^ 0xff);
    await sleep(17);
  }
  await sleep(300);
  assert.deepEqual(sorted(seen.local), all(60, (frame) => frame));
  assert.deepEqual(sorted(seen.remote), all(60, (frame) => frame ^ 0xff));
  assert.ok(original.counters.requests > 0 && original.counters.responses > 0);
  assert.equal(session.stats(peer).lostInputs, 0);
  assert.deepEqual(seen.warnings, []);
  close();
});

test("a later original does not start with a peer that sends no validation ping", async () => {
  const { left, right, seen, close } = await withOriginal("later", false);
  left.through = (data) => data[0] !== 0x10;
  [left, right].forEach((channel) => channel.open());
  await sleep(700);
  assert.equal(seen.started, 0, "though its own validation pings are answered");
  left.through = () => true;
  await sleep(600);
  assert.equal(seen.started, 1);
  close();
});

test("an early original is bothered with ten validation pings at most", async () => {
  const session = await create({ sessionId: SESSION_ID, localPlayer: 0, pingInterval: 20 });
  const peer = session.addPeer({ player: 1, wire: "classic" });
  const [left, right] = FakeChannel.pair();
  const warnings = [];
  const original = new Original({ version: "early", player: 1, channel: right, input: () => {}, warn: (text) => warnings.push(text) });
  const detach = attach(session, peer, left);
  [left, right].forEach((channel) => channel.open());
  await sleep(600);
  assert.equal(warnings.length, 10);
  original.close();
  detach();
});

test("a later original that catches up loses nothing", async () => {
  const { session, seen, original, close } = await withOriginal("later");
  for (let round = 0; round < 6; round++) {
    for (let frame = 0; frame < 15; frame++) original.record(round, (round + 1) * 15); // names the frame that it has reached
    for (let frame = 0; frame < 15; frame++) session.pushInput(Uint8Array.of(round));
    await sleep(100);
  }
  assert.deepEqual(sorted(seen.remote), all(90, (frame) => Math.floor(frame / 15)));
  assert.deepEqual(sorted(seen.local), all(90, (frame) => Math.floor(frame / 15)));
  close();
});

test("a request of a later original that begins before the window is answered with the rest", async () => {
  const { session, seen, original, close } = await withOriginal("later");
  for (let frame = 0; frame < 320; frame++) session.pushInput(Uint8Array.of(frame & 255));
  await sleep(20);
  seen.local.clear();
  original.received.clear();
  original.request(100, 300);
  await sleep(20);
  assert.equal(original.counters.responses, 1);
  assert.deepEqual([...seen.local.keys()].slice(0, 101), Array.from({ length: 101 }, (_, i) => 200 + i));
  close();
});

for (const [name, Class] of [["inline", Inline], ["Node", InNode]]) {
  test(`a session of the entry ${name} is created without waiting, and drawn a number of its own`, async () => {
    const options = { sessionId: SESSION_ID, localPlayer: 0 };
    const [a, b, c] = [Class.createSync(options), await Class.create(options), Class.createSync(options, await module(1))];
    const hellos = [a, b, c].map((session) => {
      session.addPeer({ player: 1 });
      return session.pollTransmit().datagram.join();
    });
    assert.equal(new Set(hellos).size, 3, "no two starts have the same incarnation");
    a.pushInput(Uint8Array.of(1));
    assert.equal(a.nextFrame, 1);
    assert.ok(a instanceof Class);
    await Class.load();
  });
}

test("the entry for browsers says how to get the module", async () => {
  const options = { sessionId: SESSION_ID, localPlayer: 0 };
  assert.throws(() => Session.createSync(options), /await Session\.load\(1\) first, or import from "inputwire\/inline"/);
  await assert.rejects(Session.create(options), /inputwire-1\.wasm: .*import from "inputwire\/inline"/);
  assert.throws(() => Inline.createSync({ ...options, inputLength: 2 }), /inputwire\/inline\/2/);
  assert.equal(Session.createSync(options, await module(1)).nextFrame, 0);
});

test("the types use no `any` and suppress no error", async () => {
  const src = new URL("../src/", import.meta.url);
  for (const file of await readdir(src)) {
    const code = (await readFile(new URL(file, src), "utf8")).replaceAll(/\/\/.*|\/\*[\s\S]*?\*\//g, "");
    assert.doesNotMatch(code, /[:<]\s*any\b|\bas any\b|@ts-/, file);
  }
});

for (const wire of ["compact", "classic"]) {
  test(`a game that jumps 300 frames ahead plays on at once, and nothing is lost, ${wire}`, async () => {
    const [a, b] = await two({}, wire);
    const [left, right] = FakeChannel.pair();
    left.open();
    right.open();
    const delivered = [];
    a.session.onevent = () => {};
    b.session.onevent = (event) => event.kind === "input" && delivered.push([event.frame, event.input[0]]);
    const detach = [attach(a.session, a.peer, left), attach(b.session, b.peer, right)];
    await sleep(20);
    for (let frame = 0; frame < 5; frame++) a.session.pushInput(Uint8Array.of(frame));
    await sleep(20);
    const before = left.sent.length;
    a.session.skipTo(305, Uint8Array.of(9));
    a.session.skipTo(100, Uint8Array.of(8)); // earlier: has no effect
    assert.equal(a.session.nextFrame, 305);
    for (let frame = 305; frame < 335; frame++) assert.deepEqual(a.session.pushInput(Uint8Array.of(frame & 255)), { frame });
    assert.deepEqual([...a.session.localInput(334)], [334 & 255]);
    await sleep(100);
    assert.deepEqual(delivered, Array.from({ length: 335 }, (_, frame) => [frame, (frame < 5 || frame >= 305 ? frame : 9) & 255]));
    assert.equal(b.session.stats(b.peer).lostInputs, 0);
    assert.ok(left.sent.length - before < 50, `${left.sent.length - before} datagrams`);
    detach.forEach((detach) => detach());
  });
}

test("pushes behind a jump wait for a peer at last, and an epoch forgets them", async () => {
  const [a] = await two();
  a.session.skipTo(1000, Uint8Array.of(0), 0);
  let pushed = 0;
  for (; "frame" in a.session.pushInput(Uint8Array.of(1), 0); pushed++) assert.ok(pushed < 1000);
  assert.equal(pushed, 239);
  assert.deepEqual(a.session.pushInput(Uint8Array.of(1), 0), { waitingFor: a.peer });
  assert.throws(() => a.session.skipTo(5000, Uint8Array.of(1, 2)), InputwireError);
  a.session.beginEpoch(1, 0);
  assert.deepEqual(a.session.pushInput(Uint8Array.of(1), 0), { frame: 0 });
});

async function twoRoutes(wire, options = {}) {
  const [a, b] = await two({}, wire);
  const [left, right] = FakeChannel.pair();
  const sockets = [new FakeSocket(), new FakeSocket()];
  [sockets[0].other, sockets[1].other] = [sockets[1], sockets[0]];
  const seen = { delivered: [], lost: 0, healths: [], changes: [], states: [] };
  a.session.onevent = () => {};
  b.session.onevent = (event) => {
    if (event.kind === "input") seen.delivered.push(event.frame);
    if (event.kind === "lost") seen.lost += event.count;
    if (event.kind === "health") seen.healths.push(event.health);
  };
  const detach = [
    attachRelay(a.session, a.peer, sockets[0], { ...options, route: ({ relay, cause }) => seen.changes.push(`${relay} ${cause}`) }),
    attachRelay(b.session, b.peer, sockets[1], { ...options, state: (state) => seen.states.push(state) }),
    attach(a.session, a.peer, left),
    attach(b.session, b.peer, right),
  ];
  let frame = 0;
  const play = async (frames) => {
    for (const end = frame + frames; frame < end; frame++) {
      [a, b].forEach(({ session }) => session.pushInput(Uint8Array.of(frame & 255)));
      await sleep(15);
    }
    await sleep(50);
    assert.deepEqual(seen.delivered.toSorted((x, y) => x - y), Array.from({ length: frame }, (_, i) => i));
  };
  return { a, b, left, right, sockets, seen, play, close: () => detach.forEach((detach) => detach()) };
}

test("a session that is closed while inputs wait behind a jump says goodbye, and refuses no datagram", async () => {
  const [a, b] = await two();
  let now = performance.now(); // of the peers, too, which were added a moment ago
  const exchange = () => {
    now += 20;
    for (const { session } of [a, b]) session.handleTimeout(now);
    for (const [from, to] of [[a, b], [b, a]]) {
      for (let transmit; (transmit = from.session.pollTransmit());) to.session.handleDatagram(to.peer, transmit.datagram, now);
    }
    return [...events(a.session), ...events(b.session)].map(({ kind }) => kind);
  };
  for (let i = 0; i < 5; i++) exchange();
  a.session.skipTo(300, Uint8Array.of(1), now);
  assert.deepEqual(a.session.pushInput(Uint8Array.of(2), now), { frame: 300 });
  a.session.close(now);
  assert.equal(a.session.nextFrame, 120, "the rest is dropped");
  assert.throws(() => a.session.pushInput(Uint8Array.of(3), now), InputwireError);
  const kinds = [];
  for (let i = 0; i < 20; i++) kinds.push(...exchange());
  assert.ok(a.session.isClosed);
  assert.equal(kinds.filter((kind) => kind === "input").length, 120);
  assert.ok(kinds.includes("peerClosed"));
});

test("an epoch that is refused leaves the inputs that wait behind a jump", async () => {
  const [a] = await two();
  a.session.skipTo(300, Uint8Array.of(1), 0);
  assert.throws(() => a.session.beginEpoch(0, 0), InputwireError);
  assert.equal(a.session.nextFrame, 300);
  assert.deepEqual(a.session.localInput(299), Uint8Array.of(1));
  a.session.beginEpoch(1, 0);
  assert.equal(a.session.nextFrame, 0);
});

test("a game starts over the relay, prefers the channel, and falls back when it dies, compact", async () => {
  const { left, right, sockets, seen, play, close } = await twoRoutes("compact");
  sockets.forEach((socket) => socket.open());
  await play(30); // the channel is still connecting
  assert.deepEqual([seen.healths, left.sent.length], [["good"], 0]);
  left.open();
  right.open();
  await play(240); // longer than the 3 s for which the channel must be well
  assert.deepEqual(seen.changes, ["false well"]);
  const quiet = sockets[0].sent.length;
  await play(30);
  assert.equal(sockets[0].sent.length, quiet, "nothing goes by the relay");
  left.through = right.through = () => false; // dead, but open
  await play(90);
  assert.ok(seen.changes[1].startsWith("true "), `${seen.changes}`);
  assert.ok(sockets[0].sent.length > quiet);
  left.close();
  right.close();
  await play(30);
  assert.ok(!seen.healths.includes("disconnected"), `${seen.healths}`);
  sockets.forEach((socket) => socket.close());
  await sleep(20);
  assert.equal(seen.healths.at(-1), "disconnected");
  assert.deepEqual(seen.states, ["open", "closed"]);
  close();
});

test("on the classic wire both routes are used all the time, so that a failure loses nothing", async () => {
  const { left, right, sockets, seen, play, close } = await twoRoutes("classic");
  [left, right, ...sockets].forEach((route) => route.open());
  await play(60);
  left.through = right.through = () => false;
  await play(60);
  assert.deepEqual([seen.lost, seen.changes], [0, []]);
  close();
});

/** Three sessions in one memory that exchange datagrams at once, except where a link is cut. */
class Mesh {
  players = [];
  seen = [[], [], []];
  /** Players of whom nothing arrives, and none of which anything reaches. */
  dead = new Set();
  /** Links on which everything is lost, as "from to". */
  cut = new Set();
  now = 1e6; // later than any `performance.now()`

  static async of(options = {}) {
    const mesh = new Mesh();
    for (const me of [0, 1, 2]) mesh.players[me] = await mesh.endpoint(me, 0, options);
    for (const me of [0, 1, 2]) for (const player of [2, 1, 0]) if (player !== me) mesh.add(me, player);
    mesh.exchange();
    return mesh;
  }

  async endpoint(me, life, options = {}) {
    const incarnation = 2n ** 40n + BigInt(10 * life + me);
    return { session: await create({ sessionId: SESSION_ID, localPlayer: me, incarnation, ...options }), peers: [] };
  }

  add(me, player, from) {
    const { session, peers } = this.players[me];
    peers[player] = session.addPeer(from === undefined ? { player } : { player, from }, this.now);
  }

  /** Lets a frame pass in which these players push their own number. */
  frame(pushing) {
    this.now += 1000 / 60;
    for (const me of pushing) assert.ok("frame" in this.players[me].session.pushInput(Uint8Array.of(me), this.now));
    this.exchange();
  }

  exchange() {
    for (const { session } of this.players) session.handleTimeout(this.now);
    for (let round = 0; round < 6; round++) {
      for (const [me, { session, peers }] of this.players.entries()) {
        this.seen[me].push(...events(session));
        for (let transmit; (transmit = session.pollTransmit());) {
          const to = peers.indexOf(transmit.peer);
          const from = this.players[to].peers[me];
          if (from === undefined || this.dead.has(me) || this.dead.has(to) || this.cut.has(`${me} ${to}`)) continue;
          this.players[to].session.handleDatagram(from, transmit.datagram, this.now);
        }
      }
    }
  }

  disconnect(me, player) {
    const { session, peers } = this.players[me];
    session.disconnectPeer(peers[player], this.now);
  }

  departure(me, player) {
    const { session, peers } = this.players[me];
    return session.departure(peers[player]);
  }

  delivered(me, player) {
    return this.seen[me].filter(({ kind, input }) => kind === "input" && input[0] === player).map(({ frame }) => frame);
  }

  told(me, kind) {
    return this.seen[me].filter((event) => event.kind === kind);
  }
}

const frames = (from, end) => Array.from({ length: end - from }, (_, i) => from + i);

test("when a player dies, the others agree on its last input, and both have it", async () => {
  const mesh = await Mesh.of();
  for (let i = 0; i < 5; i++) mesh.frame([0, 1, 2]);
  mesh.cut.add("2 1");
  for (let i = 0; i < 3; i++) mesh.frame([0, 1, 2]);
  assert.deepEqual([mesh.delivered(0, 2).length, mesh.delivered(1, 2).length], [8, 5]);
  mesh.dead.add(2);
  assert.deepEqual(mesh.departure(1, 2), { kind: "present" });
  mesh.disconnect(1, 2);
  assert.deepEqual(mesh.departure(1, 2), { kind: "departing", end: 5 }, "as far as it is known here");
  assert.equal(mesh.players[1].session.departuresSettled, false);
  for (let i = 0; i < 10; i++) mesh.frame([0, 1]);
  for (const me of [0, 1]) {
    const { session, peers } = mesh.players[me];
    assert.deepEqual(mesh.delivered(me, 2), frames(0, 8), "no input twice, none left out");
    assert.deepEqual(mesh.departure(me, 2), { kind: "departed", last: 7 });
    assert.deepEqual(mesh.told(me, "departed"), [{ kind: "departed", peer: peers[2], last: 7 }]);
    assert.equal(session.departuresSettled, true);
  }
  const [zero, one] = mesh.players;
  assert.deepEqual(mesh.told(0, "departing"), [{ kind: "departing", peer: zero.peers[2], by: zero.peers[1] }]);
  assert.deepEqual(mesh.told(1, "departing"), [], "it decided that itself");
  for (let i = 0; i < 240; i++) mesh.frame([0, 1]); // nobody waits for the dead player
  assert.deepEqual([zero, one].map(({ session }) => session.confirmedFrame), [257, 257]);
  assert.equal(zero.session.departure(17), undefined);
});

test("a player who never sent an input departs without a last one", async () => {
  const mesh = await Mesh.of();
  mesh.dead.add(2);
  mesh.disconnect(0, 2);
  for (let i = 0; i < 10; i++) mesh.frame([0, 1]);
  for (const me of [0, 1]) {
    assert.deepEqual(mesh.departure(me, 2), { kind: "departed", last: undefined });
    assert.deepEqual(mesh.told(me, "departed").map(({ last }) => last), [undefined]);
  }
});

test("a player who is disconnected and plays on is dropped, and its session is closed", async () => {
  const mesh = await Mesh.of();
  for (let i = 0; i < 5; i++) mesh.frame([0, 1, 2]);
  mesh.disconnect(0, 2);
  for (let i = 0; i < 60; i++) mesh.frame([0, 1]);
  const { session, peers } = mesh.players[2];
  const [dropped, ...more] = mesh.told(2, "dropped");
  assert.ok(peers.includes(dropped.by) && more.length === 0);
  assert.equal(session.isClosed, true);
  assert.throws(() => session.pushInput(Uint8Array.of(2), mesh.now), /the session was closed/);
  assert.deepEqual(mesh.departure(0, 2), mesh.departure(1, 2));
});

test("a goodbye under a key is a departure that nobody has decided", async () => {
  const mesh = await Mesh.of({ key: new Uint8Array(16).fill(7) });
  for (let i = 0; i < 5; i++) mesh.frame([0, 1, 2]);
  mesh.players[2].session.close(mesh.now);
  for (let i = 0; i < 10; i++) mesh.frame([0, 1]);
  for (const me of [0, 1]) {
    const peer = mesh.players[me].peers[2];
    assert.deepEqual(mesh.told(me, "departed"), [{ kind: "departed", peer, last: 4 }]);
    const [{ by }] = mesh.told(me, "departing");
    assert.ok(by === undefined || by === mesh.players[me].peers[1 - me]);
  }
});

test("whoever comes back joins from a frame that all agree on", async () => {
  const mesh = await Mesh.of();
  for (let i = 0; i < 5; i++) mesh.frame([0, 1, 2]);
  mesh.dead.add(2);
  mesh.disconnect(0, 2);
  for (let i = 0; i < 10; i++) mesh.frame([0, 1]);
  mesh.dead.clear();
  mesh.players[2] = await mesh.endpoint(2, 1);
  for (const me of [0, 1]) {
    const { session, peers } = mesh.players[me];
    assert.throws(() => session.addPeer({ player: 7, from: 40 }, mesh.now), /a departed peer is still there/);
    assert.equal(session.departuresSettled, true);
    session.removePeer(peers[2], mesh.now);
    assert.throws(() => mesh.add(me, 2, 15), /from a frame ahead of every push/);
    mesh.add(me, 2, 40);
    mesh.add(2, me, 40);
  }
  for (let frame = 15; frame < 60; frame++) mesh.frame(frame < 40 ? [0, 1] : [0, 1, 2]);
  mesh.exchange();
  for (const me of [0, 1]) {
    assert.deepEqual(mesh.delivered(me, 2), [...frames(0, 5), ...frames(40, 60)]);
    assert.deepEqual(mesh.delivered(2, me), [...frames(0, 5), ...frames(40, 60)]);
    assert.deepEqual(mesh.departure(me, 2), { kind: "present" });
  }
  assert.deepEqual(mesh.players.map(({ session }) => session.confirmedFrame), [59, 59, 59]);
});

test("without a mesh a disconnected peer has departed at once", async () => {
  const mesh = await Mesh.of({ mesh: false });
  mesh.frame([0, 1, 2]);
  mesh.disconnect(0, 2);
  assert.deepEqual(mesh.departure(0, 2), { kind: "departed", last: 0 });
  for (let i = 0; i < 10; i++) mesh.frame([0, 1]);
  assert.deepEqual(mesh.departure(1, 2), { kind: "present" }, "nobody is told");
});

test("a push too far ahead names the peer whose inputs are missing", async () => {
  const [a] = await two({ maxLead: 8 });
  for (let frame = 0; frame < 8; frame++) assert.deepEqual(a.session.pushInput(Uint8Array.of(1), 0), { frame });
  assert.deepEqual(a.session.pushInput(Uint8Array.of(1), 0), { waitingFor: a.peer });
});
