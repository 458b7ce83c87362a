"""What models and line peers have in common: settings, answers, and the calls of an endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

from tags import input_tag_size

MAX_FRAME = 0xFFFFFFFF
MAX_EPOCH = 0x7FFFFFFF
# Epochs above it are begun only where a peer is ahead or has restarted.
LAST_FREE_EPOCH = MAX_EPOCH - 65_536


@dataclass(frozen=True)
class Settings:
    """The settings of one endpoint of a link."""

    wire: str = "compact"
    input_len: int = 1
    session_id: int = 0
    epoch: int = 0
    local_player: int = 0
    peer_player: int = 1
    key: bytes | None = None
    redundancy: int = 3
    frame_us: int = 16667
    ping_us: int = 200_000
    incarnation: int = 1 << 40
    peer_incarnation: int | None = None
    first_frame: int = 0
    short_tags: bool = False
    window: int = 120
    input_delay: int = 0  # In frames.
    target_margin: int | None = None  # In frames.
    # Several peers instead of `peer_player`, and those of them that are added later, by a call.
    peers: tuple[int, ...] = ()
    joins: tuple[int, ...] = ()
    # Not an option of a line peer, which has this default.
    interrupt_us: int = 500_000

    @property
    def players(self) -> tuple[int, ...]:
        """The players of all peers."""
        return self.peers or (self.peer_player,)

    @property
    def disconnect_us(self) -> int:
        """How long a silence disconnects the peer of a line peer with this ping interval."""
        return max(5_000_000, 3 * self.ping_us)

    @property
    def input_tag_size(self) -> int:
        """The size of the tag of input datagrams."""
        return input_tag_size(self.key, self.short_tags)

    def other(self, incarnation: int, peer_incarnation: int | None) -> Settings:
        """The settings of the other endpoint."""
        return replace(self, local_player=self.peer_player, peer_player=self.local_player,
                       incarnation=incarnation, peer_incarnation=peer_incarnation)

    def _peer_options(self) -> list[str]:
        """The options that name the peers."""
        if self.peers:
            return ["--peers", ",".join(str(player) for player in self.peers)]
        return ["--peer", str(self.peer_player)]

    def options(self) -> list[str]:
        """The options of a line peer with these settings."""
        options = ["--wire", self.wire, "--input-size", str(self.input_len),
                   "--session", f"{self.session_id:016x}", "--epoch", str(self.epoch),
                   "--me", str(self.local_player), *self._peer_options(),
                   "--frame-us", str(self.frame_us), "--ping-us", str(self.ping_us),
                   "--first-frame", str(self.first_frame)]
        if self.window != 120:
            options += ["--window", str(self.window)]
        if self.wire == "compact":
            options += ["--incarnation", str(self.incarnation)]
        if self.input_delay:
            options += ["--input-delay", str(self.input_delay)]
        if self.target_margin is not None:
            options += ["--target-margin", str(self.target_margin)]
        if self.short_tags:
            options += ["--short-tags"]
        if self.key is not None:
            options += ["--key", self.key.hex()]
        if self.wire == "classic":
            options += ["--redundancy", str(self.redundancy)]
        if self.peer_incarnation is not None:
            options += ["--peer-incarnation", str(self.peer_incarnation)]
        return options


@dataclass
class Answer:
    """What one call did: result, inputs delivered, events, datagrams sent, next timeout."""

    result: str
    detail: str = ""
    # By player: the inputs of each peer with their frames, and the datagrams to it.
    inputs_of: dict[int, list[tuple[int, bytes]]] = field(default_factory=dict)
    sent_to: dict[int, list[bytes]] = field(default_factory=dict)
    # The peers that have departed, each with its last frame, if it has one.
    departed: list[tuple[int, int | None]] = field(default_factory=list)
    timeout: int | None = None
    stats: dict[str, object] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)

    @property
    def inputs(self) -> list[tuple[int, bytes]]:
        """The inputs of all peers."""
        return [each for inputs in self.inputs_of.values() for each in inputs]

    @property
    def sent(self) -> list[bytes]:
        """The datagrams to all peers."""
        return [each for datagrams in self.sent_to.values() for each in datagrams]


class Failed(Exception):
    """The error of a call other than receiving a datagram."""


class Endpoint(Protocol):
    """One endpoint, driven by calls that pass the time; a call without a player is about the first peer."""

    def push(self, now: int, data: bytes) -> Answer:
        """Pushes an input."""

    def receive(self, now: int, datagram: bytes, player: int | None = None) -> Answer:
        """Receives a datagram from the peer."""

    def time(self, now: int) -> Answer:
        """Advances the time."""

    def begin(self, now: int, epoch: int) -> Answer:
        """Begins an epoch."""

    def bye(self, now: int) -> Answer:
        """Closes the session."""

    def close(self, now: int, player: int | None = None) -> Answer:
        """Reports that the transport has closed."""

    def open(self, now: int, player: int | None = None) -> Answer:
        """Reports that the transport has opened again."""

    def drop(self, now: int, player: int) -> Answer:
        """Disconnects a peer."""

    def remove(self, now: int, player: int) -> Answer:
        """Removes a peer."""

    def join(self, now: int, player: int, frame: int) -> Answer:
        """Adds a peer from a join frame."""

    def mute(self) -> Answer:
        """Stops polling."""

    def unmute(self) -> Answer:
        """Resumes polling."""

    def stats(self, player: int | None = None) -> Answer:
        """Requests statistics."""

    def stop(self) -> None:
        """Stops the endpoint."""
