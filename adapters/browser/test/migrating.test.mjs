// Executes the JavaScript of docs/MIGRATING.md against an imitation of the original, and the example that it names.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

import { Original } from "../demo/original.js";
import { Episode } from "../examples/episode.js";
import { FakeChannel, FakeSocket, sleep } from "./support.mjs";

const home = mkdtempSync(join(tmpdir(), "inputwire-migrating-"));
after(() => rmSync(home, { recursive: true, force: true }));

const text = readFileSync(new URL("../../../docs/MIGRATING.md", import.meta.url), "utf8");
const blocks = [...text.matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, code]) => code);
assert.equal(blocks.length, 1, "one module");
const file = join(home, "peer.mjs");
writeFileSync(file, blocks[0].replaceAll('"inputwire/inline"', JSON.stringify(new URL("../dist/inline-1.js", import.meta.url).href)));
const { numberOf, sessionIdOf, startPeer } = await import(pathToFileURL(file));

const IDS = ["zoe@example", "adam@example"];

/** A game that writes down what it is told. */
const recorder = () => {
  const seen = { inputs: new Map(), lost: [], qualities: [], messages: [], texts: [], states: [] };
  return { seen,
    remoteInput: (frame, action) => seen.inputs.set(frame, action), lost: (first, count) => seen.lost.push([first, count]),
    showQuality: (health) => seen.qualities.push(health), message: (bytes) => seen.messages.push([...bytes]),
    text: (value) => seen.texts.push(value), connection: (state) => seen.states.push(state) };
};

async function against(version, { fps = 60, room = 1n } = {}) {
  const [left, right] = FakeChannel.pair();
  const game = recorder();
  const connection = Object.assign(new EventTarget(), { connectionState: "connected" });
  const peer = startPeer({ ids: IDS, me: "adam@example", room, fps, channel: left, connection, game });
  const theirs = new Map();
  const original = new Original({ version, player: numberOf("zoe@example", IDS), channel: right, warn: () => {}, input: (frame, action) => theirs.set(frame, action) });
  [left, right].forEach((channel) => channel.open());
  await sleep(20);
  return { left, right, game, connection, peer, original, theirs, close: () => { original.close(); peer.destroy(); left.close(); } };
}

const all = (count, action) => new Map(Array.from({ length: count }, (_, frame) => [frame, action(frame)]));

test("ids of text become numbers that both ends agree on", async () => {
  assert.deepEqual([numberOf("adam@example", IDS), numberOf("adam@example", IDS.toReversed()), numberOf("zoe@example", IDS)], [0, 0, 1]);
  const [one, same, other] = await Promise.all(["room 7", "room 7", "room 8"].map(sessionIdOf));
  assert.ok(one === same && one !== other && typeof one === "bigint");
});

for (const version of ["early", "later"]) {
  for (const fps of [10, 30, 60]) {
    test(`the migrated file plays with the ${version} original at ${fps} frames a second`, async () => {
      const { game, peer, original, theirs, close } = await against(version, { fps });
      assert.equal(original.hasStarted, true);
      for (let frame = 0; frame < 15; frame++) {
        assert.equal(peer.record(frame), frame);
        original.record(frame ^ 0xff);
        await sleep(1000 / fps);
      }
      await sleep(30);
      assert.deepEqual(theirs, all(15, (frame) => frame));
      assert.deepEqual(game.seen.inputs, all(15, (frame) => frame ^ 0xff));
      assert.deepEqual([game.seen.qualities, game.seen.lost, game.seen.states], [["good"], [], ["open"]]);
      assert.deepEqual(game.seen.texts, [{ type: "test", player: 1 }]);
      assert.ok(peer.rtt() < 50);
      close();
    });
  }
}

test("a hidden tab catches up with the original in few datagrams, and its failed connection ends everything", async () => {
  const { left, game, peer, original, theirs, connection, close } = await against("later");
  for (let frame = 0; frame < 20; frame++) peer.record(7);
  await sleep(20);
  const before = left.sent.length;
  peer.shown(300);
  assert.equal(peer.record(8), 300);
  await sleep(20);
  assert.deepEqual(theirs, all(301, (frame) => (frame < 20 ? 7 : frame < 300 ? 0 : 8)));
  assert.ok(left.sent.length - before <= 6, `${left.sent.length - before} datagrams`);
  original.channel.send(Uint8Array.of(0x14, 1));
  await sleep(5);
  assert.deepEqual(game.seen.messages, [[0x14, 1]]);
  connection.connectionState = "failed";
  connection.dispatchEvent(new Event("connectionstatechange"));
  const sent = left.sent.length;
  peer.record(9);
  await sleep(600);
  assert.equal(left.sent.length, sent);
  assert.equal(game.seen.states.at(-1), "failed");
  close();
});

