"""The word of the compact wire (3.12): who has left, and what is known of it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from random import Random
from typing import Callable

import body
from tags import compute_tag, control_tag_size
from wire_compact import MAX_DATAGRAM, Direction, OutOfSync, Refused

WORD = 0x23
MOST_PLAYERS = 63
HAVE, REPLY, INPUTS = 1, 2, 4

_ENTRY = struct.Struct(">HI")
_FRONT = struct.Struct(">BBI")


@dataclass(frozen=True)
class Carried:
    """The inputs of a word: those of one of its players, from frame `base` on."""

    index: int
    base: int
    inputs: tuple[bytes, ...]


@dataclass(frozen=True)
class Word:
    """The fields of a word after its tag; without players it says: you are named."""

    have: bool = False
    reply: bool = False
    ends: tuple[tuple[int, int], ...] = ()  # Players, each with its E.
    carried: Carried | None = None

    def pack(self, input_len: int, forms: Random | None = None) -> bytes:
        """The bytes after the tag; with `forms`, the inputs in random legal forms."""
        flags = HAVE * self.have | REPLY * self.reply | INPUTS * (self.carried is not None)
        rest = bytes([flags, len(self.ends)]) + b"".join(_ENTRY.pack(*end) for end in self.ends)
        if self.carried is not None:
            inputs = list(self.carried.inputs)
            rest += _FRONT.pack(self.carried.index, len(inputs), self.carried.base)
            rest += body.encode(bytes(input_len), inputs, forms)
        return rest


def seal_word(direction: Direction, rest: bytes) -> bytes:
    """A word from everything after its tag, which covers the context with E and A of 0."""
    type_byte = bytes([WORD])
    message = direction.context(0, 0) + type_byte + rest
    tag = compute_tag(direction.key, message, control_tag_size(direction.key))
    return type_byte + tag + rest


def encode_word(direction: Direction, word: Word, forms: Random | None = None) -> bytes:
    """A word of this direction, with the longest prefix of its inputs that fits a datagram."""
    carried = word.carried
    if carried is not None:
        taken = 3 + control_tag_size(direction.key) + 6 * len(word.ends) + _FRONT.size
        inputs = list(carried.inputs)
        count = body.fitting(bytes(direction.input_len), inputs,
                             lambda _, length: taken + length <= MAX_DATAGRAM)
        if count < len(inputs):
            forms = None
        carried = Carried(carried.index, carried.base, tuple(inputs[:max(count, 1)]))
    word = Word(word.have, word.reply, word.ends, carried)
    return seal_word(direction, word.pack(direction.input_len, forms))


def check_length(key: bytes | None, datagram: bytes) -> None:
    """The first step of a word."""
    if len(datagram) < 3 + control_tag_size(key):
        raise Refused("Truncated")


def open_word(direction: Direction, datagram: bytes,
              most: Callable[[int], int | None] = lambda player: None) -> Word:
    """Decodes a word of this direction, whose first step has passed.

    `most` gives the greatest E of a player that may be said, if there is one.
    """
    rest = datagram[1 + control_tag_size(direction.key):]
    if datagram != seal_word(direction, rest):
        raise Refused("BadTag")
    flags, count = rest[0], rest[1]
    if flags > 7 or count > MOST_PLAYERS or count == 0 and flags:
        raise Refused("MalformedBody")
    after = rest[2 + 6 * count:]
    if len(rest) < 2 + 6 * count or flags & INPUTS and len(after) < 6 or (
            not flags & INPUTS and after):
        raise Refused("WrongLength")
    ends = tuple(_ENTRY.iter_unpack(rest[2:2 + 6 * count]))
    players = [player for player, _ in ends]
    if any(a >= b for a, b in zip(players, players[1:])):
        raise Refused("NotAscending")
    if direction.sender in players or direction.receiver in players:
        raise Refused("WrongPlayer")
    for player, end in ends:
        limit = most(player)
        if limit is not None and end > limit:
            raise OutOfSync(True)
    carried = _open_inputs(direction, ends, after) if flags & INPUTS else None
    return Word(bool(flags & HAVE), bool(flags & REPLY), ends, carried)


def _open_inputs(direction: Direction, ends: tuple[tuple[int, int], ...], after: bytes) -> Carried:
    """Decodes the inputs of a word: what comes after its set."""
    index, count, base = _FRONT.unpack(after[:_FRONT.size])
    if count > direction.window:
        raise Refused("TooManyInputs")
    parsed = body.parse(after[_FRONT.size:], count, direction.input_len)
    if count == 0 or index >= len(ends) or parsed is None:
        raise Refused("MalformedBody")
    if base + count > ends[index][1]:
        raise Refused("FrameRange")
    return Carried(index, base, tuple(body.resolve(parsed, bytes(direction.input_len))))
