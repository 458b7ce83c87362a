// The functions of the C interface (adapters/c) that are used here; the build exports these and no others. Pointers are offsets into the memory of the instance.

/** 0: done. 1: there is nothing to return. Negative: refused. */
type Status = number;

export interface Abi {
  readonly memory: WebAssembly.Memory;
  readonly __heap_base: WebAssembly.Global;
  iw_session_size(maxPeers: number, inputLen: number): number;
  iw_session_init(memory: number, len: number, maxPeers: number, inputLen: number, config: number, session: number): Status;
  iw_session_add_peer_with(session: number, now: bigint, config: number, peer: number): Status;
  iw_session_disconnect_peer(session: number, now: bigint, peer: number): Status;
  iw_session_remove_peer(session: number, now: bigint, peer: number): Status;
  iw_session_push_input(session: number, now: bigint, input: number, len: number, frame: number, waitingFor: number): Status;
  iw_session_skip_to(session: number, now: bigint, frame: number, input: number, len: number, reached: number): Status;
  iw_session_begin_epoch(session: number, now: bigint, epoch: number): Status;
  iw_session_push_checksum(session: number, now: bigint, frame: number, hash: bigint, waitingFor: number): Status;
  iw_session_close(session: number, now: bigint): Status;
  iw_session_set_input_delay(session: number, frames: number): Status;
  iw_session_handle_datagram(session: number, now: bigint, from: number, datagram: number, len: number): Status;
  iw_session_handle_timeout(session: number, now: bigint): Status;
  iw_session_handle_transport_closed(session: number, now: bigint, peer: number): Status;
  iw_session_handle_transport_opened(session: number, now: bigint, peer: number): Status;
  iw_session_poll_event(session: number, event: number): Status;
  iw_session_poll_transmit(session: number, datagram: number, capacity: number, len: number, peer: number): Status;
  iw_session_poll_transmit_to(session: number, peer: number, datagram: number, capacity: number, len: number): Status;
  iw_session_poll_timeout(session: number, at: number): Status;
  iw_session_next_epoch(session: number, epoch: number): Status;
  iw_session_incarnation(session: number, incarnation: number): Status;
  iw_session_departures_settled(session: number, isSettled: number): Status;
  iw_session_is_closed(session: number, isClosed: number): Status;
  iw_session_next_frame(session: number, frame: number): Status;
  iw_session_confirmed_frame(session: number, frame: number): Status;
  iw_session_local_input(session: number, frame: number, input: number, capacity: number): Status;
  iw_peer_departure(session: number, peer: number, departure: number): Status;
  iw_peer_remote_input(session: number, peer: number, frame: number, input: number, capacity: number): Status;
  iw_peer_pace(session: number, peer: number, pace: number): Status;
  iw_peer_suggested_delay(session: number, peer: number, frames: number): Status;
  iw_hello_fits(datagram: number, len: number, config: number, inputLen: number, mismatch: number): Status;
  iw_peer_stats(session: number, peer: number, stats: number): Status;
}

export const MAX_DATAGRAM_SIZE = 1024;
export const UNKNOWN = 0xffff_ffff_ffff_ffffn;
export const NO_PEER = 0xffff_ffff;
export const NO_FRAME = 0xffff_ffff;
export const NO_MARGIN = 0xffff_ffff;

export const Code = { done: 0, none: 1, windowFull: -50, tooFarAhead: -52, checksumsFull: -61, helloOtherPlayer: -80, helloMismatch: -81, gameMessage: -104, unknownType: -103, wrongInputLength: -6, refused: -100 } as const;
export const HEALTH = ["connecting", "good", "warning", "critical", "deaf", "interrupted", "disconnected"] as const;
export const FIELD = ["version", "inputLength", "window", "tagSize", "firstFrame", "frameInterval"] as const;
