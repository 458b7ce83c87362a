"""The input datagram of the compact wire (3.3 to 3.6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from random import Random

import body
from tags import compute_tag, input_tag_size

MAX_DATAGRAM = 1024


class Refused(Exception):
    """The reason why a datagram is refused."""


class OutOfSync(Refused):
    """Inputs before those of a datagram are missing."""

    def __init__(self, is_reported: bool) -> None:
        """Whether it is reported: no lost datagram explains it."""
        super().__init__("OutOfSync")
        self.is_reported = is_reported


@dataclass(frozen=True)
class Direction:
    """One direction of a link: the context (3.5) before E, the key, and the size of its tags."""

    session_id: int
    sender_incarnation: int
    receiver_incarnation: int
    epoch: int
    sender: int
    receiver: int
    input_len: int
    window: int
    first_frame: int
    key: bytes | None = None
    short_tags: bool = False

    @property
    def tag_size(self) -> int:
        """The size of an input tag."""
        return input_tag_size(self.key, self.short_tags)

    def context(self, end: int, ack: int) -> bytes:
        """The first 50 bytes that the tag covers."""
        return struct.pack(
            ">BQQQIHHHHIBII", 1, self.session_id, self.sender_incarnation,
            self.receiver_incarnation, self.epoch, self.sender, self.receiver, self.input_len,
            self.window, self.first_frame, self.tag_size, end, ack)

    def in_epoch(self, epoch: int) -> Direction:
        """The same direction in another epoch."""
        return replace(self, epoch=epoch)


# A lead that is not known.
NO_LEAD = -128
_BLOCK = ">HHHBb"


@dataclass(frozen=True)
class Timing:
    """A timing block as it is sent."""

    stamp: int
    echo: int
    sent: int
    lost: int = 0
    lead: int = NO_LEAD

    def pack(self) -> bytes:
        """Its eight bytes."""
        return struct.pack(_BLOCK, self.stamp, self.echo, self.sent, self.lost, self.lead)

    @classmethod
    def unpack(cls, block: bytes) -> Timing:
        """The block of eight bytes."""
        return cls(*struct.unpack(_BLOCK, block))


@dataclass(frozen=True)
class Received:
    """An input datagram that passed every step."""

    end: int
    ack: int
    count: int
    timing: Timing | None
    inputs: body.Inputs

    @property
    def base(self) -> int:
        """The first frame carried."""
        return self.end - self.count


def seal(direction: Direction, end: int, ack: int, type_byte: int, rest: bytes) -> bytes:
    """A datagram from its type byte, its full numbers and everything after the tag."""
    head = bytes([type_byte, end % 256, ack % 256])
    message = direction.context(end, ack) + head + rest
    return head + compute_tag(direction.key, message, direction.tag_size) + rest


def seal_inputs(direction: Direction, end: int, ack: int, count: int, timing: Timing | None,
                data: bytes) -> bytes:
    """A datagram from its numbers and its body, whether or not they are valid."""
    type_byte = 0x80 | (0x40 if timing else 0) | direction.epoch % 4 << 4 | min(count, 15)
    rest = bytes([count - 15]) if count >= 15 else b""
    rest += timing.pack() if timing else b""
    return seal(direction, end, ack, type_byte, rest + data)


def encode(direction: Direction, first: int, reference: bytes, inputs: list[bytes], ack: int,
           timing: Timing | None, limit: int = MAX_DATAGRAM, rng: Random | None = None) -> bytes:
    """The datagram with the inputs from frame `first` on, or the longest prefix that fits."""
    overhead = 3 + direction.tag_size + (8 if timing else 0)

    def fits(count: int, length: int) -> bool:
        """Whether so many inputs in a body of such a length fit a datagram."""
        return overhead + (1 if count >= 15 else 0) + length <= limit

    count = len(inputs)
    data = body.encode(reference, inputs, rng)
    if not fits(count, len(data)):
        count = body.fitting(reference, inputs, fits)
        data = body.encode(reference, inputs[:count])
    return seal_inputs(direction, first + count, ack, count, timing, data)


def end_and_body(direction: Direction, datagram: bytes, first: int) -> tuple[int, int]:
    """E of an encoded datagram that begins with frame `first`, and the length of its body."""
    count, length = datagram[0] & 15, len(datagram) - 3 - direction.tag_size
    if count == 15:
        count += datagram[3 + direction.tag_size]
        length -= 1
    return first + count, length - (8 if datagram[0] & 0x40 else 0)


def open_inputs(direction: Direction, datagram: bytes, recv_next: int,
                send_next: int) -> tuple[int, int, bytes]:
    """Steps 1 to 4 of 3.7, for a link that runs: E, A, and everything after the tag."""
    size = direction.tag_size
    if len(datagram) < 3 + size:
        raise Refused("Truncated")
    if len(datagram) > MAX_DATAGRAM:
        raise Refused("TooLong")
    type_byte = datagram[0]
    if not type_byte & 0x80:
        raise Refused("UnknownType")
    if type_byte >> 4 & 3 != direction.epoch % 4:
        raise Refused("OtherEpoch")
    ahead = (datagram[1] - recv_next) % 256
    end = recv_next + (ahead - 256 if ahead >= 128 else ahead)
    if not 0 <= end <= 0xFFFFFFFF:
        raise Refused("FrameRange")
    ack = send_next - (send_next - datagram[2]) % 256
    if ack < 0:
        raise Refused("FrameRange")
    rest = datagram[3 + size:]
    message = direction.context(end, ack) + datagram[:3] + rest
    expected = compute_tag(direction.key, message, size)
    if expected != datagram[3:3 + size]:
        raise Refused("BadTag")
    return end, ack, rest


def decode(direction: Direction, datagram: bytes, recv_next: int, send_next: int) -> Received:
    """Steps 1 to 6 of 3.7, for a link that runs."""
    end, ack, rest = open_inputs(direction, datagram, recv_next, send_next)
    return _decode_rest(direction, datagram[0], rest, end, ack, recv_next)


def split_front(type_byte: int, rest: bytes) -> tuple[int, Timing | None, bytes]:
    """The first part of step 5: the count and the timing block of a datagram, and its body."""
    count = type_byte & 15
    if count == 15:
        if not rest:
            raise Refused("WrongLength")
        count += rest[0]
        rest = rest[1:]
    timing = None
    if type_byte & 0x40:
        if len(rest) < 8:
            raise Refused("WrongLength")
        timing = Timing.unpack(rest[:8])
        rest = rest[8:]
    return count, timing, rest


def _decode_rest(direction: Direction, type_byte: int, rest: bytes, end: int, ack: int,
                 recv_next: int) -> Received:
    """Steps 5 and 6: everything after the tag."""
    count, timing, rest = split_front(type_byte, rest)
    if count > direction.window:
        raise Refused("TooManyInputs")
    base = end - count
    if base < 0:
        raise Refused("FrameRange")
    if base > recv_next:
        raise OutOfSync(count == 0 or end > recv_next + direction.window)
    if end > recv_next + direction.window:
        raise Refused("TooFar")
    inputs = body.parse(rest, count, direction.input_len)
    if inputs is None:
        raise Refused("MalformedBody")
    return Received(end, ack, count, timing, inputs)
