export { type Channel, type Handlers, attach } from "./attach.js";
export {
  type Event, type Field, type Health, type InputSize, InputwireError, type Options, type Peer, Session, type Stats, type Wire,
} from "./session.js";
