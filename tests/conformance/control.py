"""The control datagrams of the compact wire (3.9): hello, bye and checksums."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tags import compute_tag, control_tag_size
from wire_compact import Direction, Refused

HELLO = 0x20
BYE = 0x21
CHECKSUMS = 0x22
MOST_CHECKSUMS = 16
PLAYING = 1
ASKS = 2

_HELLO = struct.Struct(">BHHBBBBIHIIQIQI")
_BYE = struct.Struct(">QII")


@dataclass(frozen=True)
class Hello:
    """The fields of a hello after its tag."""

    version: int
    sender: int
    receiver: int
    input_len: int
    window: int
    tag_size: int
    flags: int
    frame_us: int
    ping_ms: int
    first_frame: int
    epoch: int
    incarnation: int
    number: int
    named: int
    answered: int

    @property
    def playing(self) -> bool:
        """Whether the named run is the one that the sender plays with."""
        return bool(self.flags & PLAYING)

    def pack(self) -> bytes:
        """The bytes after the tag."""
        return _HELLO.pack(
            self.version, self.sender, self.receiver, self.input_len, self.window, self.tag_size,
            self.flags, self.frame_us, self.ping_ms, self.first_frame, self.epoch,
            self.incarnation, self.number, self.named, self.answered)


def seal_hello(session_id: int, key: bytes | None, rest: bytes) -> bytes:
    """A hello from everything after its tag."""
    message = struct.pack(">QB", session_id, HELLO) + rest
    return bytes([HELLO]) + compute_tag(key, message, control_tag_size(key)) + rest


def encode_hello(session_id: int, key: bytes | None, hello: Hello) -> bytes:
    """A hello."""
    return seal_hello(session_id, key, hello.pack())


def authentic_hello(session_id: int, key: bytes | None, datagram: bytes) -> bytes:
    """Steps 1 and 2 of a hello: returns everything after its tag."""
    size = control_tag_size(key)
    if len(datagram) < 6 + size:
        raise Refused("Truncated")
    rest = datagram[1 + size:]
    if datagram != seal_hello(session_id, key, rest):
        raise Refused("BadTag")
    return rest


def open_hello(session_id: int, key: bytes | None, datagram: bytes) -> bytes:
    """Steps 1 to 3 of a hello: returns everything after its tag."""
    rest = authentic_hello(session_id, key, datagram)
    if rest[0] == 1 and len(rest) != _HELLO.size:
        raise Refused("WrongLength")
    return rest


def unpack_hello(rest: bytes) -> Hello:
    """The fields of a hello of version 1."""
    return Hello(*_HELLO.unpack(rest))


@dataclass(frozen=True)
class Bye:
    """The fields of a bye after its tag."""

    named: int
    epoch: int
    end: int

    def pack(self) -> bytes:
        """The bytes after the tag."""
        return _BYE.pack(self.named, self.epoch, self.end)


def seal_bye(direction: Direction, rest: bytes) -> bytes:
    """A bye from everything after its tag, which covers the context with epoch, E and A of 0."""
    message = direction.in_epoch(0).context(0, 0) + bytes([BYE]) + rest
    tag = compute_tag(direction.key, message, control_tag_size(direction.key))
    return bytes([BYE]) + tag + rest


def encode_bye(direction: Direction, bye: Bye) -> bytes:
    """A bye of this direction."""
    return seal_bye(direction, bye.pack())


def open_bye(direction: Direction, datagram: bytes) -> Bye:
    """Decodes a bye of this direction, whose length is right."""
    rest = datagram[-_BYE.size:]
    if datagram != seal_bye(direction, rest):
        raise Refused("BadTag")
    bye = Bye(*_BYE.unpack(rest))
    if bye.named != direction.receiver_incarnation:
        raise Refused("OtherRun")
    return bye


def check_bye_length(key: bytes | None, datagram: bytes) -> None:
    """The first step of a bye."""
    missing = 1 + control_tag_size(key) + _BYE.size - len(datagram)
    if missing:
        raise Refused("Truncated" if missing > 0 else "WrongLength")


@dataclass(frozen=True)
class Checksums:
    """The fields of a checksums datagram after its tag."""

    acknowledged: int
    hashes: tuple[tuple[int, int], ...]

    def pack(self) -> bytes:
        """The bytes after the tag."""
        return struct.pack(">I", self.acknowledged) + b"".join(
            struct.pack(">IQ", frame, value) for frame, value in self.hashes)


def seal_checksums(direction: Direction, rest: bytes) -> bytes:
    """A checksums datagram from everything after its tag, an input tag."""
    type_byte = bytes([CHECKSUMS])
    message = direction.context(0, 0) + type_byte + rest
    return type_byte + compute_tag(direction.key, message, direction.tag_size) + rest


def encode_checksums(direction: Direction, checksums: Checksums) -> bytes:
    """A checksums datagram."""
    return seal_checksums(direction, checksums.pack())


def authentic_checksums(direction: Direction, datagram: bytes) -> tuple[bytes, int]:
    """Checks the length and the tag: returns everything after the tag, and the number of hashes."""
    rest = datagram[1 + direction.tag_size:]
    count, left = divmod(len(rest) - 4, 12)
    if count < 0 or left or count > MOST_CHECKSUMS:
        raise Refused("WrongLength")
    if datagram != seal_checksums(direction, rest):
        raise Refused("BadTag")
    return rest, count


def open_checksums(direction: Direction, datagram: bytes) -> Checksums:
    """Decodes a checksums datagram of this direction."""
    rest, count = authentic_checksums(direction, datagram)
    hashes = tuple(struct.iter_unpack(">IQ", rest[4:4 + 12 * count]))
    if any(a[0] >= b[0] for a, b in zip(hashes, hashes[1:])):
        raise Refused("NotAscending")
    if any(frame == 0xFFFFFFFF for frame, _ in hashes):
        raise Refused("FrameRange")
    return Checksums(int.from_bytes(rest[:4], "big"), hashes)
