/* inputwire: player inputs over lossy networks, as a state machine; you bring the socket.
 *
 * Times are microseconds of a clock of yours. A session and all that a call writes to is yours, overlaps nothing else and is
 * used by one thread at a time. Every call gives a status: 0 is done, IW_STATUS_NONE nothing to give, negative refused.
 *
 * Made by cbindgen from adapters/c/src; adapters/c/check.sh sees that it is fresh. */

#ifndef INPUTWIRE_H
#define INPUTWIRE_H

#include <stddef.h>
#include <stdint.h>
/** A session in memory that the caller owns: iw_session_size bytes, which must not be moved. */
typedef struct iw_session iw_session;

/**
 * Counters of refused datagrams; more than there are reasons, so that reasons may be added.
 */
#define IW_REASONS 32

/**
 * The version of this interface: it changes with every layout, number or meaning below. Functions may be added without.
 */
#define IW_ABI_VERSION 1

/**
 * The longest datagram, and so the length of the buffer for one.
 */
#define IW_DATAGRAM_MAX 1024

/**
 * The longest input.
 */
#define IW_INPUT_MAX 16

/**
 * What the address of a session is divisible by.
 */
#define IW_SESSION_ALIGN 16

/**
 * How many frames of each player are kept.
 */
#define IW_WINDOW 120

/**
 * A figure that is not known.
 */
#define IW_UNKNOWN UINT64_MAX

/**
 * The peer of an event that is about nobody.
 */
#define IW_NOBODY UINT32_MAX

/**
 * For `wire`: the compact one, with inputs of every length.
 */
#define IW_COMPACT 0

/**
 * For `wire`: the classic one, with inputs of one byte.
 */
#define IW_CLASSIC 1

/**
 * What became of a call. 0: done; 1: nothing to give; negative: refused, and nothing has changed but counters and time.
 */
