import { Session } from "inputwire";

import { play } from "./play.js";

Session.load().then(() => play((options) => Session.createSync(options))).then(postMessage, (error) => postMessage(String(error)));
