"""Reads and writes feeds, from docs/FEED.md alone, and compares itself with tests/vectors/feed.json.

    python3 tests/conformance/feed.py            the vectors
    python3 tests/conformance/feed.py FILE       the rows of a feed, in the form of `inputwire feed cat`
"""

from __future__ import annotations

import json
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator, Optional

MAGIC = b"\x89iwfeed\n"
WORD = 0xFFFFFFFF
LIMIT = 2047

POINTS = [22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768,
          40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476,
          65500, 65514]


class Refused(Exception):
    """A record that no writer writes."""


def require(holds: bool, what: str) -> None:
    if not holds:
        raise Refused(what)


# Section 6: probabilities and odds.

def squash(odds: int) -> int:
    place, part = divmod(odds + 2048, 128)
    return (POINTS[place] * (128 - part) + POINTS[place + 1] * part + 64) // 128


def stretch_table() -> list[int]:
    table, odds = [], -LIMIT
    for q in range(4096):
        while odds < LIMIT and squash(odds) < 16 * q + 8:
            odds += 1
        table.append(odds)
    return table


STRETCH = stretch_table()


def find_slot(context: tuple[int, ...]) -> int:
    h = 0x85EBCA6B
    for w in context:
        h = (h ^ w) * 0x9E3779B1 & WORD
        h ^= h >> 15
    return (h * 0x85EBCA6B & WORD) >> 16


# Section 5: the range coder.