enum iw_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Done.
   */
  IW_STATUS_OK = 0,
  /**
   * Nothing to give: all is said, all is told, or it is not known.
   */
  IW_STATUS_NONE = 1,
  /**
   * A pointer is null.
   */
  IW_STATUS_NULL = -1,
  /**
   * A pointer is not aligned.
   */
  IW_STATUS_MISALIGNED = -2,
  /**
   * The memory or buffer is too short.
   */
  IW_STATUS_SHORT = -3,
  /**
   * The memory holds no session of this library: never set up, cleared, moved or overwritten.
   */
  IW_STATUS_FOREIGN = -4,
  /**
   * This library was not built with sessions of this size.
   */
  IW_STATUS_NO_SUCH_SIZE = -5,
  /**
   * The input is not as long as those of the session.
   */
  IW_STATUS_INPUT_LENGTH = -6,
  /**
   * No such wire, or the classic wire with inputs of more than one byte.
   */
  IW_STATUS_NO_SUCH_WIRE = -7,
  /**
   * `iw_config.frame_us`.
   */
  IW_STATUS_CONFIG_FRAME_INTERVAL = -20,
  /**
   * `iw_config.ping_us`.
   */
  IW_STATUS_CONFIG_PING_INTERVAL = -21,
  /**
   * `iw_config.interrupt_us`.
   */
  IW_STATUS_CONFIG_INTERRUPT_AFTER = -22,
  /**
   * `iw_config.disconnect_us`.
   */
  IW_STATUS_CONFIG_DISCONNECT_AFTER = -23,
  /**
   * `iw_config.warning_us` or `critical_us`.
   */
  IW_STATUS_CONFIG_LATENCY = -24,
  /**
   * `iw_config.redundancy`.
   */
  IW_STATUS_CONFIG_REDUNDANCY = -25,
  /**
   * `iw_config.datagram_max`.
   */
  IW_STATUS_CONFIG_DATAGRAM_MAX = -26,
  /**
   * No room for another peer.
   */
  IW_STATUS_PEERS_FULL = -40,
  /**
   * The player number is taken.
   */
  IW_STATUS_PLAYER_TAKEN = -41,
  /**
   * The first frames of the epoch have left the window.
   */
  IW_STATUS_EPOCH_RUNNING = -42,
  /**
   * A peer has not acknowledged the oldest input in the window.
   */
  IW_STATUS_WINDOW_FULL = -50,
  /**
   * The epoch has used up its frame numbers.
   */
  IW_STATUS_FRAMES_EXHAUSTED = -51,
  /**
   * The frame of a checksum does not go forward.
   */
  IW_STATUS_CHECKSUM_NOT_NEWER = -60,
  /**
   * A peer has not acknowledged the oldest checksum.
   */
  IW_STATUS_CHECKSUMS_FULL = -61,
  /**
   * The epoch is not greater than the present one.
   */
  IW_STATUS_EPOCH_NOT_NEWER = -70,
  /**
   * A reason that this version of the interface has no number for.
   */
  IW_STATUS_OTHER = -99,
  /**
   * A datagram of nobody we know. `-100 - n` is counted in `iw_stats.refused[n]`.
   */
  IW_STATUS_UNKNOWN_PEER = -100,
  /**
   * A datagram longer than 1,024 bytes.
   */
  IW_STATUS_TOO_LONG = -101,
  /**
   * A datagram too short to be anything.
   */
  IW_STATUS_TRUNCATED = -102,
  /**
   * A datagram of a type that this wire does not have.
   */
  IW_STATUS_UNKNOWN_TYPE = -103,
  /**
   * A message of the game on the classic wire, or text: for the game.
   */
  IW_STATUS_GAME_MESSAGE = -104,
  /**
   * A datagram not exactly as long as its content.
   */
  IW_STATUS_LENGTH = -105,
  /**
   * A datagram with more inputs than a window holds.
   */
  IW_STATUS_COUNT = -106,
  /**
   * A datagram whose body does not end where its inputs end.
   */
  IW_STATUS_BODY = -107,
  /**
   * A datagram whose check does not match.
   */
  IW_STATUS_CHECK = -108,
  /**
   * A datagram of another epoch.
   */
  IW_STATUS_OTHER_EPOCH = -109,
  /**
   * A datagram that starts after the next frame wanted.
   */
  IW_STATUS_OUT_OF_STEP = -110,
  /**
   * A datagram whose newest frame lies too far ahead.
   */
  IW_STATUS_TOO_FAR = -111,
  /**
   * A datagram with frame numbers outside what an epoch has.
   */
  IW_STATUS_FRAME_RANGE = -112,
  /**
   * A datagram whose frames do not ascend.
   */
  IW_STATUS_ORDER = -113,
  /**
   * A datagram of another player than the configured one.
   */
  IW_STATUS_WRONG_PLAYER = -114,
  /**
   * A pong to no outstanding ping.
   */
  IW_STATUS_UNKNOWN_PING = -115,
  /**
   * Inputs before the greeting.
   */
  IW_STATUS_NOT_READY = -116,
  /**
   * A datagram of an earlier run of the peer.
   */
  IW_STATUS_OLD_INCARNATION = -117,
  /**
   * Our own datagram.
   */
  IW_STATUS_REFLECTED = -118,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum iw_status iw_status;
#else
typedef int32_t iw_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What an event is about, and which of its fields say more; the others are 0.
 */
