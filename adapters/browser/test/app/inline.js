import { Session } from "inputwire/inline";

import { play, report } from "./play.js";

await report(() => play((options) => Session.createSync(options)),
  new Worker(new URL("./inline-worker.js", import.meta.url), { type: "module" }));
