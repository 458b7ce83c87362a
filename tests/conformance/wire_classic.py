"""The messages of the classic wire (2.1), and the checks that need no state."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from wire_compact import MAX_DATAGRAM, Refused

INPUT, PING, PONG, KEEPALIVE = 0x01, 0x02, 0x03, 0x04
VALIDATION_PING, VALIDATION_PONG = 0x10, 0x11
INPUT_REQUEST, INPUT_RESPONSE = 0x12, 0x13
TIMES = (PING, PONG, VALIDATION_PING, VALIDATION_PONG)
GAME = frozenset((0x05, 0x06, 0x07, 0x14, 0x7B, 0x5B))
NAMES = {INPUT: "INPUT", PING: "PING", PONG: "PONG", KEEPALIVE: "KEEPALIVE",
         VALIDATION_PING: "VALIDATION_PING", VALIDATION_PONG: "VALIDATION_PONG",
         INPUT_REQUEST: "INPUT_REQUEST", INPUT_RESPONSE: "INPUT_RESPONSE"}

Entries = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Message:
    """One message; the fields that its kind does not have stay at their defaults."""

    kind: int
    player: int = 0
    current: int = 0
    flags: int = 0
    entries: Entries = ()
    bits: bytes = b""
    first: int = 0
    last: int = 0


def encode(message: Message) -> bytes:
    """The bytes of a message, whether or not its fields are valid."""
    kind = message.kind
    entries = b"".join(struct.pack(">IB", frame, action) for frame, action in message.entries)
    count = len(message.entries)
    if kind == INPUT:
        return struct.pack(">BHIBB", kind, message.player, message.current, count,
                           message.flags) + entries
    if kind == INPUT_RESPONSE:
        return struct.pack(">BHH", kind, message.player, count) + entries
    if kind == INPUT_REQUEST:
        return struct.pack(">BII", kind, message.first, message.last)
    if kind in TIMES:
        return bytes([kind]) + message.bits
    return bytes([kind])


def _exactly(datagram: bytes, length: int) -> None:
    """Refuses a datagram of another length."""
    if len(datagram) < length:
        raise Refused("Truncated")
    if len(datagram) > length:
        raise Refused("WrongLength")


def _decode_entries(data: bytes) -> Entries:
    """The entries of an INPUT or an INPUT_RESPONSE."""
    return tuple(struct.iter_unpack(">IB", data))


def decode(datagram: bytes) -> Message:
    """Decodes a message, and refuses unknown types and wrong lengths."""
    if not datagram:
        raise Refused("Truncated")
    if len(datagram) > MAX_DATAGRAM:
        raise Refused("TooLong")
    kind = datagram[0]
    if kind in GAME:
        raise Refused("GameMessage")
    if kind not in NAMES:
        raise Refused("UnknownType")
    if kind == KEEPALIVE:
        _exactly(datagram, 1)
        return Message(kind)
    if kind in TIMES:
        _exactly(datagram, 9)
        return Message(kind, bits=datagram[1:])
    if kind == INPUT_REQUEST:
        _exactly(datagram, 9)
        _, first, last = struct.unpack(">BII", datagram)
        return Message(kind, first=first, last=last)
    if kind == INPUT:
        if len(datagram) < 9:
            raise Refused("Truncated")
        _, player, current, count, flags = struct.unpack(">BHIBB", datagram[:9])
        _exactly(datagram, 9 + 5 * count)
        return Message(kind, player, current, flags, _decode_entries(datagram[9:]))
    if len(datagram) < 5:
        raise Refused("Truncated")
    _, player, count = struct.unpack(">BHH", datagram[:5])
    _exactly(datagram, 5 + 5 * count)
    return Message(kind, player, entries=_decode_entries(datagram[5:]))


def in_order(message: Message) -> Entries:
    """The entries in ascending order of their frames, the first one of each frame (2.2)."""
    first: dict[int, int] = {}
    for frame, action in message.entries:
        first.setdefault(frame, action)
    return tuple(sorted(first.items()))


def clock_bits(now: int) -> bytes:
    """The 8 bytes of a PING sent at `now`: whole milliseconds, rounded towards zero."""
    millis = now // 1000
    excess = max(0, millis.bit_length() - 53)
    return struct.pack(">d", float(millis >> excess << excess))
