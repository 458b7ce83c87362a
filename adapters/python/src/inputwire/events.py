"""What a session reports. Times are seconds; `peer` is the number that `add_peer` returned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional, Union

from ._abi import NO_FRAME, NO_PEER, EventKind, EventStruct, Field, Health


@dataclass(frozen=True)
class Input:
    """A peer's input of a frame."""

    peer: int
    frame: int
    input: bytes


@dataclass(frozen=True)
class Connected:
    """Inputs can flow: a datagram that proves it has been accepted."""

    peer: int


@dataclass(frozen=True)
class HealthChanged:
    """The peer's health has changed; it was silent for so long."""

    peer: int
    health: Health
    silence: float


@dataclass(frozen=True)
class LocalStall:
    """The session was not called for so long after something was due."""

    duration: float


@dataclass(frozen=True)
class Flushed:
    """The peer has acknowledged everything and pushing has paused. Compact wire only."""

    peer: int


@dataclass(frozen=True)
class Desync:
    """The checksums of the game's state at a frame differ."""

    peer: int
    frame: int
    local: int
    remote: int


@dataclass(frozen=True)
class Lost:
    """So many inputs of the peer will never be delivered, the first of them that of `first`. Classic wire only."""

    peer: int
    first: int
    count: int


@dataclass(frozen=True)
class Conflict:
    """The peer sent a different input for a frame whose input was known."""

    peer: int


@dataclass(frozen=True)
class Mismatch:
    """A setting that must be the same at both endpoints differs."""

    peer: int
    field: Field
    local: int
    remote: int


@dataclass(frozen=True)
class EpochAhead:
    """The peer has begun an epoch: follow with `begin_epoch`."""

    peer: int
    epoch: int


@dataclass(frozen=True)
class Restarted:
    """The peer was started anew: inputs flow again after `begin_epoch(session.next_epoch)`."""

    peer: int


@dataclass(frozen=True)
class OutOfSync:
    """The peer continues after inputs that this session does not hold: begin a new epoch."""

    peer: int


@dataclass(frozen=True)
class PeerClosed:
    """The peer has closed its session; `end` is the frame after its last input in that epoch."""

    peer: int
    epoch: int
    end: int


@dataclass(frozen=True)
class SecondRun:
    """Two programs play as this peer, or an incarnation was used twice. The one that was there first goes on."""

    peer: int


@dataclass(frozen=True)
class Replaced:
    """The peer plays with another run of the local player: this program was started twice."""

    peer: int


@dataclass(frozen=True)
class Unreadable:
    """Hellos arrive whose tag is wrong: session id or key differ."""

    peer: int


@dataclass(frozen=True)
class WrongPlayers:
    """A hello between other players arrived: the address leads to another player."""

    peer: int
    sender: int
    receiver: int


@dataclass(frozen=True)
class Dropped:
    """A survivor told that the local player was disconnected, and so do all who hear of it: this session is closed."""

    by: int


@dataclass(frozen=True)
class Departing:
    """Nothing more is taken of the peer: the peer `by` told that it has left, or, with None, it said goodbye under a key, or joined
    too late to get what it lacks."""

    peer: int
    by: Optional[int]


@dataclass(frozen=True)
class Departed:
    """The peer has left, and every survivor has the same inputs of it, the last one that of the frame `last`, or none in this
    epoch. Comes after them."""

    peer: int
    last: Optional[int]


@dataclass(frozen=True)
class Other:
    """An event that this package has no class for yet: the number of its kind, and its fields."""

    peer: int
    kind: int
    frame: int
    count: int
    value: int


Event = Union[
    Input, Connected, HealthChanged, LocalStall, Flushed, Desync, Lost, Conflict, Mismatch, EpochAhead, Restarted,
    OutOfSync, PeerClosed, SecondRun, Replaced, Unreadable, WrongPlayers, Dropped,
    Departing, Departed, Other]


def _health(value: int) -> Health:
    return Health(value) if value in Health._value2member_map_ else Health.OTHER


def _field(value: int) -> Field:
    return Field(value) if value in Field._value2member_map_ else Field.OTHER


_READERS: dict[int, Callable[[EventStruct], Event]] = {
    EventKind.INPUT: lambda e: Input(e.peer, e.frame, bytes(e.input[: e.input_len])),
    EventKind.CONNECTED: lambda e: Connected(e.peer),
    EventKind.HEALTH: lambda e: HealthChanged(e.peer, _health(e.value), e.duration_us / 1e6),
    EventKind.LOCAL_STALL: lambda e: LocalStall(e.duration_us / 1e6),
    EventKind.FLUSHED: lambda e: Flushed(e.peer),
    EventKind.DESYNC: lambda e: Desync(e.peer, e.frame, e.local, e.remote),
    EventKind.LOST: lambda e: Lost(e.peer, e.frame, e.count),
    EventKind.CONFLICT: lambda e: Conflict(e.peer),
    EventKind.MISMATCH: lambda e: Mismatch(e.peer, _field(e.value), e.local, e.remote),
    EventKind.EPOCH_AHEAD: lambda e: EpochAhead(e.peer, e.value),
    EventKind.RESTARTED: lambda e: Restarted(e.peer),
    EventKind.OUT_OF_SYNC: lambda e: OutOfSync(e.peer),
    EventKind.PEER_CLOSED: lambda e: PeerClosed(e.peer, e.value, e.frame),
    EventKind.SECOND_RUN: lambda e: SecondRun(e.peer),
    EventKind.REPLACED: lambda e: Replaced(e.peer),
    EventKind.UNREADABLE: lambda e: Unreadable(e.peer),
    EventKind.WRONG_PLAYERS: lambda e: WrongPlayers(e.peer, sender=e.remote, receiver=e.local),
    EventKind.DROPPED: lambda e: Dropped(e.peer),
    EventKind.DEPARTING: lambda e: Departing(e.peer, None if e.value == NO_PEER else e.value),
    EventKind.DEPARTED: lambda e: Departed(e.peer, None if e.frame == NO_FRAME else e.frame),
}


def read(event: EventStruct) -> Event:
    """Makes the event of a struct of the C interface."""
    reader = _READERS.get(event.kind)
    if reader is None:
        return Other(event.peer, event.kind, event.frame, event.count, event.value)
    return reader(event)
