"""A session: one endpoint of a game, with up to three peers."""

from __future__ import annotations

import ctypes as c
import secrets
import time
from dataclasses import dataclass
from typing import Any, Iterator, Literal, NamedTuple, Optional

from . import _abi, events
from ._abi import DepartureKind, Health, Status
from ._library import allocate, library, text

Wire = Literal["compact", "classic"]
_WIRES = {"compact": _abi.COMPACT, "classic": _abi.CLASSIC}


class InputwireError(Exception):
    """A call that the session refuses; the text says what to do."""

    def __init__(self, status: int) -> None:
        super().__init__(text(status))
        self.status = Status(status) if status in Status._value2member_map_ else Status.OTHER


class WindowFull(InputwireError):
    """A peer has not acknowledged the oldest input in the window: push the same input again later."""

    def __init__(self, status: int, waiting_for: int) -> None:
        super().__init__(status)
        self.waiting_for = waiting_for


class TooFarAhead(InputwireError):
    """A peer's latest known input lies `max_lead` frames back: push the same input again later."""

    def __init__(self, status: int, waiting_for: int) -> None:
        super().__init__(status)
        self.waiting_for = waiting_for


class Departure(NamedTuple):
    """Whether a peer still plays. While it is `DEPARTING`, `frame` is the one after its latest input that is known here; once it is
    `DEPARTED`, that of its last input, or None if there is none in this epoch."""

    kind: DepartureKind
    frame: Optional[int]


class Pace(NamedTuple):
    """How far the local game is ahead of a peer's in thousandths of a frame, and by how many millionths to stretch the
    frame interval."""

    lead_millis: int
    stretch_ppm: int


@dataclass(frozen=True)
class Stats:
    """A snapshot of a peer's statistics. Times are seconds; None is a value that is not known yet."""

    at: float
    rtt_latest: Optional[float]
    rtt_min: Optional[float]
    rtt_mean: Optional[float]
    rtt_median: Optional[float]
    rtt_smoothed: Optional[float]
    rtt_variation: Optional[float]
    latency: Optional[float]
    jitter: Optional[float]
    silence: Optional[float]
    longest_silence: Optional[float]
    inbound_lost: Optional[int]
    lost_inputs: int
    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    health: Health
    unacked: int
    window: int
    missing: int
    duplicates: int
    conflicts: int
    refused: dict[Status, int]
    margin_millis: Optional[int]


def _check(status: int) -> bool:
    """Returns whether a call has something to return."""
    if status < 0:
        raise InputwireError(status)
    return status == Status.OK


def _number(name: str, value: int, bits: int) -> int:
    """Returns the value. A field of C would take the low bits of a greater one, and the two ends would not meet."""
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{name} is 0 to 2**{bits} - 1, not {value}")
    return value


def _wire(name: str) -> int:
    if name not in _WIRES:
        raise ValueError(f"a wire is {' or '.join(map(repr, _WIRES))}, not {name!r}")
    return _WIRES[name]


def _bytes(data: bytes) -> bytes:
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"an input is bytes, such as bytes([{data if isinstance(data, int) else 1}]), not {type(data).__name__}")
    return bytes(data)


def _micros(now: Optional[float]) -> int:
    return _number("now in microseconds", round((time.monotonic() if now is None else now) * 1e6), 64)


