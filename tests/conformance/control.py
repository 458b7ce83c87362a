"""The control datagrams of the compact wire (3.9): hello, bye and checksums."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from checks import check, check_size
from wire_compact import Direction, Refused

HELLO = 0x20
BYE = 0x21
CHECKSUMS = 0x22
MOST_CHECKSUMS = 16


@dataclass(frozen=True)
class Hello:
    """What a hello carries after its check."""

    version: int
    sender: int
    receiver: int
    input_size: int
    window: int
    frame_us: int
    ping_ms: int
    first_frame: int
    epoch: int
    incarnation: int

    def pack(self) -> bytes:
        """Its bytes after the check."""
        return struct.pack(
            ">BHHBBIHIII", self.version, self.sender, self.receiver, self.input_size, self.window,
            self.frame_us, self.ping_ms, self.first_frame, self.epoch, self.incarnation)


def seal_hello(session: int, key: bytes | None, rest: bytes) -> bytes:
    """A hello from everything after its check."""
    tag = bytes([HELLO])
    return tag + check(key, struct.pack(">Q", session) + tag + rest) + rest


def encode_hello(session: int, key: bytes | None, hello: Hello) -> bytes:
    """A hello."""
    return seal_hello(session, key, hello.pack())


def open_hello(session: int, key: bytes | None, datagram: bytes) -> bytes:
    """Steps 1 and 2 of a hello: everything after its check, which is right."""
    size = check_size(key)
    if len(datagram) < 6 + size:
        raise Refused("truncated")
    rest = datagram[1 + size:]
    if check(key, struct.pack(">Q", session) + datagram[:1] + rest) != datagram[1:1 + size]:
        raise Refused("check")
    return rest


def unpack_hello(rest: bytes) -> Hello:
    """Step 5 of a hello of version 1: its fields."""
    if len(rest) != 25:
        raise Refused("length")
    return Hello(*struct.unpack(">BHHBBIHIII", rest))


def encode_bye(direction: Direction) -> bytes:
    """A bye, whose check covers the context with epoch, E and A of 0."""
    tag = bytes([BYE])
    return tag + check(direction.key, direction.in_epoch(0).context(0, 0) + tag)


def open_bye(direction: Direction, datagram: bytes) -> None:
    """Refuses a bye that is not exactly the one of this direction."""
    if len(datagram) != 1 + check_size(direction.key):
        raise Refused("length")
    if datagram != encode_bye(direction):
        raise Refused("check")


@dataclass(frozen=True)
class Checksums:
    """What a checksums datagram carries after its check."""

    acknowledged: int
    hashes: tuple[tuple[int, int], ...]

    def pack(self) -> bytes:
        """Its bytes after the check."""
        return struct.pack(">I", self.acknowledged) + b"".join(
            struct.pack(">IQ", frame, value) for frame, value in self.hashes)


def seal_checksums(direction: Direction, rest: bytes) -> bytes:
    """A checksums datagram from everything after its check."""
    tag = bytes([CHECKSUMS])
    return tag + check(direction.key, direction.context(0, 0) + tag + rest) + rest


def encode_checksums(direction: Direction, checksums: Checksums) -> bytes:
    """A checksums datagram."""
    return seal_checksums(direction, checksums.pack())


def open_checksums(direction: Direction, datagram: bytes) -> Checksums:
    """A checksums datagram of this direction, whose frames ascend and can be pushed."""
    size = check_size(direction.key)
    rest = datagram[1 + size:]
    count, left = divmod(len(rest) - 4, 12)
    if count < 0 or left or count > MOST_CHECKSUMS:
        raise Refused("length")
    if datagram != seal_checksums(direction, rest):
        raise Refused("check")
    hashes = tuple(struct.iter_unpack(">IQ", rest[4:4 + 12 * count]))
    if any(a[0] >= b[0] for a, b in zip(hashes, hashes[1:])):
        raise Refused("frame order")
    if any(frame == 0xFFFFFFFF for frame, _ in hashes):
        raise Refused("frame that no push gets")
    return Checksums(int.from_bytes(rest[:4], "big"), hashes)