enum iw_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * What a peer did in `frame`: `input_len` bytes of `input`.
   */
  IW_EVENT_KIND_INPUT = 0,
  /**
   * Inputs of a peer can flow.
   */
  IW_EVENT_KIND_CONNECTED = 1,
  /**
   * A peer's health is now `value`, one of `iw_health`; it was silent for `duration_us`.
   */
  IW_EVENT_KIND_HEALTH = 2,
  /**
   * We were not called for `duration_us` after something was due.
   */
  IW_EVENT_KIND_LOCAL_STALL = 3,
  /**
   * A peer has acknowledged everything, and pushing has paused. Compact wire only.
   */
  IW_EVENT_KIND_FLUSHED = 4,
  /**
   * The state of a peer's game at `frame` has another checksum, `theirs`, than ours, `ours`.
   */
  IW_EVENT_KIND_DESYNC = 5,
  /**
   * `count` inputs of a peer will never be told, the first of them that of `frame`. Classic wire only.
   */
  IW_EVENT_KIND_LOST = 6,
  /**
   * A peer sent another input for a frame whose input was known.
   */
  IW_EVENT_KIND_CONFLICT = 7,
  /**
   * A peer is set up differently: `value` is one of `iw_field`, `ours` and `theirs` what each says.
   */
  IW_EVENT_KIND_MISMATCH = 8,
  /**
   * A peer has begun the epoch `value`: follow with `iw_begin_epoch`.
   */
  IW_EVENT_KIND_PEER_AHEAD = 9,
  /**
   * A peer was started anew: its inputs flow again after `iw_begin_epoch`.
   */
  IW_EVENT_KIND_RESTARTED = 10,
  /**
   * A peer goes on after inputs that we do not hold: begin a new epoch.
   */
  IW_EVENT_KIND_OUT_OF_STEP = 11,
  /**
   * A peer said goodbye.
   */
  IW_EVENT_KIND_LEFT = 12,
  /**
   * Something that this version of the interface has no number for.
   */
  IW_EVENT_KIND_OTHER = 99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum iw_event_kind iw_event_kind;
#else
typedef uint32_t iw_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How a peer is doing.
 */
enum iw_health
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Nothing was heard yet.
   */
  IW_HEALTH_CONNECTING = 0,
  /**
   * Heard lately, and near.
   */
  IW_HEALTH_GOOD = 1,
  /**
   * The one-way latency is above `warning_us`.
   */
  IW_HEALTH_WARNING = 2,
  /**
   * The one-way latency is above `critical_us`.
   */
  IW_HEALTH_CRITICAL = 3,
  /**
   * Heard, but it does not hear us.
   */
  IW_HEALTH_DEAF = 4,
  /**
   * Silent for `interrupt_us`.
   */
  IW_HEALTH_INTERRUPTED = 5,
  /**
   * Silent for `disconnect_us`, or closed.
   */
  IW_HEALTH_DISCONNECTED = 6,
  /**
   * Something that this version of the interface has no number for.
   */
  IW_HEALTH_OTHER = 99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum iw_health iw_health;
#else
typedef uint32_t iw_health;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The settings of a session. `iw_config_default` fills it, then change what you need.
 */
typedef struct {
  /**
   * The session id, the same at every end; random for each game.
   */
  uint64_t session;
  /**
   * A secret that all ends share, if `has_key` is not 0. It is never given back.
   */
  uint8_t key[16];
  /**
   * Our player number, up to 65,535, different at every end.
   */
  uint32_t player;
  /**
   * Grows each time our end starts anew within one session id; a start time will do.
   */
  uint32_t incarnation;
  /**
   * The frame that the first push of each epoch gets, the same at every end.
   */
  uint32_t first_frame;
  /**
   * The time between two frames, the same at every end.
   */
  uint32_t frame_us;
  /**
   * The time between two pings; 0 leaves it to the wire.
   */
  uint32_t ping_us;
  /**
   * The silence after which a peer is interrupted.
   */
  uint32_t interrupt_us;
  /**
   * The silence after which a peer is disconnected.
   */
  uint32_t disconnect_us;
  /**
   * The one-way latency above which a peer's health is a warning.
   */
  uint32_t warning_us;
  /**
   * The one-way latency above which a peer's health is critical.
   */
  uint32_t critical_us;
  /**
   * The longest datagram to send on the compact wire.
   */
  uint32_t datagram_max;
  /**
   * How many inputs each datagram of the classic wire carries.
   */
  uint32_t redundancy;
  /**
   * Whether inputs are repeated soon after their push (not 0), for games of 30 frames a second and fewer.
   */
  uint32_t early_copies;
  /**
   * Whether there is a key (not 0).
   */
  uint32_t has_key;
  /**
   * 0.
   */
  uint32_t reserved;
} iw_config;