class Session:
    """One endpoint of a game. Not for several threads at once.

    Settings marked with `=` must be the same at every endpoint.
    """

    def __init__(
        self,
        *,
        session_id: int = 0,
        local_player: int = 0,
        input_len: int = 1,
        max_peers: int = 1,
        key: Optional[bytes] = None,
        short_tags: bool = False,
        first_frame: int = 0,
        frame_interval: Optional[float] = None,
        ping_interval: Optional[float] = None,
        interrupt_after: Optional[float] = None,
        disconnect_after: Optional[float] = None,
        warning_latency: Optional[float] = None,
        critical_latency: Optional[float] = None,
        max_datagram_size: Optional[int] = None,
        redundancy: Optional[int] = None,
        early_copies: bool = False,
        mesh: bool = True,
        max_lead: int = 0,
        incarnation: Optional[int] = None,
    ) -> None:
        """Creates a session.

        session_id: = random for each game. local_player: up to 65,535, different at every endpoint.
        input_len: = 1, 2, 4, 8 or 16 bytes. max_peers: 1 to 3. key: = 16 secret bytes. incarnation: 64 random bits, drawn
        anew at each start, as happens by default. mesh: = whether every endpoint is a peer of every other one, so that the survivors of a player agree on
        its last input; off for a server and its clients. max_lead: how many frames pushes may be ahead of each peer's latest known
        input; 0 for no limit. The others are those of `Config` in Rust, with its defaults.
        """
        config = _abi.ConfigStruct()
        _check(library.iw_config_default(c.byref(config)))
        config.session_id = _number("session_id", session_id, 64)
        config.local_player = _number("local_player", local_player, 16)
        # Numbers below 2^32 are refused, since they look like no random ones.
        drawn = secrets.randbits(64) | 1 << 63 if incarnation is None else incarnation
        config.incarnation = _number("incarnation", drawn, 64)
        if key is not None:
            if len(key) != 16:
                raise ValueError("a key has 16 bytes")
            config.key[:], config.has_key = key, 1
        config.mesh, config.max_lead = mesh, _number("max_lead", max_lead, 32)
        config.short_tags, config.early_copies = short_tags, early_copies
        config.first_frame = _number("first_frame", first_frame, 32)
        for name, seconds in [
            ("frame_us", frame_interval), ("ping_us", ping_interval), ("interrupt_us", interrupt_after),
            ("disconnect_us", disconnect_after), ("warning_us", warning_latency), ("critical_us", critical_latency),
        ]:
            if seconds is not None:
                setattr(config, name, min(max(round(seconds * 1e6), 0), 2**32 - 1))
        if max_datagram_size is not None:
            config.max_datagram_size = _number("max_datagram_size", max_datagram_size, 32)
        if redundancy is not None:
            config.redundancy = _number("redundancy", redundancy, 32)
        size = library.iw_session_size(_number("max_peers", max_peers, 32), _number("input_len", input_len, 32))
        if not size:
            raise InputwireError(Status.NO_SUCH_SIZE)
        self._memory, start = allocate(size)
        self._session = c.c_void_p()
        _check(library.iw_session_init(start, size, max_peers, input_len, c.byref(config), c.byref(self._session)))
        self._input_len = input_len
        self._event, self._buf = _abi.EventStruct(), c.create_string_buffer(_abi.MAX_DATAGRAM_SIZE)
        self._number, self._second, self._long, self._size = c.c_uint32(), c.c_uint32(), c.c_uint64(), c.c_size_t()

    # Actions: the application did it.

    def add_peer(
        self,
        player: int,
        *,
        wire: Wire = "compact",
        key: Optional[bytes] = None,
        incarnation: int = 0,
        from_frame: Optional[int] = None,
        target_margin: Optional[int] = None,
        now: Optional[float] = None,
    ) -> int:
        """Adds a peer whose transport is open, and returns its number. `key`: a secret of this pair alone.
        `incarnation`: the peer's, if signalling carried it. `from_frame`: the frame from which a player takes part that joins late
        or comes back; the same at every endpoint, and at least 2 above every frame that any of them has pushed. `target_margin`:
        for a server that waits for nobody, how many frames early it is to have the local inputs, 0 to 250: `pace` then keeps that
        `margin`, instead of keeping up with the peer's game."""
        config = _abi.PeerConfigStruct()
        _check(library.iw_peer_config_default(c.byref(config)))
        config.player, config.wire = _number("player", player, 16), _wire(wire)
        config.incarnation = _number("incarnation", incarnation, 64)
        if key is not None:
            if len(key) != 16:
                raise ValueError("a key has 16 bytes")
            config.key[:], config.has_key = key, 1
        if from_frame is not None:
            config.join_frame = _number("from_frame", from_frame, 32)
        if target_margin is not None:
            if not 0 <= target_margin <= 250:
                raise ValueError("a margin is 0 to 250 frames")
            config.target_margin = target_margin
        _check(library.iw_session_add_peer_with(self._session, _micros(now), c.byref(config), c.byref(self._number)))
        return self._number.value

    def disconnect_peer(self, peer: int, now: Optional[float] = None) -> None:
        """Takes nothing more of a peer. All survivors of a mesh agree on its last input, and each gets every input that one of them
        has; then `Departed` is reported. Where only two play, and without a mesh, it has departed at once.

        If it plays on, it is `Dropped`. So that two who lose each other do not both go, the one with the greater player number waits
        200 ms longer before this call."""
        _check(library.iw_session_disconnect_peer(self._session, _micros(now), peer))

    def remove_peer(self, peer: int, now: Optional[float] = None) -> None:
        """Removes a peer. It no longer holds the window. With three players and more, `disconnect_peer` comes first, and this once
        `departures_settled`, at every endpoint."""
        _check(library.iw_session_remove_peer(self._session, _micros(now), peer))

    def push_input(self, data: bytes, now: Optional[float] = None) -> int:
        """Records the local input of the next frame and returns that frame. Raises `WindowFull` or `TooFarAhead`."""
        data = _bytes(data)
        status = library.iw_session_push_input(
            self._session, _micros(now), data, len(data), c.byref(self._number), c.byref(self._second))
        if status == Status.WINDOW_FULL:
            raise WindowFull(status, self._second.value)
        if status == Status.TOO_FAR_AHEAD:
            raise TooFarAhead(status, self._second.value)
        _check(status)
        return self._number.value

    def skip_to(self, frame: int, data: bytes, now: Optional[float] = None) -> int:
        """Jumps ahead after a pause: every frame before `frame` gets this input. Returns the frame of the next push."""
        data, frame = _bytes(data), _number("frame", frame, 32)
        status = library.iw_session_skip_to(self._session, _micros(now), frame, data, len(data), c.byref(self._number))
        if status == Status.WINDOW_FULL:
            raise WindowFull(status, _abi.NO_PEER)
        _check(status)
        return self._number.value

    def begin_epoch(self, epoch: int, now: Optional[float] = None) -> None:
        """Begins an epoch, with frames from the first one on."""
        _check(library.iw_session_begin_epoch(self._session, _micros(now), _number("epoch", epoch, 32)))

    def push_checksum(self, frame: int, value: int, now: Optional[float] = None) -> None:
        """Records the checksum of the game's state at a confirmed frame, to be compared with those of the peers. The low 64 bits of
        `value` count, so `hash` may be negative."""
        frame = _number("frame", frame, 32)
        _check(library.iw_session_push_checksum(self._session, _micros(now), frame, value, c.byref(self._number)))

    def set_input_delay(self, frames: int) -> None:
        """Tells the input delay of the game, which `pace` takes out."""
        _check(library.iw_session_set_input_delay(self._session, _number("frames", frames, 32)))

    def clear_counters(self) -> None:
        """Sets the counters of all peers to zero."""
        _check(library.iw_session_clear_counters(self._session))

    def close(self, now: Optional[float] = None) -> None:
        """Closes the session: what is unacknowledged is delivered, then goodbyes are sent until `is_closed`."""
        _check(library.iw_session_close(self._session, _micros(now)))

    # What the world did.

    def handle_datagram(self, peer: int, datagram: bytes, now: Optional[float] = None) -> Status:
        """Handles a datagram from a peer. Returns `Status.OK`, or why it was refused, which is counted and needs no action."""
        status = library.iw_session_handle_datagram(self._session, _micros(now), peer, datagram, len(datagram))
        if status > Status.UNKNOWN_PEER and status < 0:
            raise InputwireError(status)
        return Status(status) if status in Status._value2member_map_ else Status.OTHER

    def handle_timeout(self, now: Optional[float] = None) -> None:
        """Handles the passing of time: at `poll_timeout`, or at any other time."""
        _check(library.iw_session_handle_timeout(self._session, _micros(now)))

    def handle_transport_closed(self, peer: int, now: Optional[float] = None) -> None:
        """Handles the end of the transport to a peer."""
        _check(library.iw_session_handle_transport_closed(self._session, _micros(now), peer))

    def handle_transport_opened(self, peer: int, now: Optional[float] = None) -> None:
        """Handles a transport to a peer that is open again."""
        _check(library.iw_session_handle_transport_opened(self._session, _micros(now), peer))

    # What is new: events until None, then datagrams until None, then sleep until `poll_timeout`.

    def poll_event(self) -> Optional[events.Event]:
        """Returns the next event, or None."""
        if not _check(library.iw_session_poll_event(self._session, c.byref(self._event))):
            return None
        return events.read(self._event)

    def events(self) -> Iterator[events.Event]:
        """Yields every event that there is now."""
        while (event := self.poll_event()) is not None:
            yield event

    def poll_transmit(self) -> Optional[tuple[int, bytes]]:
        """Returns the peer and the bytes of the next datagram to send, or None."""
        if not _check(library.iw_session_poll_transmit(
                self._session, self._buf, len(self._buf), c.byref(self._size), c.byref(self._number))):
            return None
        return self._number.value, self._buf.raw[: self._size.value]

    def transmits(self) -> Iterator[tuple[int, bytes]]:
        """Yields every datagram to send now, with its peer."""
        while (transmit := self.poll_transmit()) is not None:
            yield transmit

    def poll_transmit_to(self, peer: int) -> Optional[bytes]:
        """Returns the next datagram to send to this peer, or None. For transports that can be congested one by one."""
        if not _check(library.iw_session_poll_transmit_to(
                self._session, peer, self._buf, len(self._buf), c.byref(self._size))):
            return None
        return self._buf.raw[: self._size.value]

    def poll_timeout(self) -> Optional[float]:
        """Returns when to call `handle_timeout`: later than the latest `now`. None if nothing is due."""
        found = _check(library.iw_session_poll_timeout(self._session, c.byref(self._long)))
        return self._long.value / 1e6 if found else None

    # Getters.

    def _get(self, getter: Any, *arguments: int) -> Optional[int]:
        found = _check(getter(self._session, *arguments, c.byref(self._number)))
        return self._number.value if found else None

    @property
    def input_len(self) -> int:
        """The length of an input in bytes."""
        return self._input_len

    @property
    def epoch(self) -> int:
        """The present epoch."""
        return self._get(library.iw_session_epoch) or 0

    @property
    def next_epoch(self) -> Optional[int]:
        """An epoch that is new to every peer; None if the session is closed."""
        return self._get(library.iw_session_next_epoch)

    @property
    def incarnation(self) -> Optional[int]:
        """The number of this run, for signalling."""
        found = _check(library.iw_session_incarnation(self._session, c.byref(self._long)))
        return self._long.value if found else None

    @property
    def departures_settled(self) -> bool:
        """Whether every peer that left has departed, and every survivor knows what is known here of it."""
        return self._get(library.iw_session_departures_settled) == 1

    @property
    def is_closed(self) -> bool:
        """Whether `close` has done its work, so that the socket is no longer needed."""
        return self._get(library.iw_session_is_closed) == 1

    @property
    def next_frame(self) -> int:
        """The frame of the next push."""
        return self._get(library.iw_session_next_frame) or 0

    @property
    def confirmed_frame(self) -> Optional[int]:
        """The latest frame up to which the input of every player that has not departed is known."""
        return self._get(library.iw_session_confirmed_frame)

    def local_input(self, frame: int) -> Optional[bytes]:
        """Returns a local input that is still in the window."""
        found = _check(library.iw_session_local_input(self._session, frame, self._buf, len(self._buf)))
        return self._buf.raw[: self._input_len] if found else None

    @property
    def peers(self) -> list[int]:
        """The numbers of the peers."""
        found: list[int] = []
        while (peer := self._get(library.iw_session_peer_at, len(found))) is not None:
            found.append(peer)
        return found

    def departure(self, peer: int) -> Optional[Departure]:
        """Returns whether a peer still plays; None for an unknown peer."""
        departure = _abi.DepartureStruct()
        if not _check(library.iw_peer_departure(self._session, peer, c.byref(departure))):
            return None
        known = departure.kind in DepartureKind._value2member_map_
        kind = DepartureKind(departure.kind) if known else DepartureKind.OTHER
        has_frame = kind in (DepartureKind.DEPARTING, DepartureKind.DEPARTED) and departure.frame != _abi.NO_FRAME
        return Departure(kind, departure.frame if has_frame else None)

    def last_frame(self, peer: int) -> Optional[int]:
        """Returns the latest frame up to which every input of a peer is known."""
        return self._get(library.iw_peer_last_frame, peer)

    def remote_input(self, peer: int, frame: int) -> Optional[bytes]:
        """Returns a peer's input, if it is known and still in the window."""
        found = _check(library.iw_peer_remote_input(self._session, peer, frame, self._buf, len(self._buf)))
        return self._buf.raw[: self._input_len] if found else None

    def latest_input(self, peer: int) -> Optional[tuple[int, bytes]]:
        """Returns the latest frame and input of a peer."""
        found = _check(library.iw_peer_latest_input(
            self._session, peer, c.byref(self._number), self._buf, len(self._buf)))
        return (self._number.value, self._buf.raw[: self._input_len]) if found else None

    def unacked(self, peer: int) -> Optional[int]:
        """Returns how many local inputs the peer has not acknowledged."""
        return self._get(library.iw_peer_unacked, peer)

    def pace(self, peer: int) -> Optional[Pace]:
        """Returns how far the local game is ahead of the peer's, and by how much to stretch the next frame."""
        pace = _abi.PaceStruct()
        found = _check(library.iw_peer_pace(self._session, peer, c.byref(pace)))
        return Pace(pace.lead_millis, pace.stretch_ppm) if found else None

    def margin(self, peer: int) -> Optional[int]:
        """Returns how early the local inputs come to a peer that waits for nobody, in thousandths of a frame: the least of about a
        second. Below 0, some came too late. None until both play, and on the classic wire."""
        margin = c.c_int32()
        found = _check(library.iw_peer_margin(self._session, peer, c.byref(margin)))
        return margin.value if found else None

    def suggested_delay(self, peer: int) -> Optional[int]:
        """Returns the input delay in frames that would hide the network."""
        return self._get(library.iw_peer_suggested_delay, peer)

    def stats(self, peer: int) -> Optional[Stats]:
        """Returns a snapshot of a peer's statistics; None for an unknown peer."""
        stats = _abi.StatsStruct()
        if not _check(library.iw_peer_stats(self._session, peer, c.byref(stats))):
            return None

        def known(value: int) -> Optional[int]:
            return None if value == _abi.UNKNOWN else value

        def seconds(name: str) -> Optional[float]:
            value = known(getattr(stats, name + "_us"))
            return None if value is None else value / 1e6

        times = ("rtt_latest", "rtt_min", "rtt_mean", "rtt_median", "rtt_smoothed", "rtt_variation", "latency", "jitter",
                 "silence", "longest_silence")
        counts = ("lost_inputs", "packets_received", "bytes_received", "packets_sent", "bytes_sent", "unacked", "window",
                  "missing", "duplicates", "conflicts")
        refused = {status: stats.refused[-100 - status] for status in Status if status <= -100 and stats.refused[-100 - status]}
        fields: dict[str, Any] = {name: seconds(name) for name in times}
        fields.update((name, getattr(stats, name)) for name in counts)
        return Stats(
            at=stats.at_us / 1e6, margin_millis=stats.margin_millis if stats.has_margin else None, inbound_lost=known(stats.inbound_lost), health=events._health(stats.health), refused=refused,
            **fields)

    def clear(self) -> None:
        """Overwrites the session's memory, its key included. Every later call raises."""
        _check(library.iw_session_clear(self._session))
