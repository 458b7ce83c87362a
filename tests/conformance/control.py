"""The control datagrams of the compact wire (3.9): hello, bye and checksums."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tags import compute_tag, tag_size
from wire_compact import Direction, Refused

HELLO = 0x20
BYE = 0x21
CHECKSUMS = 0x22
MOST_CHECKSUMS = 16


@dataclass(frozen=True)
class Hello:
    """The fields of a hello after its tag."""

    version: int
    sender: int
    receiver: int
    input_len: int
    window: int
    frame_us: int
    ping_ms: int
    first_frame: int
    epoch: int
    incarnation: int

    def pack(self) -> bytes:
        """The bytes after the tag."""
        return struct.pack(
            ">BHHBBIHIII", self.version, self.sender, self.receiver, self.input_len, self.window,
            self.frame_us, self.ping_ms, self.first_frame, self.epoch, self.incarnation)


def seal_hello(session_id: int, key: bytes | None, rest: bytes) -> bytes:
    """A hello from everything after its tag."""
    type_byte = bytes([HELLO])
    return type_byte + compute_tag(key, struct.pack(">Q", session_id) + type_byte + rest) + rest


def encode_hello(session_id: int, key: bytes | None, hello: Hello) -> bytes:
    """A hello."""
    return seal_hello(session_id, key, hello.pack())


def open_hello(session_id: int, key: bytes | None, datagram: bytes) -> bytes:
    """Steps 1 and 2 of a hello: returns everything after its tag."""
    size = tag_size(key)
    if len(datagram) < 6 + size:
        raise Refused("Truncated")
    rest = datagram[1 + size:]
    expected = compute_tag(key, struct.pack(">Q", session_id) + datagram[:1] + rest)
    if datagram[1:1 + size] != expected:
        raise Refused("BadTag")
    return rest


def unpack_hello(rest: bytes) -> Hello:
    """Step 5 of a hello of version 1: returns its fields."""
    if len(rest) != 25:
        raise Refused("WrongLength")
    return Hello(*struct.unpack(">BHHBBIHIII", rest))


def encode_bye(direction: Direction) -> bytes:
    """A bye, whose tag covers the context with epoch, E and A of 0."""
    type_byte = bytes([BYE])
    return type_byte + compute_tag(direction.key, direction.in_epoch(0).context(0, 0) + type_byte)


def open_bye(direction: Direction, datagram: bytes) -> None:
    """Refuses a bye that is not the one of this direction."""
    if len(datagram) != 1 + tag_size(direction.key):
        raise Refused("WrongLength")
    if datagram != encode_bye(direction):
        raise Refused("BadTag")


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
    """A checksums datagram from everything after its tag."""
    type_byte = bytes([CHECKSUMS])
    return type_byte + compute_tag(direction.key, direction.context(0, 0) + type_byte + rest) + rest


def encode_checksums(direction: Direction, checksums: Checksums) -> bytes:
    """A checksums datagram."""
    return seal_checksums(direction, checksums.pack())


def open_checksums(direction: Direction, datagram: bytes) -> Checksums:
    """Decodes a checksums datagram of this direction."""
    size = tag_size(direction.key)
    rest = datagram[1 + size:]
    count, left = divmod(len(rest) - 4, 12)
    if count < 0 or left or count > MOST_CHECKSUMS:
        raise Refused("WrongLength")
    if datagram != seal_checksums(direction, rest):
        raise Refused("BadTag")
    hashes = tuple(struct.iter_unpack(">IQ", rest[4:4 + 12 * count]))
    if any(a[0] >= b[0] for a, b in zip(hashes, hashes[1:])):
        raise Refused("NotAscending")
    if any(frame == 0xFFFFFFFF for frame, _ in hashes):
        raise Refused("FrameRange")
    return Checksums(int.from_bytes(rest[:4], "big"), hashes)