test("with a socket the game goes on when the channel is gone", async () => {
  const [left, right] = FakeChannel.pair();
  const sockets = [new FakeSocket(), new FakeSocket()];
  [sockets[0].other, sockets[1].other] = [sockets[1], sockets[0]];
  const games = [recorder(), recorder()];
  const peers = [left, right].map((channel, i) => startPeer({ ids: IDS, me: IDS.toSorted()[i], room: 3n, fps: 60, channel, connection: undefined,
    socket: sockets[i], game: games[i] }));
  [left, right, ...sockets].forEach((route) => route.open());
  await sleep(20);
  for (let frame = 0; frame < 30; frame++) {
    if (frame === 10) [left, right].forEach((channel) => channel.close());
    peers.forEach((peer) => peer.record(frame));
    await sleep(10);
  }
  await sleep(30);
  for (const { seen } of games) assert.deepEqual([seen.inputs, seen.lost], [all(30, (frame) => frame), []]);
  peers.forEach((peer) => peer.destroy());
  sockets.forEach((socket) => socket.close());
});

for (const wire of ["classic", "compact"]) {
  for (const loss of [0, 0.3]) {
    test(`three episodes end at a frame that both agree on, ${wire}, ${loss * 100} % loss`, async () => {
      let seed = 7;
      const random = () => (seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff;
      const channels = FakeChannel.pair();
      const ends = channels.map((channel, i) => {
        channel.through = () => random() >= loss;
        const end = { inputs: [], known: new Set(), frame: 0, episodes: [], begun: [], game: recorder() };
        Object.assign(end.game, {
          remoteInput: (frame, action) => { end.known.add(frame); end.inputs.push([end.episodes.length, frame, action]); },
          lost: (first, count) => { for (let frame = first; frame < first + count; frame++) end.known.add(frame); },
          message: (bytes) => end.episode.message(bytes),
        });
        end.peer = startPeer({ ids: IDS, me: IDS.toSorted()[i], room: 5n, fps: 60, channel, connection: undefined, game: end.game, wire });
        end.episode = new Episode({
          send: (bytes) => channel.readyState === "open" && channel.send(bytes),
          complete: (last) => end.frame > last && Array.from({ length: last + 1 }, (_, frame) => frame).every((frame) => end.known.has(frame)),
          reset: (number) => {
            end.episodes.push(end.last);
            Object.assign(end, { frame: 0, known: new Set() });
            end.peer.reset(number);
          },
          begin: (number) => end.begun.push(number),
        });
        return end;
      });
      channels.forEach((channel) => channel.open());
      await sleep(30);
      // The ends stop at different frames; one may have to play on.
      for (const start = performance.now(); ends.some(({ episodes }) => episodes.length < 3); await sleep(8)) {
        assert.ok(performance.now() - start < 20_000, JSON.stringify(ends.map(({ episodes, frame, episode }) => [episodes, frame, episode.number, episode.last])));
        ends.forEach((end, i) => {
          if (end.episodes.length === 3) return;
          const goal = 40 + 5 * i - 4 * end.episodes.length * (i === 0 ? -1 : 1);
          if (end.episode.isPushing) {
            const frame = end.peer.record((i * 100 + end.frame + end.episodes.length) & 255);
            if (frame !== undefined) end.frame = frame + 1;
          }
          if (end.frame >= goal) end.episode.end(goal - 1);
          end.last = end.episode.last ?? end.last;
        });
      }
      assert.deepEqual(ends[0].episodes, ends[1].episodes, "the same last frames");
      assert.ok(new Set(ends[0].episodes).size > 1 && ends.every(({ begun }) => begun.join().startsWith("1,2")));
      for (const [i, { inputs }] of ends.entries()) {
        for (const [episode, frame, action] of inputs) assert.equal(action, ((1 - i) * 100 + frame + episode) & 255, `${episode}, ${frame}`);
      }
      ends.forEach(({ episode, peer }) => { episode.close(); peer.destroy(); });
    });
  }
}
