"""The input datagram of the compact wire (3.3 to 3.6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from random import Random

import body
from checks import check, check_size

MAX_DATAGRAM = 1024


class Refused(Exception):
    """A datagram that is refused, with a reason."""


@dataclass(frozen=True)
class Direction:
    """What the check binds of one direction of a link: the context before E."""

    session: int
    sender_incarnation: int
    receiver_incarnation: int
    epoch: int
    sender: int
    receiver: int
    input_size: int
    window: int
    key: bytes | None = None

    def context(self, end: int, ack: int) -> bytes:
        """The first 37 bytes that the check covers."""
        return struct.pack(
            ">BQIIIHHHHII", 1, self.session, self.sender_incarnation, self.receiver_incarnation,
            self.epoch, self.sender, self.receiver, self.input_size, self.window, end, ack)

    def in_epoch(self, epoch: int) -> Direction:
        """The same direction in another epoch."""
        return replace(self, epoch=epoch)


@dataclass(frozen=True)
class Timing:
    """A timing block as it is sent."""

    stamp: int
    echo: int
    sent: int

    def pack(self) -> bytes:
        """Its six bytes."""
        return struct.pack(">HHH", self.stamp, self.echo, self.sent)


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


def seal(direction: Direction, end: int, ack: int, tag: int, rest: bytes) -> bytes:
    """A datagram from its tag, its full numbers and everything after the check."""
    head = bytes([tag, end % 256, ack % 256])
    return head + check(direction.key, direction.context(end, ack) + head + rest) + rest


def seal_inputs(direction: Direction, end: int, ack: int, count: int, timing: Timing | None,
                data: bytes) -> bytes:
    """A datagram from its numbers and its body, without looking at either."""
    tag = 0x80 | (0x40 if timing else 0) | direction.epoch % 4 << 4 | min(count, 15)
    rest = bytes([count - 15]) if count >= 15 else b""
    rest += timing.pack() if timing else b""
    return seal(direction, end, ack, tag, rest + data)


def encode(direction: Direction, first: int, reference: bytes, inputs: list[bytes], ack: int,
           timing: Timing | None, limit: int = MAX_DATAGRAM, rng: Random | None = None) -> bytes:
    """The datagram that carries the inputs from frame `first` on, or the longest prefix that fits."""
    overhead = 3 + check_size(direction.key) + (6 if timing else 0)
    low, high = 0, len(inputs)
    while True:
        count = high
        data = body.encode(reference, inputs[:count], rng)
        if overhead + (1 if count >= 15 else 0) + len(data) <= limit:
            break
        # Find the longest prefix that fits: the length never falls as inputs are added.
        while low < high - 1:
            middle = (low + high) // 2
            length = len(body.encode(reference, inputs[:middle], None))
            if overhead + (1 if middle >= 15 else 0) + length <= limit:
                low = middle
            else:
                high = middle
        high, low, rng = low, 0, None
    return seal_inputs(direction, first + count, ack, count, timing, data)


def decode(direction: Direction, datagram: bytes, want: int, pushed: int) -> Received:
    """Steps 1 to 6 of 3.7 for a link that runs, where `pushed` is our `next`."""
    size = check_size(direction.key)
    if len(datagram) < 3 + size:
        raise Refused("truncated")
    if len(datagram) > MAX_DATAGRAM:
        raise Refused("too long")
    tag = datagram[0]
    if not tag & 0x80:
        raise Refused("unknown type")
    if tag >> 4 & 3 != direction.epoch % 4:
        raise Refused("other epoch")
    ahead = (datagram[1] - want) % 256
    end = want + (ahead - 256 if ahead >= 128 else ahead)
    if not 0 <= end <= 0xFFFFFFFF:
        raise Refused("end out of range")
    ack = pushed - (pushed - datagram[2]) % 256
    if ack < 0:
        raise Refused("acknowledgement out of range")
    rest = datagram[3 + size:]
    expected = check(direction.key, direction.context(end, ack) + datagram[:3] + rest)
    if expected != datagram[3:3 + size]:
        raise Refused("check")
    return _decode_rest(direction, tag, rest, end, ack, want)


def _decode_rest(direction: Direction, tag: int, rest: bytes, end: int, ack: int,
                 want: int) -> Received:
    """Steps 5 and 6: what comes after the check."""
    count = tag & 15
    if count == 15:
        if not rest:
            raise Refused("truncated")
        count += rest[0]
        rest = rest[1:]
    timing = None
    if tag & 0x40:
        if len(rest) < 6:
            raise Refused("truncated")
        timing = Timing(*struct.unpack(">HHH", rest[:6]))
        rest = rest[6:]
    if count > direction.window:
        raise Refused("count")
    base = end - count
    if base < 0:
        raise Refused("base out of range")
    if base > want:
        raise Refused("out of step")
    if end > want + direction.window:
        raise Refused("far end")
    inputs = body.parse(rest, count, direction.input_size)
    if inputs is None:
        raise Refused("body")
    return Received(end, ack, count, timing, inputs)
