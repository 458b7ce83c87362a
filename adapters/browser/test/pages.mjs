// Two endpoints in a page each, whatever browsers these are in: connects them, lets them play, and judges what they report.
//
// A page has `evaluate`; `open(t, player, complaints)` opens one that is closed after the test, and collects the errors and warnings
// of its console.

import assert from "node:assert/strict";
import { test as testOf } from "node:test";

export const FRAMES = 600;

/** A test that ends, whatever its pages do. */
export const test = (name, act) => testOf(name, { timeout: 240_000 }, act);

/**
 * Connects two pages with one endpoint each, by an in-band channel unless told otherwise; the endpoint of player `offerer` offers
 * it.
 */
export async function pair(t, open, options, { offerer = 0, connects = true, ...common } = {}) {
  const complaints = [];
  const pages = await Promise.all([0, 1].map(async (player) => {
    const page = await open(t, player, complaints);
    await page.evaluate((options) => endpoint.create(options), { player, offers: player === offerer, ...common, ...options[player] });
    return page;
  }));
  const connect = async () => {
    const [a, b] = offerer === 0 ? pages : pages.toReversed();
    const offer = await a.evaluate(() => endpoint.describe());
    const answer = await b.evaluate((offer) => endpoint.describe(offer), offer);
    await a.evaluate((answer) => endpoint.describe(answer), answer);
    await each(pages, () => endpoint.ready());
  };
  if (connects) await connect();
  return { pages, complaints, connect };
}

export const each = (pages, act, argument) => Promise.all(pages.map((page) => page.evaluate(act, argument)));
export const reports = (pages) => each(pages, () => endpoint.report());

export async function play(pages, frames = FRAMES, how = {}) {
  const before = (await reports(pages)).map(({ delivered }) => delivered);
  await each(pages, ([frames, how]) => endpoint.play(frames, how), [frames, how]);
  await Promise.all(pages.map((page, i) => page.evaluate((all) => endpoint.settle(all), before[i] + frames)));
  return reports(pages);
}

export function assertAll(endpoints, frames = FRAMES) {
  for (const endpoint of endpoints) {
    const { delivered, wrong, missing, deliveredTwice, lost } = endpoint;
    assert.deepEqual({ delivered, wrong, missing, deliveredTwice, lost },
      { delivered: frames, wrong: [], missing: [], deliveredTwice: 0, lost: 0 });
  }
}

export function assertPlausible(endpoints) {
  for (const { rtt } of endpoints) assert.ok(rtt > 0.05 && rtt < 250, `${rtt} ms of round-trip time on one machine`);
}

/**
 * Compares the round trip shown with that of the channel, as the game's own messages measure it at the same time. They are within a
 * millisecond of each other on a quiet machine; on a busy one ten samples each can differ, so the figures are told and only what no
 * machine explains is an error.
 */
export async function assertMeasured(t, pages, name = "") {
  for (let tries = 1; ; tries++) {
    await each(pages, () => endpoint.measure());
    const measured = (await reports(pages)).filter(({ stats }) => stats).map(({ stats, channelRtt }) => [stats.rtt.min, channelRtt]);
    const text = `${name}shortest round trip shown (of the channel): ${measured.map(([shown, real]) => `${shown.toFixed(2)} (${real.toFixed(2)})`).join(", ")} ms`;
    if (measured.every(([shown, real]) => Math.abs(shown - real) <= 1)) return t.diagnostic(text);
    if (tries < 3) continue;
    t.diagnostic(`more than a millisecond apart, ${text}`);
    return assert.ok(measured.every(([shown]) => shown < 250), text);
  }
}

export const describe = (t, endpoints, name = "") => t.diagnostic(name + endpoints.map((endpoint) =>
  `${endpoint.delivered} delivered, ${endpoint.missing.length} missing, ${endpoint.lost} lost, rtt ${endpoint.rtt?.toFixed(1)} ms` +
  (endpoint.stats ? `, ${endpoint.stats.packetsSent} datagrams, ${endpoint.stats.bytesSent} bytes sent` : "")).join("; "));

const MOMENTS = ["before open", "at once", "in onopen", "after open", "after traffic"];

/** Declares the tests that 600 frames pass each way on both wires, whoever offers and whenever it attaches. */
export function testMoments(where, open) {
  for (const wire of ["compact", "classic"]) {
    for (const offerer of [0, 1]) {
      test(`600 frames each way, ${wire}, player ${offerer} offers, attached at five moments${where}`, async (t) => {
        await Promise.all(MOMENTS.map(async (moment) => {
          const { pages, complaints } = await pair(t, open, [{}, {}], { wire, offerer, moment, settings: { pingInterval: 200 } });
          const endpoints = await play(pages);
          t.diagnostic(`${moment}: the channel came ${endpoints[1 - offerer].readyState}`);
          assertAll(endpoints);
          // A machine that makes a page wait for longer than a ping interval also lets pongs come after their pings are forgotten.
          const waited = Math.max(...endpoints.map(({ gap, stats }) => Math.max(gap, stats.rtt.mean)));
          if (waited >= 200) t.diagnostic(`${moment}: a page had to wait for ${waited.toFixed(0)} ms; refused datagrams are not judged`);
          for (const { stats, states, healths, game, texts, early, kinds } of endpoints) {
            assert.equal(stats.health, "good", moment);
            assert.deepEqual(states, ["open"], moment);
            assert.deepEqual(healths.slice(0, 1), ["good"], `${moment}: ${healths}`);
            assert.ok(!kinds.includes("lost"), moment);
            // On the compact wire inputs may arrive before the hello that explains them.
            assert.ok(waited >= 200 || stats.refused <= (wire === "compact" ? 30 : 0), `${moment}: ${stats.refused} refused`);
            assert.ok(game.filter(([first]) => first === 0x14).length > 10 && texts > 10, `${moment}: ${game.length} and ${texts} messages of the game`);
            if (moment === "after traffic") assert.ok(early.filter(([first]) => first === 0x06).length > 10, `${early.length} messages before`);
          }
          await assertMeasured(t, pages, `${moment}: `);
          assert.deepEqual(complaints, []);
        }));
      });
    }
  }
}
