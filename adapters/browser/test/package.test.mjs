// Packs the package and uses it as a game would: with bundlers, without one, in Node and in workers.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { chromium, launchChromium } from "./browsers.mjs";

const BUNDLERS = ["vite@8.4.0", "esbuild@0.28.2", "webpack@5.113.0", "webpack-cli@7.3.1"];
const OUTCOME = "page: 60 frames, worker: 60 frames";
const here = fileURLToPath(new URL("..", import.meta.url));
const home = mkdtempSync(join(tmpdir(), "inputwire-package-"));
const app = join(home, "app");
const types = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

let browser, tarball;
let missing; // why the bundlers cannot be used

const run = (command, args, options = {}) => execFileSync(command, args, { cwd: app, encoding: "utf8", stdio: "pipe", ...options });
const tool = (name) => join(app, "node_modules/.bin", name);
const npm = (args, options) => run("npm", [...args, "--no-audit", "--no-fund"], options);
const files = (directory) => readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));

before(async () => {
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", home], { cwd: here }));
  tarball = { ...packed, path: join(home, packed.filename) };
  mkdirSync(app);
  writeFileSync(join(app, "package.json"), '{ "name": "app", "private": true, "type": "module" }');
  npm(["install", tarball.path]);
  cpSync(join(here, "test/app"), app, { recursive: true });
  try {
    npm(["install", "--no-save", tarball.path, ...BUNDLERS], { timeout: 240_000 });
  } catch (error) {
    missing = `${BUNDLERS.join(", ")} are not available from npm: ${String(error.stderr ?? error).trim().split("\n").at(-1)}`;
    console.log(`skipped: bundlers: ${missing}`);
  }
  if (chromium) browser = await launchChromium();
  else console.log("skipped: pages: Chromium is not installed");
});
after(async () => {
  await browser?.close();
  rmSync(home, { recursive: true, force: true });
});

