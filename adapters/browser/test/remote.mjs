// Pages that no driver drives: each connects to a socket of this process (remote.js), evaluates what it is told, and says what came
// of it.

import { WebSocketServer } from "ws";

/** How long a page may take to appear. */
const LIMIT = 150_000;

export class RemotePages {
  #server;
  #expected = new Map();

  /** Listens on a free port of localhost. */
  static listen() {
    const pages = new RemotePages();
    const server = (pages.#server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false }));
    server.on("connection", (socket, { url }) => {
      const appear = pages.#expected.get(url);
      if (!appear) return socket.close();
      pages.#expected.delete(url);
      appear(socket);
    });
    return new Promise((resolve) => server.on("listening", () => resolve(pages)));
  }

  /** Returns the URL that a new page has to connect to, and the page, once it has. `complaints` collects what its console says. */
  expect(complaints) {
    const path = `/${crypto.randomUUID()}`;
    const page = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no page has connected within ${LIMIT} ms`)), LIMIT);
      this.#expected.set(path, (socket) => {
        clearTimeout(timer);
        resolve(new RemotePage(socket, complaints));
      });
    });
    page.catch(() => {}); // whoever waits for it hears of it
    return { url: `ws://127.0.0.1:${this.#server.address().port}${path}`, page };
  }

  close() {
    for (const socket of this.#server.clients) socket.terminate();
    this.#server.close();
  }
}

class RemotePage {
  #socket;
  #waiting = new Map();
  #calls = 0;
  #gone;

  constructor(socket, complaints) {
    this.#socket = socket;
    socket.on("message", (data) => {
      const { id, value, error, complaint } = JSON.parse(data);
      if (complaint !== undefined) return complaints.push(complaint);
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) resolve(value);
      else reject(new Error(`in the page: ${error}`));
    });
    this.#gone = new Promise((resolve) => socket.on("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the page is gone"));
      resolve();
    }));
  }

  /** Calls a function in the page, as the driver of Chromium does: argument and result pass as JSON. */
  evaluate(act, argument) {
    const id = this.#calls++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, act: String(act), argument }), (error) => error && reject(error));
    });
  }

  /** Closes the page. */
  async close() {
    await Promise.race([this.evaluate(() => { close(); }).catch(() => {}), this.#gone]);
    await Promise.race([this.#gone, new Promise((resolve) => setTimeout(resolve, 5000))]);
  }
}