/**
 * Something that is true now and was not told before.
 */
typedef struct {
  /**
   * What it is about.
   */
  iw_event_kind kind;
  /**
   * Which peer, or `IW_NOBODY`.
   */
  uint32_t peer;
  /**
   * See `kind`.
   */
  uint32_t frame;
  /**
   * See `kind`.
   */
  uint32_t count;
  /**
   * See `kind`.
   */
  uint32_t value;
  /**
   * How many bytes of `input` there are.
   */
  uint32_t input_len;
  /**
   * See `kind`.
   */
  uint64_t ours;
  /**
   * See `kind`.
   */
  uint64_t theirs;
  /**
   * See `kind`.
   */
  uint64_t duration_us;
  /**
   * See `kind`.
   */
  uint8_t input[IW_INPUT_MAX];
} iw_event;

/**
 * How far ahead of a peer we play, and what to do about it.
 */
typedef struct {
  /**
   * How far ahead of the peer we are, in thousandths of a frame.
   */
  int32_t lead_millis;
  /**
   * By how much to stretch the frame interval, in millionths.
   */
  int32_t stretch_ppm;
} iw_pace;

/**
 * Everything known of a peer. What is not known, of the figures that may be, is `IW_UNKNOWN`.
 */
typedef struct {
  /**
   * When these figures were taken.
   */
  uint64_t at_us;
  /**
   * The newest round trip; may be unknown, as all six.
   */
  uint64_t rtt_latest_us;
  /**
   * The shortest of the last 10.
   */
  uint64_t rtt_min_us;
  /**
   * Their mean.
   */
  uint64_t rtt_mean_us;
  /**
   * Their median.
   */
  uint64_t rtt_median_us;
  /**
   * The smoothed estimate (RFC 6298).
   */
  uint64_t rtt_smoothed_us;
  /**
   * Its variation (RFC 6298).
   */
  uint64_t rtt_variation_us;
  /**
   * Half the mean round trip; may be unknown.
   */
  uint64_t latency_us;
  /**
   * Interarrival jitter (RFC 3550); may be unknown.
   */
  uint64_t jitter_us;
  /**
   * Time since the peer was heard; may be unknown.
   */
  uint64_t silence_us;
  /**
   * The longest such time; may be unknown.
   */
  uint64_t longest_silence_us;
  /**
   * Input datagrams that the peer sent and that never arrived; may be unknown.
   */
  uint64_t inbound_lost;
  /**
   * Inputs that left the window without having been told; classic wire only.
   */
  uint64_t lost_inputs;
  /**
   * Datagrams accepted.
   */
  uint64_t packets_received;
  /**
   * Bytes in them.
   */
  uint64_t bytes_received;
  /**
   * Datagrams polled.
   */
  uint64_t packets_sent;
  /**
   * Bytes in them.
   */
  uint64_t bytes_sent;
  /**
   * How the peer is doing.
   */
  iw_health health;
  /**
   * Inputs of ours that the peer has not acknowledged.
   */
  uint32_t unacked;
  /**
   * How many there can be at most.
   */
  uint32_t window;
  /**
   * Frames below the newest known one that are missing now.
   */
  uint32_t gaps;
  /**
   * Accepted datagrams that carried inputs, but no new one.
   */
  uint32_t duplicates;
  /**
   * Inputs that contradicted the one known for their frame.
   */
  uint32_t conflicts;
  /**
   * Datagrams refused with the status `-100 - n`.
   */
  uint32_t refused[IW_REASONS];
} iw_stats;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The `IW_ABI_VERSION` of this library, to be compared with that of the header.
 */
uint32_t iw_abi_version(void);

/**
 * How many bytes a session takes with room for at least `peers` (1 to 3) and inputs of `input` bytes (1, 2, 4, 8 or
 * 16); 0 if this library was not built with such a size.
 */
size_t iw_session_size(uint32_t peers, uint32_t input);

/**
 * What the address of a session must be divisible by.
 */
size_t iw_session_align(void);