class Interval:
    def __init__(self) -> None:
        self.low, self.high = 0, WORD

    def middle(self, probability: int) -> int:
        return self.low + ((self.high - self.low) * probability >> 16)

    def narrow(self, bit: int, middle: int) -> None:
        if bit:
            self.high = middle
        else:
            self.low = middle + 1

    def shift(self) -> Optional[int]:
        if self.low >> 24 != self.high >> 24:
            return None
        byte = self.low >> 24
        self.low = self.low << 8 & WORD
        self.high = (self.high << 8 | 255) & WORD
        return byte

    def tail(self) -> bytes:
        for count in range(5):
            unit = 1 << 8 * (4 - count)
            number = -(-self.low // unit) * unit
            if number <= self.high:
                return number.to_bytes(4, "big")[:count]
        raise AssertionError("four bytes always do")


class Encoder(Interval):
    def __init__(self) -> None:
        super().__init__()
        self.out = bytearray()

    def code(self, bit: int, probability: int) -> int:
        self.narrow(bit, self.middle(probability))
        while (byte := self.shift()) is not None:
            self.out.append(byte)
        return bit

    def finish(self) -> bytes:
        return bytes(self.out + self.tail()).rstrip(b"\0")


class Decoder(Interval):
    def __init__(self, payload: bytes) -> None:
        super().__init__()
        self.payload = payload
        self.number, self.at = 0, 0
        for _ in range(4):
            self.take()

    def take(self) -> None:
        byte = self.payload[self.at] if self.at < len(self.payload) else 0
        self.number = (self.number << 8 | byte) & WORD
        self.at += 1

    def code(self, _bit: int, probability: int) -> int:
        middle = self.middle(probability)
        bit = int(self.number <= middle)
        self.narrow(bit, middle)
        while self.shift() is not None:
            self.take()
        return bit


# Sections 2 and 3: the records.

@dataclass
class Fields:
    data: bytes
    at: int = 0

    def take(self, count: int) -> bytes:
        require(self.at + count <= len(self.data), "cut off")
        self.at += count
        return self.data[self.at - count:self.at]

    def integer(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def leb(self) -> int:
        number, shift = 0, 0
        while True:
            byte = self.integer(1)
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                require(shift == 0 or byte != 0, "a number in more bytes than it needs")
                require(number <= WORD, "a number of more than 32 bits")
                return number
            shift += 7
            require(shift < 35, "a number of more than 32 bits")


def leb(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


@dataclass
class Header:
    feed_id: int
    input_len: int
    interval: int
    first_epoch: int
    first_frame: int
    chunk_rows: int
    every: int
    players: list[int]
    game: bytes
    crc: int = 0

    @property
    def seats(self) -> int:
        return len(self.players)

    @property
    def most(self) -> int:
        return min(65536, (1 << 20) // (self.seats * (self.input_len + 1)))

    def due(self, frame: int) -> bool:
        return self.every > 0 and (frame - self.first_frame) % self.every == 0

    def encode(self) -> bytes:
        out = MAGIC + bytes([1]) + self.feed_id.to_bytes(8, "big") + bytes([self.seats, self.input_len])
        for number, size in ((self.interval, 4), (self.first_epoch, 4), (self.first_frame, 4),
                             (self.chunk_rows, 2), (self.every, 4)):
            out += number.to_bytes(size, "big")
        out += b"".join(player.to_bytes(2, "big") for player in self.players)
        out += len(self.game).to_bytes(2, "big") + self.game
        return out + zlib.crc32(out).to_bytes(4, "big")


def read_header(fields: Fields) -> Header:
    start = fields.at
    require(fields.take(8) == MAGIC, "not a feed")
    require(fields.integer(1) == 1, "another version")
    feed_id, seats, input_len = fields.integer(8), fields.integer(1), fields.integer(1)
    interval, first_epoch, first_frame = fields.integer(4), fields.integer(4), fields.integer(4)
    chunk_rows, every = fields.integer(2), fields.integer(4)
    players = [fields.integer(2) for _ in range(seats)]
    game = fields.take(fields.integer(2))
    crc = zlib.crc32(fields.data[start:fields.at])
    require(fields.integer(4) == crc, "the CRC differs")
    require(1 <= seats <= 64 and input_len >= 1 and interval >= 1 and first_frame < WORD, "out of range")
    require(all(one < other for one, other in zip(players, players[1:])), "the players do not ascend")
    header = Header(feed_id, input_len, interval, first_epoch, first_frame, chunk_rows, every, players, game, crc)
    require(1 <= chunk_rows <= header.most, "out of range")
    return header


@dataclass
class Row:
    epoch: int
    frame: int
    inputs: list[Optional[bytes]]
    checksum: Optional[int]


@dataclass
class Chunk:
    kind: int
    epoch: int
    first: int
    following: int
    rows: list[Row]

    @property
    def end(self) -> int:
        return self.first + len(self.rows)


def read_chunk(header: Header, fields: Fields) -> Chunk:
    start = fields.at
    kind = fields.integer(1)
    require(kind in (1, 2, 3), "no such kind")
    epoch, first, count = fields.leb(), fields.leb(), fields.leb()
    following = epoch + fields.leb() if kind == 2 else 0
    payload = fields.take(fields.leb())
    crc = zlib.crc32(header.crc.to_bytes(4, "big") + fields.data[start:fields.at])
    require(fields.integer(4) == crc, "the CRC differs")
    require(epoch >= header.first_epoch and first >= header.first_frame and first + count <= WORD, "out of range")
    require(count <= header.most and (count > 0 or kind != 1 and not payload), "out of range")
    require(kind != 2 or epoch < following <= WORD, "an epoch before its own")
    model, decoder = Model(header), Decoder(payload)
    rows = [model.row(decoder, epoch, first + at, None) for at in range(count)]
    require(count == 0 or encode_rows(header, rows) == payload, "not the encoding of its rows")
    return Chunk(kind, epoch, first, following, rows)


def encode_rows(header: Header, rows: list[Row]) -> bytes:
    model, encoder = Model(header), Encoder()
    for row in rows:
        model.row(encoder, row.epoch, row.frame, row)
    return encoder.finish()


def write_chunk(header: Header, kind: int, epoch: int, first: int, following: int, rows: list[Row]) -> bytes:
    payload = encode_rows(header, rows) if rows else b""
    out = bytes([kind]) + leb(epoch) + leb(first) + leb(len(rows))
    if kind == 2:
        out += leb(following - epoch)
    out += leb(len(payload)) + payload
    return out + zlib.crc32(header.crc.to_bytes(4, "big") + out).to_bytes(4, "big")


# Sections 4 and 6: the model.

@dataclass
class Byte:
    value: int = 0
    before: int = 0
    history: int = 0


@dataclass
class Seat:
    data: list[Byte]
    history: int = 0


@dataclass
class Model:
    header: Header
    probabilities: list[int] = field(default_factory=lambda: [1 << 21] * 65536)
    seen: list[int] = field(default_factory=lambda: [0] * 65536)
    weights: list[list[int]] = field(default_factory=lambda: [[14200] * 8 for _ in range(34)])

    def __post_init__(self) -> None:
        size = self.header.input_len
        self.present = [True] * self.header.seats
        self.seats = [Seat([Byte() for _ in range(size)]) for _ in self.present]
        self.counts = [[8 if d <= 8 or d >= 248 else 1 for d in range(256)] for _ in range(size)]

    def code(self, bits, bit: int, which: int, contexts: list[tuple[int, ...]], odds: list[int]) -> int:
        slots = [find_slot(context) for context in contexts]
        x = ([STRETCH[self.probabilities[slot] >> 10] for slot in slots] + odds + [0] * 8)[:8]
        weights = self.weights[which]
        d = sum(one * weight >> 8 for one, weight in zip(x, weights)) >> 8
        p = squash(max(-LIMIT, min(LIMIT, d)))
        bit = bits.code(bit, p)
        e = (bit << 16) - p
        for i, one in enumerate(x):
            weight = weights[i] + (one * e + (1 << 15) >> 16)
            weights[i] = max(-(1 << 20), min(1 << 20, weight))
        for slot in slots:
            probability, n = self.probabilities[slot], self.seen[slot]
            if bit:
                probability += 2 * ((1 << 22) - 1 - probability) // (2 * n + 3)
            else:
                probability -= 2 * probability // (2 * n + 3)
            self.probabilities[slot], self.seen[slot] = probability, min(n + 1, 255)
        return bit

    def row(self, bits, epoch: int, frame: int, row: Optional[Row]) -> Row:
        def raw(bit: int) -> int:
            return bits.code(bit, 1 << 15)

        wanted = [one is not None for one in row.inputs] if row else self.present
        if self.code(bits, int(wanted != self.present), 0, [(0,)], [-2000]):
            present = [bool(raw(int(one))) for one in wanted]
            require(present != self.present, "a change of presence that changes nothing")
            self.present = present
            for seat, is_there in zip(self.seats, present):
                if not is_there:
                    for byte in seat.data:
                        byte.value = byte.before = 0
        checksum = None
        if self.header.due(frame) and raw(int(bool(row) and row.checksum is not None)):
            known = row.checksum if row else 0
            checksum = 0
            for place in reversed(range(64)):
                checksum = checksum << 1 | raw(known >> place & 1)
        inputs = []
        for s, is_there in enumerate(self.present):
            inputs.append(self.input(bits, s, row.inputs[s] if row else None) if is_there else None)
        return Row(epoch, frame, inputs, checksum)

    def input(self, bits, s: int, wanted: Optional[bytes]) -> bytes:
        seat = self.seats[s]
        h, neighbour = seat.history, self.seats[s - 1].history & 1
        new = wanted if wanted is not None else bytes(byte.value for byte in seat.data)
        differs = any(byte.value != value for byte, value in zip(seat.data, new))
        contexts = [(1, s), (2, s, h & 0xFF), (3, s, h & 3, seat.data[0].value), (4, s, h & 0xFFFF),
                    (5, s, h & 3, neighbour)]
        changed = self.code(bits, int(differs), 1, contexts, [-700])
        seat.history = h << 1 & WORD | changed
        flags, left, any_flag = 0, 0, False
        for i, byte in enumerate(seat.data):
            v, b, h = byte.value, byte.before, byte.history
            if not changed:
                flag = 0
            elif i == len(seat.data) - 1 and not any_flag:
                flag = 1
            else:
                contexts = [(6, i, s, h & 7), (7, i, s, flags, h & 1), (8, i, v, h & 1), (9, i, s, h),
                            (10, i, flags, h & 0x1F), (11, i, s, v, b)]
                flag = self.code(bits, int(new[i] != v), 2 + i % 16, contexts, [-300])
            if flag:
                byte.value = self.new_value(bits, i, s, v, b, left, new[i])
                byte.before = v
            byte.history = (h << 1 | flag) & 0xFF
            any_flag = any_flag or bool(flag)
            flags = (flags << 1 | flag) & 0xFF
            left = byte.value
        return bytes(byte.value for byte in seat.data)

    def new_value(self, bits, i: int, s: int, v: int, b: int, left: int, wanted: int) -> int:
        counts = self.counts[i]
        bases = [(12, i), (13, i, s, v), (14, i, v, b), (15, i, left), (16, i, v, left), (17, i, s, v - b & 0xFF, v >> 3)]
        node = 1
        for place in reversed(range(8)):
            if place == 0 and node == 128:
                node = 257
                break
            first = node & node - 1 == 0
            prior = [0, 0, -177, -281, -355, -412, -459, -498][place] if first else -1000
            sums = [0, 0]
            for y in range(256):
                x = y ^ v
                if y != v and x >> place + 1 == node ^ 1 << 7 - place:
                    sums[x >> place & 1] += counts[y - v & 0xFF]
            seen = STRETCH[4096 * sums[1] // (sums[0] + sums[1])]
            contexts = [base + (node,) for base in bases]
            bit = self.code(bits, (wanted ^ v) >> place & 1, 18 + i % 16, contexts, [prior, seen])
            node = node << 1 | bit
        value = v ^ node & 0xFF
        counts[value - v & 0xFF] += 24
        if counts[value - v & 0xFF] > 4000:
            counts[:] = [count + 1 >> 1 for count in counts]
        return value


def read_file(data: bytes) -> tuple[Header, list[Chunk]]:
    """A feed as a file."""
    fields = Fields(data)
    header = read_header(fields)
    chunks = []
    while fields.at < len(data):
        chunks.append(read_chunk(header, fields))
    return header, chunks


def rows_of(header: Header, chunks: list[Chunk]) -> Iterator[Row]:
    """The rows in order, up to the first that is missing."""
    epoch = header.first_epoch
    while True:
        own = [chunk for chunk in chunks if chunk.epoch == epoch]
        held = {row.frame: row for chunk in own for row in chunk.rows}
        frame = header.first_frame
        while frame in held:
            yield held[frame]
            frame += 1
        ends = [chunk for chunk in own if chunk.kind != 1]
        if not ends or frame < max(chunk.end for chunk in own):
            return
        later = [chunk.epoch for chunk in chunks if chunk.epoch > epoch]
        later += [chunk.following for chunk in ends if chunk.kind == 2]
        if not later:
            return
        epoch = min(later)


def show(row: Row) -> list:
    inputs = [None if one is None else one.hex() for one in row.inputs]
    return [row.epoch, row.frame, inputs, None if row.checksum is None else f"{row.checksum:016x}"]


def check_feed(feed: dict) -> int:
    """Compares one feed of the vectors with what this file makes of it; returns the number of records."""
    name, header_bytes = feed["name"], bytes.fromhex(feed["header"])
    header = read_header(Fields(header_bytes))
    known = {"feed_id": f"{header.feed_id:016x}", "players": header.players, "input_len": header.input_len,
             "frame_interval_us": header.interval, "first_epoch": header.first_epoch,
             "first_frame": header.first_frame, "chunk_rows": header.chunk_rows,
             "checksum_every": header.every, "game": header.game.hex()}
    assert all(feed[key] == value for key, value in known.items()), f"{name}: the header"
    assert header.encode() == header_bytes, f"{name}: the header is written otherwise"
    records = [bytes.fromhex(record) for record in feed["chunks"]]
    for form in (header_bytes + b"".join(records), bytes.fromhex(feed["packed"])):
        read, chunks = read_file(form)
        assert [show(row) for row in rows_of(read, chunks)] == feed["rows"], f"{name}: the rows"
        written = b"".join(write_chunk(read, chunk.kind, chunk.epoch, chunk.first, chunk.following, chunk.rows)
                           for chunk in chunks)
        assert header_bytes + written == form, f"{name}: the chunks are written otherwise"
    # Each bit of each record is covered.
    for at in range(0, 8 * len(records[0]), 7):
        changed = bytearray(records[0])
        changed[at // 8] ^= 1 << at % 8
        try:
            read_chunk(header, Fields(bytes(changed)))
        except Refused:
            continue
        raise AssertionError(f"{name}: bit {at} of a chunk may change unnoticed")
    return 1 + len(records)


def main() -> None:
    if len(sys.argv) > 1:
        header, chunks = read_file(Path(sys.argv[1]).read_bytes())
        for row in rows_of(header, chunks):
            inputs = " ".join("-" if one is None else one.hex() for one in row.inputs)
            checksum = "" if row.checksum is None else f" {row.checksum:016x}"
            print(f"{row.epoch} {row.frame} {inputs}{checksum}")
        return
    path = Path(__file__).parent.parent / "vectors" / "feed.json"
    feeds = json.loads(path.read_text())
    records = sum(check_feed(feed) for feed in feeds)
    print(f"feed: {len(feeds)} feeds, {records} records and their packed forms are read and written alike")


if __name__ == "__main__":
    main()
