// A relay for the tests: passes each message of a socket on to the other sockets with the same path.

import { WebSocketServer } from "ws";

/** Serves on a free port of localhost. */
export function relay() {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
  const rooms = new Map();
  server.on("connection", (socket, { url }) => {
    const room = rooms.get(url) ?? new Set();
    rooms.set(url, room.add(socket));
    socket.on("close", () => room.delete(socket));
    socket.on("message", (data, isBinary) => {
      for (const other of room) if (other !== socket) other.send(data, { binary: isBinary });
    });
  });
  return new Promise((resolve) => server.on("listening", () => resolve({ server, port: server.address().port })));
}