/**
 * Fills in the defaults: 60 frames a second, session 0, player 0, no key.
 *
 * # Safety
 *
 * `config` is null or may be written.
 */
iw_status iw_config_default(iw_config *config);

/**
 * Sets up a session in `len` bytes at `memory` and gives the pointer for all other calls in `*session`. The memory stays
 * the caller's, must not be moved, and can be given up at any time: there is nothing to be released.
 *
 * # Safety
 *
 * `memory` is null or `len` bytes that may be written; `config` is null or may be read; `session` is null or may be
 * written.
 */
iw_status iw_session_init(uint8_t *memory,
                          size_t len,
                          uint32_t peers,
                          uint32_t input,
                          const iw_config *config,
                          iw_session **session);

/**
 * Fills a session's memory with zeros, its key included: from now on it is refused as foreign.
 *
 * # Safety
 *
 * `session` is null, a session, or other memory of 32 readable bytes.
 */
iw_status iw_session_clear(iw_session *session);

/**
 * Adds a peer whose transport is open: `wire` is `IW_COMPACT` or `IW_CLASSIC`, `incarnation` the peer's, where
 * signalling carried it, or 0. Its number is given in `*peer`: 0, 1, 2 and so on, never one twice.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `peer` is null or may be written.
 */
iw_status iw_add_peer(iw_session *session,
                      uint64_t now_us,
                      uint32_t wire,
                      uint32_t player,
                      uint32_t incarnation,
                      uint32_t *peer);

/**
 * The transport to a peer is closed: its state is kept, nothing is sent to it, and it counts as disconnected.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`.
 */
iw_status iw_close_peer(iw_session *session, uint64_t now_us, uint32_t peer);

/**
 * The transport to a closed peer is open again: what is unacknowledged goes out.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`.
 */
iw_status iw_open_peer(iw_session *session, uint64_t now_us, uint32_t peer);

/**
 * Forgets a peer. It no longer holds the window.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`.
 */
iw_status iw_remove_peer(iw_session *session, uint64_t now_us, uint32_t peer);

/**
 * Records our input of the next frame, `len` bytes, and gives that frame in `*frame`. If the window is full, the peer
 * that it waits for is given in `*waiting_for`. Both may be null.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `input` is null or `len` readable bytes; the others are null or may be written.
 */
iw_status iw_push_input(iw_session *session,
                        uint64_t now_us,
                        const uint8_t *input,
                        size_t len,
                        uint32_t *frame,
                        uint32_t *waiting_for);

/**
 * Begins a later run of frames: windows are emptied, peers stay.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`.
 */
iw_status iw_begin_epoch(iw_session *session, uint64_t now_us, uint32_t epoch);

/**
 * Records a hash of our game's state after a frame, to be compared with every peer's on the compact wire. If there is no
 * room, the peer that it waits for is given in `*waiting_for`, which may be null.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `waiting_for` is null or may be written.
 */
iw_status iw_push_checksum(iw_session *session,
                           uint64_t now_us,
                           uint32_t frame,
                           uint64_t hash,
                           uint32_t *waiting_for);

/**
 * Says goodbye to every open peer, where its wire has a word for it, and closes them all.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`.
 */
iw_status iw_leave(iw_session *session, uint64_t now_us);

/**
 * Sets every counter in `iw_stats` to zero.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`.
 */
iw_status iw_clear_counters(iw_session *session);

/**
 * Takes a datagram that came from a peer. A refused one changes nothing but a counter, and needs no attention;
 * `IW_STATUS_GAME_MESSAGE` is for the game.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `datagram` is null or `len` readable bytes.
 */
iw_status iw_handle_datagram(iw_session *session, uint64_t now_us, uint32_t from, const uint8_t *datagram, size_t len);

/**
 * Takes note that time has passed, when `iw_poll_timeout` said so or at any other moment.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`.
 */
iw_status iw_handle_timeout(iw_session *session, uint64_t now_us);

