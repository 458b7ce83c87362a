import { Session } from "inputwire/inline";

import { play } from "./play.js";

postMessage(play((options) => Session.createSync(options)));
