// What every entry of the package exports beside its `Session`.

export { type Channel, type ChannelState, type Connection, type Handlers, attach } from "./attach.js";
export {
  type Event, type Field, type Health, type InputLength, InputwireError, type Options, type PeerOptions, type Stats, type Wire,
} from "./session.js";
