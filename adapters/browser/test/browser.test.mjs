// The package and the page in Chromium, over real data channels. In test/lossy.sh real packets are lost; elsewhere the
// pages drop what they receive, and the names of the tests say which.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { serve } from "../tools/serve.mjs";
import { launch } from "./chromium.mjs";

const FRAMES = 600;
const LOSS = 20;
const isReal = process.env.INPUTWIRE_LOSSY === "1";
const how = isReal ? "real packets" : "dropped in the page: no network of its own here";
const shots = fileURLToPath(new URL("../shots/", import.meta.url));

let browser, server, origin;
before(async () => {
  mkdirSync(shots, { recursive: true });
  const served = await serve();
  [server, origin] = [served.server, `http://localhost:${served.port}`];
  browser = await launch();
});
after(async () => {
  setLoss(0, []);
  await browser?.close();
  server?.close();
});

/** Two pages, each with one end, connected. `complaints` is what their consoles say. */
async function pair(t, options) {
  const complaints = [];
  const pages = await Promise.all([0, 1].map(async (player) => {
    const context = await browser.newContext();
    t.after(() => context.close());
    const page = await context.newPage();
    listen(page, complaints);
    await page.goto(`${origin}/test/page.html`);
    await page.waitForFunction(() => globalThis.end !== undefined);
    await page.evaluate((options) => end.create(options), { player, wire: "compact", ...options[player] });
    return page;
  }));
  const [a, b] = pages;
  const offer = await a.evaluate(() => end.describe());
  const answer = await b.evaluate((offer) => end.describe(offer), offer);
  await a.evaluate((answer) => end.describe(answer), answer);
  await each(pages, () => end.ready());
  return { pages, complaints };
}

const each = (pages, act, argument) => Promise.all(pages.map((page) => page.evaluate(act, argument)));
const reports = (pages) => each(pages, () => end.report());

function listen(page, complaints) {
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.stack));
}

function setLoss(percent, pages) {
  if (!isReal) return each(pages, (percent) => { network.loss = percent / 100; }, percent);
  execFileSync("nft", ["flush", "chain", "inet", "inputwire", "input"]);
  if (percent > 0) {
    execFileSync("nft", `add rule inet inputwire input meta l4proto udp numgen random mod 100 < ${percent} counter drop`.split(" "));
  }
}

async function play(pages, frames = FRAMES) {
  const before = (await reports(pages)).map(({ told }) => told);
  await each(pages, (frames) => end.play(frames), frames);
  await Promise.all(pages.map((page, i) => page.evaluate((all) => end.settle(all), before[i] + frames)));
  return reports(pages);
}

function assertAll(ends, frames = FRAMES) {
  for (const end of ends) {
    assert.deepEqual({ told: end.told, wrong: end.wrong, missing: end.missing, toldTwice: end.toldTwice, lost: end.lost },
      { told: frames, wrong: [], missing: [], toldTwice: 0, lost: 0 });
  }
}

function assertPlausible(ends) {
  for (const { rtt } of ends) assert.ok(rtt > 0.05 && rtt < 250, `a round trip of ${rtt} ms on one machine`);
}

const say = (t, ends) => t.diagnostic(ends.map((end) =>
  `${end.told} told, ${end.missing.length} missing, ${end.lost} lost, rtt ${end.rtt?.toFixed(1)} ms` +
  (end.stats ? `, ${end.stats.packetsSent} datagrams, ${end.stats.bytesSent} bytes sent` : "")).join("; "));

for (const [name, options] of [
  ["compact", [{}, {}]],
  ["classic", [{ wire: "classic" }, { wire: "classic" }]],
  ["classic, with the original at the other end", [{ wire: "classic" }, { original: true }]],
]) {
  test(`600 frames each way, ${name}`, async (t) => {
    const { pages, complaints } = await pair(t, options);
    if (options[1].original) await pages[1].evaluate(() => end.peer.validate());
    const ends = await play(pages);
    say(t, ends);
    assertAll(ends);
    assertPlausible(ends);
    if (options[1].original) {
      assert.deepEqual(ends[1].kinds, ["validated"]);
      await pages[1].evaluate(() => {
        end.channel.send('{"type":"test"}');
        end.channel.send(Uint8Array.of(0x07, 1, 2, 3));
      });
      await pages[0].waitForFunction(() => end.game.length > 0);
      assert.deepEqual((await reports(pages))[0].game, [[7, 1, 2, 3]]);
    }
    assert.deepEqual(complaints, []);
  });
}

