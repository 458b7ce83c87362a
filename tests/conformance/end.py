"""What the models and the line peer have in common: settings, answers, and the calls of an end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

WINDOW = 120
MAX_FRAME = 0xFFFFFFFF


@dataclass(frozen=True)
class Settings:
    """The settings of one end of a link."""

    wire: str = "compact"
    input_size: int = 1
    session: int = 0
    epoch: int = 0
    me: int = 0
    peer: int = 1
    key: bytes | None = None
    redundancy: int = 3
    frame_us: int = 16667
    ping_us: int = 200_000
    incarnation: int = 1
    peer_incarnation: int | None = None
    first_frame: int = 0

    def other(self, incarnation: int, peer_incarnation: int | None) -> Settings:
        """The settings of the other end."""
        return replace(self, me=self.peer, peer=self.me, incarnation=incarnation,
                       peer_incarnation=peer_incarnation)

    def options(self) -> list[str]:
        """The options that give a line peer these settings."""
        options = ["--wire", self.wire, "--input-size", str(self.input_size),
                   "--session", f"{self.session:016x}", "--epoch", str(self.epoch),
                   "--me", str(self.me), "--peer", str(self.peer),
                   "--frame-us", str(self.frame_us), "--ping-us", str(self.ping_us),
                   "--incarnation", str(self.incarnation),
                   "--first-frame", str(self.first_frame)]
        if self.key is not None:
            options += ["--key", self.key.hex()]
        if self.wire == "classic":
            options += ["--redundancy", str(self.redundancy)]
        if self.peer_incarnation is not None:
            options += ["--peer-incarnation", str(self.peer_incarnation)]
        return options


@dataclass
class Answer:
    """What one call did: its result, the inputs told, the datagrams sent, and the next wake."""

    result: str
    detail: str = ""
    inputs: list[tuple[int, bytes]] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    next: int | None = None
    stats: dict[str, object] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)


class Failed(Exception):
    """A call other than a received datagram that fails."""


class End(Protocol):
    """One end with one peer, driven by calls that say what time it is."""

    def push(self, now: int, data: bytes) -> Answer:
        """Pushes an input."""

    def receive(self, now: int, datagram: bytes) -> Answer:
        """Hands over a datagram from the peer."""

    def time(self, now: int) -> Answer:
        """Tells the time."""

    def begin(self, now: int, epoch: int) -> Answer:
        """Begins an epoch."""

    def close(self, now: int) -> Answer:
        """Says that the transport has closed."""

    def open(self, now: int) -> Answer:
        """Says that the transport has opened again."""

    def mute(self) -> Answer:
        """Stops polling."""

    def unmute(self) -> Answer:
        """Goes on polling."""

    def stats(self) -> Answer:
        """Asks for statistics."""

    def stop(self) -> None:
        """Ends the end."""
