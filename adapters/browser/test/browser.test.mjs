// Tests the package and the demo in Chromium, over real data channels. Within test/lossy.sh real packets are lost; elsewhere
// the pages drop received messages. The names of the tests tell which.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { after, before, describe as group } from "node:test";
import { fileURLToPath } from "node:url";

import { serve } from "../tools/serve.mjs";
import { SHOW_ADDRESSES, launchChromium, listen, openChromium } from "./browsers.mjs";
import { FRAMES, assertAll, assertMeasured, assertPlausible, describe, each, pair as pairOf, play, reports, test, testMoments } from "./pages.mjs";
import { relay } from "./relay.mjs";

const LOSS = 20;
const isReal = process.env.INPUTWIRE_LOSSY === "1";
const how = isReal ? "real packets" : "messages dropped by the page";
const shots = fileURLToPath(new URL("../shots/", import.meta.url));
/** The tests of a group mostly wait for frames, so some run at once; each has its own pages, ports and losses. */
const SIDE_BY_SIDE = { concurrency: 6 };

let browser, server, origin, relayServer, relayUrl;
before(async () => {
  mkdirSync(shots, { recursive: true });
  const served = await serve();
  [server, origin] = [served.server, `http://localhost:${served.port}`];
  const relayed = await relay();
  [relayServer, relayUrl] = [relayed.server, `ws://127.0.0.1:${relayed.port}`];
  browser = await launchChromium();
});
after(async () => {
  await browser?.close();
  server?.close();
  relayServer?.close();
});

const open = (t, player, complaints) => openChromium(t, browser, origin, complaints);
const pair = (t, options, more) => pairOf(t, open, options, more);

const losses = new Map();

/** Sets the loss of two connected pages, in percent, until the end of the test. */
async function setLoss(t, pages, percent) {
  if (!isReal) return each(pages, (percent) => { network.loss = percent / 100; }, percent);
  if (!losses.has(pages)) {
    const ports = (await each(pages, () => [...endpoint.connection.localDescription.sdp.matchAll(/^a=candidate:\S+ 1 udp \S+ \S+ (\d+) /gim)]
      .map(([, port]) => port))).flat();
    assert.ok(ports.length >= 2, "each page has a port");
    losses.set(pages, { ports });
    t.after(() => {
      losses.delete(pages);
      applyLosses();
    });
  }
  losses.get(pages).percent = percent;
  applyLosses();
}

/** The losses of all pairs in one transaction, so that none is without its own meanwhile. */
function applyLosses() {
  const chain = "inet inputwire input";
  const rules = [...losses.values()].filter(({ percent }) => percent > 0).map(({ ports, percent }) =>
    `add rule ${chain} udp dport { ${ports.join(", ")} } ${percent < 100 ? `numgen random mod 100 < ${percent} ` : ""}counter drop\n`);
  execFileSync("nft", ["-f", "-"], { input: `flush chain ${chain}\n${rules.join("")}` });
}

testMoments("", open);

group("over real channels", SIDE_BY_SIDE, () => {
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
      await setLoss(t, pages, LOSS);
      const endpoints = await play(pages);
      assertPlausible(endpoints);
      if (name === "compact") {
        describe(t, endpoints);
        assertAll(endpoints);
        for (const endpoint of endpoints) assert.equal(endpoint.ascending, true);
      } else {
        // Inputs that are missing now may still arrive. A window later, each has arrived or is reported as lost.
        await setLoss(t, pages, 0);
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
      assertAll(await play(pages, 60), 60); // over the socket alone
      await connect();
      assertAll(await play(pages, 300), 360);
      let { changes } = (await reports(pages))[0];
      // The compact wire prefers the channel once it has been well for 3 s; the classic one resends nothing, and uses both.
      assert.deepEqual(changes, wire === "compact" ? ["direct: well"] : []);
      await setLoss(t, pages, 100);
      assertAll(await play(pages, 180), 540);
      await setLoss(t, pages, 0);
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
      await setLoss(t, pages, 100);
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
});

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

for (const [wire, starter] of [["compact", 0], ["classic", 1]]) {
  test(`two browsers play with copied texts, ${wire}, the ${starter === 0 ? "first" : "second"} starts`, async (t) => {
    const complaints = [];
    const pages = await Promise.all([0, 1].map(async () => {
      const process = await launchChromium([SHOW_ADDRESSES]);
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
    // On a busy machine all may be late.
    await each(pages, () => new Promise((resolve) => {
      const arrived = ({ "on time": onTime, rescued, late }) => onTime + rescued + late;
      const timer = setInterval(() => demo?.side && arrived(demo.side.counts) > 120 && (clearInterval(timer), resolve()), 20);
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