/**
 * The next datagram to send, `*len` bytes at `datagram`, to `*peer`; `IW_STATUS_NONE` when everything is said. There is room
 * for `capacity` bytes, `IW_DATAGRAM_MAX` or more.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; the others are null or may be written.
 */
iw_status iw_poll_transmit(iw_session *session,
                           uint8_t *datagram,
                           size_t capacity,
                           size_t *len,
                           uint32_t *peer);

/**
 * The next thing to tell; `IW_STATUS_NONE` when everything is told. Inputs that are not taken are not acknowledged.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `event` is null or may be written.
 */
iw_status iw_poll_event(iw_session *session, iw_event *event);

/**
 * When to call `iw_handle_timeout` next; `IW_STATUS_NONE` if nothing will be due.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `at_us` is null or may be written.
 */
iw_status iw_poll_timeout(const iw_session *session, uint64_t *at_us);

/**
 * A status in words: what is wrong, and what to do. Never null; the text lives as long as the program.
 */
const char *iw_status_text(int32_t status);

/**
 * The settings of a session, all but the key.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `config` is null or may be written.
 */
iw_status iw_session_config(const iw_session *session, iw_config *config);

/**
 * How many bytes an input of this session has.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `bytes` is null or may be written.
 */
iw_status iw_input_size(const iw_session *session, uint32_t *bytes);

/**
 * The present epoch.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `epoch` is null or may be written.
 */
iw_status iw_epoch(const iw_session *session, uint32_t *epoch);

/**
 * The peer at a place, counted from 0, in the order in which they were added; `IW_STATUS_NONE` after the last.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `peer` is null or may be written.
 */
iw_status iw_peer_at(const iw_session *session, uint32_t index, uint32_t *peer);

/**
 * The frame that the next push gets.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `frame` is null or may be written.
 */
iw_status iw_next_frame(const iw_session *session, uint32_t *frame);

/**
 * The newest frame of a peer without a hole below it.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `frame` is null or may be written.
 */
iw_status iw_known(const iw_session *session, uint32_t peer, uint32_t *frame);

/**
 * The newest frame known from everybody.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `frame` is null or may be written.
 */
iw_status iw_confirmed(const iw_session *session, uint32_t *frame);

/**
 * How many of our inputs a peer has not acknowledged; 0 on the classic wire.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `inputs` is null or may be written.
 */
iw_status iw_unacked(const iw_session *session, uint32_t peer, uint32_t *inputs);

/**
 * How many frames of input delay would hide latency and jitter of a peer, once that is known.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `frames` is null or may be written.
 */
iw_status iw_suggested_delay(const iw_session *session, uint32_t peer, uint32_t *frames);

/**
 * How far ahead of a peer we play, and what to do about it, once that is known.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `pace` is null or may be written.
 */
iw_status iw_peer_pace(const iw_session *session, uint32_t peer, iw_pace *pace);

/**
 * Everything known of a peer, in figures.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `stats` is null or may be written.
 */
iw_status iw_peer_stats(const iw_session *session, uint32_t peer, iw_stats *stats);

/**
 * Our input of a frame, while it is in the window: as many bytes at `input` as an input has, of `capacity` or fewer.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `input` is null or `capacity` bytes that may be written.
 */
iw_status iw_own_input(const iw_session *session, uint32_t frame, uint8_t *input, size_t capacity);

/**
 * A peer's input of a frame, while it is in the window: as many bytes at `input` as an input has, of `capacity` or fewer.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `input` is null or `capacity` bytes that may be written.
 */
iw_status iw_input(const iw_session *session,
                   uint32_t peer,
                   uint32_t frame,
                   uint8_t *input,
                   size_t capacity);

/**
 * The newest frame known of a peer in this epoch, and its input: what a game predicts from.
 *
 * # Safety
 *
 * `session` as in `iw_session_clear`; `frame` is null or may be written, `input` is null or `capacity` bytes that may.
 */
iw_status iw_newest_input(const iw_session *session, uint32_t peer, uint32_t *frame, uint8_t *input, size_t capacity);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* INPUTWIRE_H */
