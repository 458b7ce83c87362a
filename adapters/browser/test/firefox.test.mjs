// Tests the package in Firefox, over real data channels: between two of its pages, and with Chromium. There is no driver: the pages
// connect to this process (remote.mjs).

import { after, before, test } from "node:test";

import { serve } from "../tools/serve.mjs";
import { SHOW_ADDRESSES, chromium, firefox, launchChromium, launchFirefox, openChromium } from "./browsers.mjs";
import { testMoments } from "./pages.mjs";

if (firefox) {
  let server, origin, ours, theirs;
  before(async () => {
    const served = await serve();
    [server, origin] = [served.server, `http://localhost:${served.port}`];
    ours = await launchFirefox(served.port);
    if (chromium) theirs = await launchChromium([SHOW_ADDRESSES]);
  });
  after(async () => {
    await ours?.close();
    await theirs?.close();
    server?.close();
  });

  const open = async (t, player, complaints) => {
    const page = await ours.open(["localhost", "127.0.0.1"][player], complaints);
    t.after(() => page.close());
    return page;
  };
  testMoments(", in Firefox", open);

  if (chromium) {
    const either = (t, player, complaints) => (player === 0 ? open(t, player, complaints) : openChromium(t, theirs, origin, complaints));
    testMoments(", between Firefox and Chromium", either);
  } else {
    test("between Firefox and Chromium", { skip: "Chromium is not installed" }, () => {});
  }
} else {
  test("in Firefox", { skip: "Firefox is not installed" }, () => {});
}
