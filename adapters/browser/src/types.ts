// What every entry of the package exports beside its `Session`.

export {
  type Channel, type ChannelHandlers, type Connection, type Handlers, type RelayHandlers, type RouteState, type Socket, attach, attachRelay,
} from "./attach.js";
export { type RouteCause, type RouteChange, type RoutePolicy } from "./failover.js";
export { type Hello, peekHello } from "./hello.js";
export { type Inputs, type PlayerInput, Rollback, type RollbackEvent, type RollbackOptions, type Status, type Step } from "./rollback.js";
export {
  type Departure, type Event, type Field, type Fit, type Health, type InputLength, InputwireError, type Options, type PeerOptions, type Stats, type Wire,
} from "./session.js";
