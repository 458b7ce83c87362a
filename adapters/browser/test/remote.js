// The page's end of remote.mjs; without `?remote=URL` a driver has the page.

const url = new URLSearchParams(location.search).get("remote");
if (url !== null) {
  const socket = new WebSocket(url);
  const opened = new Promise((resolve) => (socket.onopen = resolve));
  const say = async (message) => {
    await opened;
    socket.send(JSON.stringify(message));
  };
  for (const level of ["error", "warn"]) {
    const write = console[level];
    console[level] = (...values) => {
      write.apply(console, values);
      say({ complaint: values.join(" ") });
    };
  }
  addEventListener("error", ({ message, filename, lineno }) => say({ complaint: `${filename}:${lineno}: ${message}` }));
  addEventListener("unhandledrejection", ({ reason }) => say({ complaint: `unhandled: ${reason}\n${reason?.stack}` }));
  socket.onmessage = async ({ data }) => {
    const { id, act, argument } = JSON.parse(data);
    try {
      say({ id, value: await (0, eval)(`(${act})`)(argument) });
    } catch (error) {
      say({ id, error: `${error}\n${error?.stack}` });
    }
  };
}
