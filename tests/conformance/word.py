"""The word of the compact wire (3.12): who has left, what is known of it, and who stays."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from random import Random
from typing import Callable, NamedTuple

import body
from tags import compute_tag, control_tag_size
from wire_compact import MAX_DATAGRAM, Direction, OutOfSync, Refused

WORD = 0x23
MOST_PLAYERS = 63
HAVE, REPLY, INPUTS = 1, 2, 4

_ENTRY = struct.Struct(">HHI")
_STAYS = struct.Struct(">H")
_FRONT = struct.Struct(">BBI")


class Entry(NamedTuple):
    """A player of a word."""

    player: int
    source: int  # Its S: which run of it is known.
    end: int  # Its E.


@dataclass(frozen=True)
class Carried:
    """The inputs of a word: those of one of its players, from frame `base` on."""

    index: int
    base: int
    inputs: tuple[bytes, ...]


@dataclass(frozen=True)
class Word:
    """The fields of a word after its tag."""

    have: bool = False
    reply: bool = False
    entries: tuple[Entry, ...] = ()
    stays: tuple[int, ...] = ()  # The players that stay, the receiver among them, as they are sent.
    carried: Carried | None = None

    @property
    def is_farewell(self) -> bool:
        """Whether it says to its receiver: you are named."""
        return not self.entries

    def pack(self, input_len: int, forms: Random | None = None) -> bytes:
        """The bytes after the tag; with `forms`, the inputs in random legal forms."""
        flags = HAVE * self.have | REPLY * self.reply | INPUTS * (self.carried is not None)
        rest = bytes([flags, len(self.entries), len(self.stays)])
        rest += pack_entries(*self.entries) + pack_stays(*self.stays)
        if self.carried is not None:
            inputs = list(self.carried.inputs)
            rest += _FRONT.pack(self.carried.index, len(inputs), self.carried.base)
            rest += body.encode(bytes(input_len), inputs, forms)
        return rest


def source_of(run: int | None) -> int:
    """What words call a run: its bits 32 to 47, or 1 if they are 0; 0 is no run."""
    return max(run >> 32 & 0xFFFF, 1) if run else 0


def pack_entries(*entries: Entry) -> bytes:
    """A set as it is sent."""
    return b"".join(_ENTRY.pack(*entry) for entry in entries)


def pack_stays(*players: int) -> bytes:
    """Who stays, as it is sent."""
    return b"".join(_STAYS.pack(player) for player in players)


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
        taken = (4 + control_tag_size(direction.key) + _ENTRY.size * len(word.entries)
                 + _STAYS.size * len(word.stays) + _FRONT.size)
        inputs = list(carried.inputs)
        count = body.fitting(bytes(direction.input_len), inputs,
                             lambda _, length: taken + length <= MAX_DATAGRAM)
        if count < len(inputs):
            forms = None
        carried = Carried(carried.index, carried.base, tuple(inputs[:max(count, 1)]))
    word = replace(word, carried=carried)
    return seal_word(direction, word.pack(direction.input_len, forms))


def check_length(key: bytes | None, datagram: bytes) -> None:
    """The first step of a word."""
    if len(datagram) < 4 + control_tag_size(key):
        raise Refused("Truncated")


def open_word(direction: Direction, datagram: bytes,
              is_possible: Callable[[Entry], bool] = lambda entry: True) -> Word:
    """Decodes a word of this direction, whose first step has passed.

    `is_possible` judges whether the survivors can agree on what an entry says.
    """
    rest = datagram[1 + control_tag_size(direction.key):]
    if datagram != seal_word(direction, rest):
        raise Refused("BadTag")
    flags, count, staying = rest[:3]
    if flags > 7 or max(count, staying) > MOST_PLAYERS or count == 0 and (flags or staying):
        raise Refused("MalformedBody")
    end = 3 + _ENTRY.size * count
    size = end + _STAYS.size * staying
    after = rest[size:]
    if len(rest) < size or flags & INPUTS and len(after) < 6 or (
            not flags & INPUTS and after):
        raise Refused("WrongLength")
    entries = tuple(Entry(*values) for values in _ENTRY.iter_unpack(rest[3:end]))
    stays = tuple(player for player, in _STAYS.iter_unpack(rest[end:size]))
    players = [entry.player for entry in entries]
    if any(a >= b for a, b in zip(players, players[1:])):
        raise Refused("NotAscending")
    for entry in entries:
        if entry.player in (direction.sender, direction.receiver):
            raise Refused("WrongPlayer")
        if not is_possible(entry):
            raise OutOfSync(True)
    carried = _open_inputs(direction, entries, after) if flags & INPUTS else None
    return Word(bool(flags & HAVE), bool(flags & REPLY), entries, stays, carried)


def _open_inputs(direction: Direction, entries: tuple[Entry, ...], after: bytes) -> Carried:
    """Decodes the inputs of a word: what comes after who stays."""
    index, count, base = _FRONT.unpack(after[:_FRONT.size])
    if count > direction.window:
        raise Refused("TooManyInputs")
    parsed = body.parse(after[_FRONT.size:], count, direction.input_len)
    if count == 0 or index >= len(entries) or parsed is None:
        raise Refused("MalformedBody")
    if base + count > entries[index].end:
        raise Refused("FrameRange")
    return Carried(index, base, tuple(body.resolve(parsed, bytes(direction.input_len))))
