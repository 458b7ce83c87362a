// Tests the package and the demo in Chromium, over real data channels. Within test/lossy.sh real packets are lost; elsewhere
// the pages drop received messages. The names of the tests tell which.

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
const how = isReal ? "real packets" : "messages dropped by the page";
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

/** Connects two pages with one endpoint each. `complaints` collects the errors and warnings of their consoles. */
async function pair(t, options) {
  const complaints = [];
  const pages = await Promise.all([0, 1].map(async (player) => {
    const context = await browser.newContext();
    t.after(() => context.close());
    const page = await context.newPage();
    listen(page, complaints);
    await page.goto(`${origin}/test/page.html`);
    await page.waitForFunction(() => globalThis.endpoint !== undefined);
    await page.evaluate((options) => endpoint.create(options), { player, wire: "compact", ...options[player] });
    return page;
  }));
  const [a, b] = pages;
  const offer = await a.evaluate(() => endpoint.describe());
  const answer = await b.evaluate((offer) => endpoint.describe(offer), offer);
  await a.evaluate((answer) => endpoint.describe(answer), answer);
  await each(pages, () => endpoint.ready());
  return { pages, complaints };
}

const each = (pages, act, argument) => Promise.all(pages.map((page) => page.evaluate(act, argument)));
const reports = (pages) => each(pages, () => endpoint.report());

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
  const before = (await reports(pages)).map(({ delivered }) => delivered);
  await each(pages, (frames) => endpoint.play(frames), frames);
  await Promise.all(pages.map((page, i) => page.evaluate((all) => endpoint.settle(all), before[i] + frames)));
  return reports(pages);
}

function assertAll(endpoints, frames = FRAMES) {
  for (const endpoint of endpoints) {
    const { delivered, wrong, missing, deliveredTwice, lost } = endpoint;
    assert.deepEqual({ delivered, wrong, missing, deliveredTwice, lost },
      { delivered: frames, wrong: [], missing: [], deliveredTwice: 0, lost: 0 });
  }
}

function assertPlausible(endpoints) {
  for (const { rtt } of endpoints) assert.ok(rtt > 0.05 && rtt < 250, `${rtt} ms of round-trip time on one machine`);
}

const describe = (t, endpoints) => t.diagnostic(endpoints.map((endpoint) =>
  `${endpoint.delivered} delivered, ${endpoint.missing.length} missing, ${endpoint.lost} lost, rtt ${endpoint.rtt?.toFixed(1)} ms` +
  (endpoint.stats ? `, ${endpoint.stats.packetsSent} datagrams, ${endpoint.stats.bytesSent} bytes sent` : "")).join("; "));

for (const [name, options] of [
  ["compact", [{}, {}]],
  ["classic", [{ wire: "classic" }, { wire: "classic" }]],
  ["classic, against the original", [{ wire: "classic" }, { original: true }]],
]) {
  test(`600 frames each way, ${name}`, async (t) => {
    const { pages, complaints } = await pair(t, options);
    if (options[1].original) await pages[1].evaluate(() => endpoint.classic.validate());
    const endpoints = await play(pages);
    describe(t, endpoints);
    assertAll(endpoints);
    assertPlausible(endpoints);
    if (options[1].original) {
      assert.deepEqual(endpoints[1].kinds, ["validated"]);
      await pages[1].evaluate(() => {
        endpoint.channel.send('{"type":"test"}');
        endpoint.channel.send(Uint8Array.of(0x07, 1, 2, 3));
      });
      await pages[0].waitForFunction(() => endpoint.game.length > 0);
      assert.deepEqual((await reports(pages))[0].game, [[7, 1, 2, 3]]);
    }
    assert.deepEqual(complaints, []);
  });
}

for (const [name, options] of [
  ["compact", [{}, {}]],
  ["classic", [{ wire: "classic" }, { wire: "classic" }]],
  ["classic, against an original that repairs nothing", [{ wire: "classic" }, { original: true, repairs: false }]],
]) {
  test(`600 frames each way at ${LOSS} % loss, ${name} (${how})`, async (t) => {
    const { pages, complaints } = await pair(t, options);
    await setLoss(LOSS, pages);
    t.after(() => setLoss(0, []));
    const endpoints = await play(pages);
    assertPlausible(endpoints);
    if (name === "compact") {
      describe(t, endpoints);
      assertAll(endpoints);
      for (const endpoint of endpoints) assert.equal(endpoint.ascending, true);
    } else {
      // Inputs that are missing now may still arrive. A window later, each has arrived or is reported as lost.
      await setLoss(0, pages);
      const later = await play(pages, 150);
      describe(t, later);
      for (const endpoint of later) {
        assert.deepEqual({ wrong: endpoint.wrong, deliveredTwice: endpoint.deliveredTwice }, { wrong: [], deliveredTwice: 0 });
        assert.equal(endpoint.lost, endpoint.missing.length);
        if (endpoint.stats) assert.equal(endpoint.stats.lostInputs, endpoint.lost);
      }
      if (options[1].original) t.diagnostic(`reported as lost: ${later.map(({ lost }) => lost).join(" and ")} of 600`);
    }
    for (const endpoint of endpoints) {
      const lost = isReal ? endpoint.stats?.inboundLost : endpoint.dropped;
      if (lost !== undefined) assert.ok(lost > 30, `${lost} datagrams lost`);
    }
    assert.deepEqual(complaints, []);
  });
}

test("40 ms of delay each way make a round-trip time of 80 ms", async (t) => {
  const { pages } = await pair(t, [{}, {}]);
  await each(pages, () => { network.delay = 40; });
  const endpoints = await play(pages, 200); // longer than the ten pings of the mean
  describe(t, endpoints);
  assertAll(endpoints, 200);
  for (const { rtt, stats } of endpoints) {
    assert.ok(rtt >= 80 && rtt < 160, `${rtt} ms of round-trip time`);
    assert.ok(Math.abs(stats.latency - rtt / 2) < 1);
  }
});

test("the game continues after a channel is closed and another opened", async (t) => {
  const { pages } = await pair(t, [{}, {}]);
  await play(pages, 60);
  await pages[0].evaluate(() => endpoint.channel.close());
  await each(pages, () => new Promise((resolve) => {
    const timer = setInterval(() => endpoint.states.at(-1) === "closed" && (clearInterval(timer), resolve()), 5);
  }));
  assert.equal((await reports(pages))[1].stats.health, "disconnected");
  const playing = each(pages, () => endpoint.play(60)); // fills the window while there is no channel
  await each(pages, () => endpoint.reopen(1));
  await playing;
  const endpoints = await play(pages, 60);
  describe(t, endpoints);
  assertAll(endpoints, 180);
  for (const { states, stats } of endpoints) {
    assert.deepEqual(states, ["open", "closed", "open"]);
    assert.equal(stats.health, "good");
  }
});

test("the game continues after a page was frozen for 2 s", async (t) => {
  const { pages, complaints } = await pair(t, [{}, {}]);
  const cdp = await pages[1].context().newCDPSession(pages[1]);
  const playing = each(pages, () => endpoint.play(300));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await cdp.send("Page.setWebLifecycleState", { state: "frozen" });
  await new Promise((resolve) => setTimeout(resolve, 2000));
  await cdp.send("Page.setWebLifecycleState", { state: "active" });
  await playing;
  await each(pages, () => endpoint.settle(300));
  const endpoints = await reports(pages);
  describe(t, endpoints);
  assertAll(endpoints, 300);
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

      // The keyboard moves a player and a slider, and pulls the cable.
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

      // The right side becomes the original.
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
