// Tests the package and the demo in Chromium, over real data channels. Within test/lossy.sh real packets are lost; elsewhere
// the pages drop received messages. The names of the tests tell which.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { serve } from "../tools/serve.mjs";
import { launch } from "./chromium.mjs";
import { relay } from "./relay.mjs";

const FRAMES = 600;
const LOSS = 20;
const isReal = process.env.INPUTWIRE_LOSSY === "1";
const how = isReal ? "real packets" : "messages dropped by the page";
const shots = fileURLToPath(new URL("../shots/", import.meta.url));

let browser, server, origin, relayServer, relayUrl;
before(async () => {
  mkdirSync(shots, { recursive: true });
  const served = await serve();
  [server, origin] = [served.server, `http://localhost:${served.port}`];
  const relayed = await relay();
  [relayServer, relayUrl] = [relayed.server, `ws://127.0.0.1:${relayed.port}`];
  browser = await launch();
});
after(async () => {
  setLoss(0, []);
  await browser?.close();
  server?.close();
  relayServer?.close();
});

/**
 * Connects two pages with one endpoint each, by an in-band channel unless told otherwise; the endpoint of player `offerer` offers
 * it. `complaints` collects the errors and warnings of their consoles.
 */
async function pair(t, options, { offerer = 0, connects = true, ...common } = {}) {
  const complaints = [];
  const pages = await Promise.all([0, 1].map(async (player) => {
    const context = await browser.newContext();
    t.after(() => context.close());
    const page = await context.newPage();
    listen(page, complaints);
    await page.goto(`${origin}/test/page.html`);
    await page.waitForFunction(() => globalThis.endpoint !== undefined);
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

const each = (pages, act, argument) => Promise.all(pages.map((page) => page.evaluate(act, argument)));
const reports = (pages) => each(pages, () => endpoint.report());

function listen(page, complaints) {
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.stack));
}

function setLoss(percent, pages) {
  if (!isReal) return each(pages, (percent) => { network.loss = percent / 100; }, percent);
  execFileSync("nft", ["flush", "chain", "inet", "inputwire", "input"]);
  const lot = percent < 100 ? `numgen random mod 100 < ${percent} ` : "";
  if (percent > 0) execFileSync("nft", `add rule inet inputwire input meta l4proto udp ${lot}counter drop`.split(" "));
}

async function play(pages, frames = FRAMES, how = {}) {
  const before = (await reports(pages)).map(({ delivered }) => delivered);
  await each(pages, ([frames, how]) => endpoint.play(frames, how), [frames, how]);
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

/**
 * Compares the round trip shown with that of the channel, as the game's own messages measure it at the same time. They are within a
 * millisecond of each other on a quiet machine; on a busy one ten samples each can differ, so the figures are told and only what no
 * machine explains is an error.
 */
async function assertMeasured(t, pages) {
  for (let tries = 1; ; tries++) {
    await each(pages, () => endpoint.measure());
    const measured = (await reports(pages)).filter(({ stats }) => stats).map(({ stats, channelRtt }) => [stats.rtt.min, channelRtt]);
    const text = measured.map(([shown, real]) => `${shown.toFixed(2)} (${real.toFixed(2)})`).join(", ");
    if (measured.every(([shown, real]) => Math.abs(shown - real) <= 1)) return t.diagnostic(`shortest round trip shown (of the channel): ${text} ms`);
    if (tries < 3) continue;
    t.diagnostic(`more than a millisecond apart, shortest round trip shown (of the channel): ${text} ms`);
    return assert.ok(measured.every(([shown]) => shown < 250), text);
  }
}

const describe = (t, endpoints) => t.diagnostic(endpoints.map((endpoint) =>
  `${endpoint.delivered} delivered, ${endpoint.missing.length} missing, ${endpoint.lost} lost, rtt ${endpoint.rtt?.toFixed(1)} ms` +
  (endpoint.stats ? `, ${endpoint.stats.packetsSent} datagrams, ${endpoint.stats.bytesSent} bytes sent` : "")).join("; "));

const MOMENTS = ["before open", "at once", "in onopen", "after open", "after traffic"];

for (const wire of ["compact", "classic"]) {
  for (const offerer of [0, 1]) {
    test(`600 frames each way, ${wire}, player ${offerer} offers, attached at five moments`, async (t) => {
      for (const moment of MOMENTS) {
        const { pages, complaints } = await pair(t, [{}, {}], { wire, offerer, moment, settings: { pingInterval: 200 } });
        const endpoints = await play(pages);
        t.diagnostic(`${moment}: the channel came ${endpoints[1 - offerer].readyState}`);
        assertAll(endpoints);
        for (const { stats, states, healths, game, texts, early, kinds } of endpoints) {
          assert.equal(stats.health, "good", moment);
          assert.deepEqual(states, ["open"], moment);
          assert.deepEqual(healths.slice(0, 1), ["good"], `${moment}: ${healths}`);
          assert.ok(!kinds.includes("lost"), moment);
          // On the compact wire inputs may arrive before the hello that explains them.
          assert.ok(stats.refused <= (wire === "compact" ? 30 : 0), `${moment}: ${stats.refused} refused`);
          assert.ok(game.filter(([first]) => first === 0x14).length > 50 && texts > 50, `${moment}: ${game.length} and ${texts} messages of the game`);
          if (moment === "after traffic") assert.ok(early.filter(([first]) => first === 0x06).length > 10, `${early.length} messages before`);
        }
        await assertMeasured(t, pages);
        assert.deepEqual(complaints, []);
        await Promise.all(pages.map((page) => page.context().close()));
      }
    });
  }
}

for (const wire of ["compact", "classic"]) {
  test(`600 frames each way, ${wire}, over a negotiated channel`, async (t) => {
    const { pages, complaints } = await pair(t, [{}, {}], { wire, negotiated: true, settings: { pingInterval: 200 } });
    const endpoints = await play(pages);
    describe(t, endpoints);
    assertAll(endpoints);
    await assertMeasured(t, pages);
    assert.deepEqual(complaints, []);
  });
}

for (const version of ["early", "later"]) {
  for (const offerer of [0, 1]) {
    test(`600 frames each way, against the ${version} original, which ${offerer === 1 ? "offers" : "answers"}`, async (t) => {
      const settings = { redundancy: version === "early" ? 3 : 10, pingInterval: 200 };
      const { pages, complaints } = await pair(t, [{ wire: "classic", settings }, { original: version }], { offerer });
      const endpoints = await play(pages);
      describe(t, endpoints);
      assertAll(endpoints);
      assertPlausible(endpoints);
      await assertMeasured(t, pages);
      const [ours, theirs] = endpoints;
      assert.equal(ours.stats.health, "good");
      assert.equal(theirs.kinds[0], "started");
      // The early version does not know validation pings, of which there are few.
      assert.ok(theirs.counters.unknown <= (version === "early" ? 10 : 0), `${theirs.counters.unknown} unknown messages`);
      for (const { game, texts } of endpoints) assert.ok(game.length > 50 && texts > 50, "messages of the game on the same channel");
      assert.deepEqual(complaints, []);
    });
  }
}

for (const [name, options] of [
  ["compact", [{}, {}]],
  ["classic", [{ wire: "classic" }, { wire: "classic" }]],
  ["against the early original", [{ wire: "classic" }, { original: "early" }]],
  ["against the later original", [{ wire: "classic", settings: { redundancy: 10 } }, { original: "later" }]],
]) {
  test(`600 frames each way, ${name}, while both loops stall for 120 ms once a second`, async (t) => {
    const { pages, complaints } = await pair(t, options);
    const endpoints = await play(pages, FRAMES, { stall: 120 });
    describe(t, endpoints);
    // An early original cannot send more than 3 of what it catches up with in a skipped packet, but it sends one for each input.
    assertAll(endpoints);
    assert.deepEqual(complaints, []);
  });
}

for (const [name, options] of [
  ["compact", [{}, {}]],
  ["classic", [{ wire: "classic" }, { wire: "classic" }]],
  ["classic, against an early original", [{ wire: "classic" }, { original: "early" }]],
  ["classic, against a later original", [{ wire: "classic", settings: { redundancy: 10 } }, { original: "later" }]],
]) {
  test(`600 frames each way at ${LOSS} % loss, ${name} (${how})`, async (t) => {
    const { pages, complaints } = await pair(t, options, { impaired: !isReal });
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
        if (!endpoint.stats) continue; // the original reports nothing
        assert.equal(endpoint.lost, endpoint.missing.length);
        assert.equal(endpoint.stats.lostInputs, endpoint.lost);
      }
    }
    for (const endpoint of endpoints) {
      const lost = isReal ? endpoint.stats?.inboundLost : endpoint.dropped;
      if (lost !== undefined) assert.ok(lost > 30, `${lost} datagrams lost`);
    }
    assert.deepEqual(complaints, []);
  });
}

for (const wire of ["compact", "classic"]) {
  test(`a hidden tab that jumps 300 frames ahead loses nothing and plays on, ${wire}`, async (t) => {
    const { pages } = await pair(t, [{}, {}], { wire });
    await play(pages, 60);
    // The other page plays as far as it can: on the compact wire until its window is full.
    await Promise.all([
      pages[0].evaluate(() => endpoint.play(100)),
      pages[1].evaluate(async () => {
        await new Promise((resolve) => setTimeout(resolve, 5000));
        endpoint.skip(360);
        await endpoint.play(60);
      }),
    ]);
    await pages[0].evaluate(() => endpoint.play(260));
    await each(pages, () => endpoint.settle(420));
    await pages[0].evaluate(() => { for (let frame = 60; frame < 360; frame++) endpoint.theirSkipped.add(frame); });
    const endpoints = await reports(pages);
    describe(t, endpoints);
    assertAll(endpoints, 420);
    assert.equal((await pages[1].evaluate(() => endpoint.stalls)), 0);
    for (const { kinds } of endpoints) assert.ok(!kinds.includes("lost"));
  });
}

test("pushes that leave the window unsent: the classic wire says exactly what never came", async (t) => {
  const { pages } = await pair(t, [{}, {}], { wire: "classic" });
  await play(pages, 60);
  // The other endpoint plays on, so by then it can have 300 frames.
  await pages[0].evaluate(() => endpoint.play(300));
  await pages[1].evaluate(() => {
    const now = endpoint.channel; // as if the channel was congested throughout the task
    const { detach } = endpoint;
    detach();
    while (endpoint.pushed < 360) endpoint.push();
    endpoint.channel = now;
    endpoint.attach();
  });
  await play(pages, 150);
  const [a, b] = await reports(pages);
  describe(t, [a, b]);
  assertAll([b], 510);
  assert.deepEqual([a.lost, a.missing.length], [180, 180]);
  assert.deepEqual([a.missing[0], a.missing.at(-1)], [60, 239]);
});

for (const wire of ["compact", "classic"]) {
  test(`a game with a socket as its second route survives the loss of its channel, ${wire} (${how})`, async (t) => {
    const { pages, complaints, connect } = await pair(t, [{}, {}], { wire, connects: false, impaired: !isReal, relay: `${relayUrl}/${wire}` });
    t.after(() => setLoss(0, []));
    assertAll(await play(pages, 60), 60); // over the socket alone
    await connect();
    assertAll(await play(pages, 300), 360);
    let { changes } = (await reports(pages))[0];
    // The compact wire prefers the channel once it has been well for 3 s; the classic one resends nothing, and uses both.
    assert.deepEqual(changes, wire === "compact" ? ["direct: well"] : []);
    await setLoss(100, pages);
    assertAll(await play(pages, 180), 540);
    await setLoss(0, pages);
    const endpoints = await play(pages, 420);
    describe(t, endpoints);
    assertAll(endpoints, 960);
    changes = endpoints[0].changes;
    t.diagnostic(`routes of the first endpoint: ${changes.join(", ") || "both"}`);
    if (wire === "compact") {
      assert.match(changes[1], /^both: (silent|deaf|asked)$/);
      assert.equal(changes.at(-1), "direct: well");
    }
    for (const { healths, relayStates } of endpoints) {
      assert.ok(!healths.includes("disconnected"), `${healths}`);
      assert.deepEqual(relayStates, ["open"]);
    }
    assert.deepEqual(complaints, []);
  });
}

if (isReal) {
  test("a connection that fails ends the pings and is reported", async (t) => {
    const { pages } = await pair(t, [{}, { wire: "compact" }]);
    await play(pages, 60);
    setLoss(100, pages);
    t.after(() => setLoss(0, []));
    await each(pages, () => new Promise((resolve) => {
      const timer = setInterval(() => endpoint.states.at(-1) === "failed" && (clearInterval(timer), resolve()), 50);
    }));
    const before = await reports(pages);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const after = await reports(pages);
    for (const [i, { stats, states }] of after.entries()) {
      assert.equal(stats.packetsSent, before[i].stats.packetsSent);
      assert.equal(stats.health, "disconnected");
      assert.deepEqual(states, ["open", "failed"]);
    }
  });
}

test("40 ms of delay each way make a round-trip time of 80 ms", async (t) => {
  const { pages } = await pair(t, [{}, {}], { impaired: true });
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
  await pages[0].evaluate(() => endpoint.open());
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

for (const [wire, starter] of [["compact", 0], ["classic", 1]]) {
  test(`two browsers play with copied texts, ${wire}, the ${starter === 0 ? "first" : "second"} starts`, async (t) => {
    const complaints = [];
    const pages = await Promise.all([0, 1].map(async () => {
      const process = await launch(["--disable-features=WebRtcHideLocalIpsWithMdns"]); // no multicast between processes here
      t.after(() => process.close());
      const page = await process.newPage({ viewport: { width: 1000, height: 900 } });
      listen(page, complaints);
      await page.goto(`${origin}/demo/two.html`);
      await page.waitForFunction(() => document.querySelector("h2") !== null);
      return page;
    }));
    const [a, b] = starter === 0 ? pages : pages.toReversed();
    const text = async (page) => {
      await page.waitForFunction(() => document.querySelector("#own").value !== "");
      return page.locator("#own").inputValue();
    };
    await a.locator(`[value=${wire}]`).check();
    await b.locator("#other").fill("something else");
    assert.match(await b.locator("#status").textContent(), /not a text of this page/);
    await a.locator("#start").click();
    await b.locator("#other").fill(`Here it is:\n${await text(a)}\n`);
    await a.locator("#other").fill(await text(b));
    await each(pages, () => new Promise((resolve) => {
      const timer = setInterval(() => demo?.side?.counts["on time"] > 120 && (clearInterval(timer), resolve()), 20);
    }));
    // Both hold the same game.
    const states = await each(pages, () => new Promise((resolve) => setTimeout(() => resolve([...demo.side.hashes]), 300)));
    const common = states[0].filter(([frame]) => new Map(states[1]).has(frame));
    assert.ok(common.length > 10);
    for (const [frame, hash] of common) assert.equal(new Map(states[1]).get(frame), hash);
    assert.equal(await a.locator("#status").textContent(), `Playing over the ${wire} wire.`);
    assert.deepEqual(await each(pages, () => demo.side.counts.never), [0, 0]);
    // The keys move the own player on both machines.
    const before = await b.evaluate(() => demo.side.state.players[0].y);
    await a.locator(".field").focus().catch(() => {});
    await a.keyboard.down("KeyS");
    await b.waitForFunction((y) => demo.side.state.players[0].y > y + 200 || demo.side.state.players[0].y > 1600, before);
    await a.keyboard.up("KeyS");
    await a.screenshot({ path: `${shots}two-${wire}.png`, fullPage: true });
    assert.deepEqual(complaints, []);
  });
}

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
      assert.ok(playing < 20_000, `playing only after ${playing} ms`);

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