/** Serves a directory, and returns the outcome of its page. */
async function outcomeOf(root, path = "/index.html") {
  const server = createServer((request, response) => {
    const file = join(root, normalize(new URL(request.url, "http://localhost").pathname));
    if (!existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await visit(`http://localhost:${server.address().port}${path}`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

async function visit(url) {
  const page = await browser.newPage();
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(`${message.text()} ${message.location().url}`));
  try {
    await page.goto(url);
    await page.waitForFunction(() => globalThis.outcome !== undefined, undefined, { timeout: 20_000 });
    return await page.evaluate(() => globalThis.outcome);
  } catch (error) {
    throw new Error(`${error.message}\n${complaints.join("\n")}`);
  } finally {
    await page.close();
  }
}

const page = (script, head = "") => `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">${head}<script type="module" src="${script}"></script>`;
/** Whether a test with a bundler and a page can run; says so if not. */
const can = (t, { bundler = true } = {}) => {
  const why = bundler && missing ? missing : browser ? undefined : "Chromium is not installed";
  if (why) t.skip(why);
  return why === undefined;
};

test("the tarball has what it needs, and tells its size", (t) => {
  const names = tarball.files.map(({ path }) => path);
  for (const name of ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "package.json", "dist/index.js", "dist/index.d.ts", "dist/node.js", "dist/inline-1.js", "examples/episode.js"]) {
    assert.ok(names.includes(name), `${name} is missing: ${names}`);
  }
  assert.ok(names.every((name) => /^(dist|examples|LICENSE|README|package\.json)/.test(name)), `${names}`);
  const { license, description, keywords } = JSON.parse(readFileSync(join(app, "node_modules/inputwire/package.json"), "utf8"));
  assert.ok(license && description && keywords.length > 0);
  const dist = join(app, "node_modules/inputwire/dist");
  const sizes = (list) => list.map((name) => readFileSync(join(dist, name))).reduce(([raw, gzip], bytes) => [raw + bytes.length, gzip + gzipSync(bytes).length], [0, 0]);
  const scripts = ["index.js", "types.js", "session.js", "attach.js", "failover.js", "abi.js", "generated.js", "incarnation.js"];
  for (const [what, list] of [
    ["a game with inputs of one byte loads", [...scripts, "inputwire-1.wasm"]], ["of that WebAssembly", ["inputwire-1.wasm"]],
    ["with the entry inline", [...scripts.slice(1), "inline-1.js"]],
  ]) t.diagnostic(`${what}: ${sizes(list)[0]} bytes, ${sizes(list)[1]} gzipped`);
  t.diagnostic(`the package: ${tarball.unpackedSize} bytes, ${tarball.size} packed`);
});

test("Node and its workers", () => {
  const both = "60 frames and 60 frames";
  assert.equal(run("node", ["node.mjs"]).trim(), `page: ${both}, worker: ${both}`);
});

test("a plain module with an import map, from the package as it is", async (t) => {
  if (!can(t, { bundler: false })) return;
  const map = JSON.stringify({ imports: { inputwire: "./node_modules/inputwire/dist/index.js", "inputwire/inline": "./node_modules/inputwire/dist/inline-1.js" } });
  const head = `<script type="importmap">${map}</script>`;
  // Import maps do not reach workers, which name the file.
  const worker = (name, file) => writeFileSync(join(app, `plain-${name}-worker.js`),
    readFileSync(join(app, `${name}-worker.js`), "utf8").replace(/"inputwire.*?"/, `"./node_modules/inputwire/dist/${file}"`));
  for (const [name, file] of [["url", "index.js"], ["inline", "inline-1.js"]]) {
    worker(name, file);
    writeFileSync(join(app, `plain-${name}.js`), readFileSync(join(app, `${name}.js`), "utf8").replace(`${name}-worker`, `plain-${name}-worker`));
    writeFileSync(join(app, "plain.html"), page(`./plain-${name}.js`, head));
    assert.equal(await outcomeOf(app, "/plain.html"), OUTCOME, name);
  }
});

for (const name of ["url", "inline"]) {
  test(`Vite, ${name}, its development server`, async (t) => {
    if (!can(t)) return;
    writeFileSync(join(app, "index.html"), page(`/${name}.js`));
    rmSync(join(app, "node_modules/.vite"), { recursive: true, force: true });
    const server = spawn(process.execPath, [join(app, "node_modules/vite/bin/vite.js"), "--port", "0", "--host", "127.0.0.1"], { cwd: app });
    try {
      const url = await new Promise((resolve, reject) => {
        let text = "";
        const read = (chunk) => {
          text += String(chunk).replaceAll(/\u001b\[\d*m/g, "");
          const found = /http:\/\/127\.0\.0\.1:(\d+)/.exec(text);
          if (found) resolve(found[0]);
        };
        server.stdout.on("data", read);
        server.stderr.on("data", read);
        server.on("exit", () => reject(new Error(text)));
      });
      assert.equal(await visit(url), OUTCOME);
    } finally {
      server.kill();
    }
  });

  test(`Vite, ${name}, built`, async (t) => {
    if (!can(t)) return;
    writeFileSync(join(app, "index.html"), page(`/${name}.js`));
    writeFileSync(join(app, "vite.config.js"), 'export default { build: { target: "esnext" }, worker: { format: "es" } };');
    const out = join(home, `vite-${name}`);
    run(tool("vite"), ["build", "--outDir", out, "--emptyOutDir", "--logLevel", "error"]);
    assert.equal(await outcomeOf(out), OUTCOME);
    assert.equal(files(out).some((file) => file.endsWith(".wasm")), name === "url", "inline needs no file");
  });

  test(`webpack, ${name}`, async (t) => {
    if (!can(t)) return;
    const out = join(home, `webpack-${name}`);
    run(tool("webpack"), ["--mode", "production", "--entry", `./${name}.js`, "--output-path", out, "--output-filename", "main.js"]);
    writeFileSync(join(out, "index.html"), page("./main.js"));
    assert.equal(await outcomeOf(out), OUTCOME);
    assert.equal(files(out).some((file) => file.endsWith(".wasm")), name === "url", "inline needs no file");
  });

  test(`esbuild, ${name}`, async (t) => {
    if (!can(t)) return;
    const out = join(home, `esbuild-${name}`);
    run(tool("esbuild"), [`./${name}.js`, `./${name}-worker.js`, "--bundle", "--format=esm", "--target=esnext", `--outdir=${out}`, "--log-level=error"]);
    writeFileSync(join(out, "index.html"), page(`./${name}.js`));
    if (name === "url") {
      assert.match(await outcomeOf(out), /inputwire-4\.wasm: 404 .*import from "inputwire\/inline"/, "esbuild copies no file");
      for (const length of [1, 4]) cpSync(join(app, `node_modules/inputwire/dist/inputwire-${length}.wasm`), join(out, `inputwire-${length}.wasm`));
    }
    assert.equal(await outcomeOf(out), OUTCOME);
  });
}

for (const [module, resolution] of [["esnext", "bundler"], ["nodenext", "nodenext"]]) {
  test(`strict TypeScript, moduleResolution ${resolution}`, () => {
    run(join(here, "node_modules/.bin/tsc"), ["strict.ts", "--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess",
      "--noPropertyAccessFromIndexSignature", "--target", "es2022", "--lib", "es2022,dom", "--types", "", "--module", module, "--moduleResolution", resolution,
      "--skipLibCheck", "false", "--ignoreConfig"]);
  });
}
