import { Session } from "inputwire";

import { play, report } from "./play.js";

await report(async () => {
  await Session.create({ sessionId: 1n, localPlayer: 0, inputLength: 4 });
  await Session.load();
  return play((options) => Session.createSync(options));
}, new Worker(new URL("./url-worker.js", import.meta.url), { type: "module" }));
