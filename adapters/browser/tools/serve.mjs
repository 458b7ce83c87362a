// Serves this directory on localhost: `npm run demo`, or `serve(port)` from a test.

import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const served = /^\/(demo|dist|test)\//;
const types = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".wasm": "application/wasm", ".svg": "image/svg+xml" };

export function serve(port = 0) {
  const server = createServer((request, response) => {
    let path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    if (path === "/") return response.writeHead(302, { location: "/demo/" }).end();
    if (path.endsWith("/")) path += "index.html";
    const file = join(root, path);
    const type = types[extname(path)];
    if (!served.test(path) || type === undefined || !existsSync(file)) return response.writeHead(404).end("not found");
    response.writeHead(200, { "content-type": type === "application/wasm" ? type : `${type}; charset=utf-8`, "cache-control": "no-store" });
    createReadStream(file).pipe(response);
  });
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(port, "127.0.0.1", () => resolve({ server, port: server.address().port }));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!existsSync(join(root, "dist/index.js"))) {
    console.error("there is no dist/: run `npm run build`");
    process.exit(1);
  }
  const { port } = await serve(Number(process.env.PORT ?? 8080));
  console.log(`http://localhost:${port}/demo/`);
}
