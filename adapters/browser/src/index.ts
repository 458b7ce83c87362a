export { type Channel, type Handlers, attach } from "./attach.js";
export {
  type Event, type Field, type Health, type InputLength, InputwireError, type Options, type PeerOptions, Session, type Stats, type Wire,
} from "./session.js";
