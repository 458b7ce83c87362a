// Finds browsers and launches them for the tests: Chromium by its driver, Firefox without one, by pages that connect to this
// process.

import { spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium as driver } from "playwright-core";

import { RemotePages } from "./remote.mjs";

const find = (...paths) => paths.find((path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
});

/** The paths of the executables, if they are installed. */
export const chromium = process.env.CHROMIUM ?? find("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome");
export const firefox = process.env.FIREFOX ?? find("/usr/bin/firefox-esr", "/usr/bin/firefox");

/** Two processes find each other only by addresses: there is no multicast between them here. */
export const SHOW_ADDRESSES = "--disable-features=WebRtcHideLocalIpsWithMdns";

export const launchChromium = (more = []) => driver.launch({
  executablePath: chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", ...more],
});

/** Opens a page of `test/` in a context of its own, which is closed after the test; `complaints` collects what its console says. */
export async function openChromium(t, browser, origin, complaints) {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  listen(page, complaints);
  await page.goto(`${origin}/test/page.html`);
  await page.waitForFunction(() => globalThis.endpoint !== undefined);
  return page;
}

/** Collects the errors and warnings of a page. */
export function listen(page, complaints) {
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.stack));
}

const PREFERENCES = {
  // As for Chromium: connections on this machine, with addresses that another process can use.
  "media.peerconnection.ice.loopback": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  // A page opens the others, each is as alive as the one in front, and closes itself.
  "dom.disable_open_during_load": false,
  "dom.popup_maximum": -1,
  "dom.allow_scripts_to_close_windows": true,
  "dom.min_background_timeout_value": 4,
  "dom.timeout.enable_budget_timer_throttling": false,
  // Nothing but the pages.
  "app.normandy.enabled": false,
  "app.update.auto": false,
  "browser.aboutwelcome.enabled": false,
  "browser.newtabpage.enabled": false,
  "browser.sessionstore.resume_from_crash": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "datareporting.policy.dataSubmissionEnabled": false,
  "extensions.update.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "startup.homepage_welcome_url": "about:blank",
  "toolkit.telemetry.reportingpolicy.firstRun": false,
};

/**
 * Launches Firefox with a profile of its own. Returns how to open a page of `test/`, which resolves to an object with `evaluate`
 * and `close`, and how to end it all. The sites of a page, `localhost` and `127.0.0.1`, decide which process it runs in.
 */
export async function launchFirefox(port) {
  const home = mkdtempSync(join(tmpdir(), "inputwire-firefox-"));
  writeFileSync(join(home, "user.js"), Object.entries(PREFERENCES)
    .map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join(""));
  const remote = await RemotePages.listen();
  const url = (page, site) => `http://${site}:${port}/test/page.html?remote=${encodeURIComponent(page.url)}`;

  const first = remote.expect([]);
  const browser = spawn(firefox, ["--headless", "--no-remote", "--profile", home, url(first, "localhost")],
    { env: { ...process.env, HOME: home, MOZ_CRASHREPORTER_DISABLE: "1" }, stdio: "ignore" });
  const ended = new Promise((resolve) => browser.on("close", resolve).on("error", resolve));
  const kill = () => browser.kill("SIGKILL");
  process.on("exit", kill);
  const close = async () => {
    browser.kill();
    const timer = setTimeout(kill, 5000);
    await ended;
    clearTimeout(timer);
    process.off("exit", kill);
    remote.close();
    rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  const opener = await Promise.race([first.page, ended.then(() => { throw new Error(`${firefox} ended before it showed a page`); })])
    .catch(async (error) => {
      await close();
      throw error;
    });
  return {
    close,
    async open(site, complaints) {
      const page = remote.expect(complaints);
      await opener.evaluate((url) => { open(url, "_blank", "noopener,popup,width=400,height=300"); }, url(page, site));
      return page.page;
    },
  };
}