for (const [name, options] of [
  ["compact", [{}, {}]],
  ["classic", [{ wire: "classic" }, { wire: "classic" }]],
  ["classic, with an original that repairs nothing", [{ wire: "classic" }, { original: true, repairs: false }]],
]) {
  test(`600 frames each way at ${LOSS} % loss, ${name} (${how})`, async (t) => {
    const { pages, complaints } = await pair(t, options);
    await setLoss(LOSS, pages);
    t.after(() => setLoss(0, []));
    const ends = await play(pages);
    assertPlausible(ends);
    if (name === "compact") {
      say(t, ends);
      assertAll(ends);
      for (const end of ends) assert.equal(end.ascending, true);
    } else {
      // What is missing now is in the window, and may still come. A window later it has come, or is said to be lost.
      await setLoss(0, pages);
      const later = await play(pages, 150);
      say(t, later);
      for (const end of later) {
        assert.deepEqual({ wrong: end.wrong, toldTwice: end.toldTwice }, { wrong: [], toldTwice: 0 });
        assert.equal(end.lost, end.missing.length);
        if (end.stats) assert.equal(end.stats.lostInputs, end.lost);
      }
      if (options[1].original) t.diagnostic(`never arrived, and said so: ${later.map(({ lost }) => lost).join(" and ")} of 600`);
    }
    for (const end of ends) {
      const lost = isReal ? end.stats?.inboundLost : end.dropped;
      if (lost !== undefined) assert.ok(lost > 30, `${lost} datagrams lost`);
    }
    assert.deepEqual(complaints, []);
  });
}

test("40 ms of delay each way are a round trip of 80 ms", async (t) => {
  const { pages } = await pair(t, [{}, {}]);
  await each(pages, () => { network.delay = 40; });
  const ends = await play(pages, 200); // more than the ten pings that the mean is of
  say(t, ends);
  assertAll(ends, 200);
  for (const { rtt, stats } of ends) {
    assert.ok(rtt >= 80 && rtt < 160, `a round trip of ${rtt} ms`);
    assert.ok(Math.abs(stats.latency - rtt / 2) < 1);
  }
});

test("a channel that is closed, and another one opened: it goes on", async (t) => {
  const { pages } = await pair(t, [{}, {}]);
  await play(pages, 60);
  await pages[0].evaluate(() => end.channel.close());
  await each(pages, () => new Promise((resolve) => {
    const timer = setInterval(() => end.states.at(-1) === "closed" && (clearInterval(timer), resolve()), 5);
  }));
  assert.equal((await reports(pages))[1].stats.health, "disconnected");
  const playing = each(pages, () => end.play(60)); // into the window, while there is no channel
  await each(pages, () => end.reopen(1));
  await playing;
  const ends = await play(pages, 60);
  say(t, ends);
  assertAll(ends, 180);
  for (const { states, stats } of ends) {
    assert.deepEqual(states, ["open", "closed", "open"]);
    assert.equal(stats.health, "good");
  }
});

test("a page that is frozen for 2 s goes on", async (t) => {
  const { pages, complaints } = await pair(t, [{}, {}]);
  const cdp = await pages[1].context().newCDPSession(pages[1]);
  const playing = each(pages, () => end.play(300));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await cdp.send("Page.setWebLifecycleState", { state: "frozen" });
  await new Promise((resolve) => setTimeout(resolve, 2000));
  await cdp.send("Page.setWebLifecycleState", { state: "active" });
  await playing;
  await each(pages, () => end.settle(300));
  const ends = await reports(pages);
  say(t, ends);
  assertAll(ends, 300);
  assert.deepEqual(complaints, []);
});

for (const colorScheme of ["light", "dark"]) {
  for (const width of [360, 1440]) {
    test(`the page at ${width} px, ${colorScheme}`, async (t) => {
      const complaints = [];
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
      t.after(() => context.close());
      const page = await context.newPage();
      listen(page, complaints);
      await page.goto(`${origin}/demo/`);
      await page.waitForFunction(() => performance.getEntriesByName("playing").length > 0);
      const playing = await page.evaluate(() => performance.getEntriesByName("playing")[0].startTime);
      t.diagnostic(`playing ${playing.toFixed(0)} ms after opening`);
      assert.ok(playing < 2000, `playing only after ${playing} ms`);

      const slide = (id, value) => page.locator(`#${id}`).evaluate((slider, value) => {
        slider.value = value;
        slider.dispatchEvent(new Event("input"));
      }, value);
      await slide("loss", 25);
      await page.waitForFunction(() => demo.sides.every((side) => side.counts.rescued > 10));
      await page.screenshot({ path: `${shots}${width}-${colorScheme}.png`, fullPage: true });

      // By the keyboard alone: a player, a slider, the cable.
      const before = await page.evaluate(() => demo.sides[0].state.players[0].y);
      await page.keyboard.down("KeyS");
      await page.waitForFunction((y) => demo.sides[1].state.players[0].y > y + 300 || demo.sides[1].state.players[0].y > 1600, before);
      await page.keyboard.up("KeyS");
      await page.locator("#loss").focus();
      await page.keyboard.press("ArrowRight");
      assert.equal(await page.locator("#loss-value").textContent(), "26 %");
      await page.locator("#pull").focus();
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => demo.sides.every((side) => side.counts.late > 10));
      assert.deepEqual(await page.evaluate(() => demo.sides.map((side) => side.counts.never)), [0, 0]);

      // The original's wire at the right.
      await page.locator("[data-player='1'] input").focus();
      await page.keyboard.press("Space");
      await page.waitForFunction(() => globalThis.demo?.sides[1].original && demo.sides.every((side) => side.counts.rescued > 10));
      assert.match(await page.locator("#status").textContent(), /old and new together|Connecting/);
      await page.screenshot({ path: `${shots}${width}-${colorScheme}-original.png`, fullPage: true });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
      assert.deepEqual(complaints, []);
    });
  }
}
