"""The test vectors: those of the document, and the JSON files beside it, checked both ways."""

from __future__ import annotations

import json
from pathlib import Path

import body
import checks
import control
import wire_classic
import wire_compact
from wire_compact import Direction, Timing

ROOT = Path(__file__).resolve().parents[2]
Fields = dict[str, str]


class Mismatch(Exception):
    """A vector that does not hold."""


def equal(name: str, what: str, got: object, wanted: object) -> None:
    """Raises if two values differ."""
    if got != wanted:
        raise Mismatch(f"vector {name!r}: {what}: got {got}, the vector says {wanted}")


def read_blocks(text: str) -> list[Fields]:
    """The fields of every vector block of the document."""
    blocks: list[Fields] = []
    inside = False
    for line in text.splitlines():
        if line == "```vector":
            inside = True
            blocks.append({})
        elif line == "```":
            inside = False
        elif inside:
            name, _, value = line.partition(": ")
            blocks[-1][name] = value
    return blocks


def _key(text: str | None) -> bytes | None:
    """The key of a vector, if it has one."""
    return None if text is None or text == "none" else bytes.fromhex(text)


def _direction(fields: Fields, epoch: int) -> Direction:
    """The direction that a vector's datagram travels in."""
    return Direction(
        int(fields["session"], 16), int(fields["sender_incarnation"]),
        int(fields["receiver_incarnation"]), epoch, int(fields["sender"]),
        int(fields["receiver"]), int(fields["input_size"]), int(fields["window"]),
        _key(fields["key"]))


def check_classic(name: str, message: wire_classic.Message, datagram: bytes) -> None:
    """Checks one classic message both ways."""
    equal(name, "encoding", wire_classic.encode(message).hex(), datagram.hex())
    decoded = wire_classic.decode(datagram)
    wire_classic.check_order(decoded)
    equal(name, "decoding", decoded, message)


def check_compact(name: str, direction: Direction, first: int, reference: bytes,
                  inputs: list[bytes], ack: int, timing: Timing | None, datagram: bytes) -> None:
    """Checks one input datagram both ways, for several wants and pushed frames near it."""
    made = wire_compact.encode(direction, first, reference, inputs, ack, timing)
    equal(name, "encoding", made.hex(), datagram.hex())
    counts = set()
    for want, pushed in ((first, ack), (first, ack + 255), (first + 1, ack + 7)):
        got = wire_compact.decode(direction, datagram, want, pushed)
        equal(name, "base, ack, timing", (got.base, got.ack, got.timing), (first, ack, timing))
        carried = inputs[:got.count]
        equal(name, "inputs", body.resolve(got.inputs, reference), carried)
        counts.add(got.count)
    (count,) = counts
    if count < len(inputs):
        longer = wire_compact.encode(
            direction, first, reference, inputs[:count + 1], ack, timing, limit=1 << 20)
        equal(name, "the cut is needed", len(longer) > wire_compact.MAX_DATAGRAM, True)


def _document_classic(fields: Fields) -> None:
    """Checks one classic block of the document."""
    kind = {name: kind for kind, name in wire_classic.NAMES.items()}[fields["message"]]
    entries = tuple((int(frame), int(action, 16)) for frame, action in
                    (entry.split("=") for entry in fields.get("inputs", "").split()))
    message = wire_classic.Message(
        kind, int(fields.get("player", 0)), int(fields.get("current", 0)), 0, entries,
        bytes.fromhex(fields.get("bits", "")), int(fields.get("first", 0)),
        int(fields.get("last", 0)))
    check_classic(fields["name"], message, bytes.fromhex(fields["hex"]))


def _document_compact(fields: Fields) -> None:
    """Checks one compact block of the document."""
    listed = fields["inputs"]
    inputs = [] if listed == "none" else [bytes.fromhex(each) for each in listed.split()]
    timing = None
    if fields["timing"] != "none":
        numbers = dict(part.split("=") for part in fields["timing"].split())
        timing = Timing(int(numbers["stamp"]), int(numbers["echo"]), int(numbers["sent"]))
    check_compact(fields["name"], _direction(fields, int(fields["epoch"])),
                  int(fields["first_unacked"]), bytes.fromhex(fields["reference"]), inputs,
                  int(fields["ack"]), timing, bytes.fromhex(fields["hex"]))


def _document_control(fields: Fields) -> None:
    """Checks one hello or bye of the document."""
    name, datagram = fields["name"], bytes.fromhex(fields["hex"])
    if fields["message"] == "bye":
        direction = _direction(fields, int(fields["epoch"]))
        equal(name, "encoding", control.encode_bye(direction).hex(), datagram.hex())
        control.open_bye(direction, datagram)
        return
    session, key = int(fields["session"], 16), _key(fields["key"])
    hello = control.Hello(
        int(fields["version"]), int(fields["sender"]), int(fields["receiver"]),
        int(fields["input_size"]), int(fields["window"]), int(fields["frame_interval_us"]),
        int(fields["ping_interval_ms"]), int(fields["first_frame"]), int(fields["epoch"]),
        int(fields["incarnation"]))
    equal(name, "encoding", control.encode_hello(session, key, hello).hex(), datagram.hex())
    rest = control.open_hello(session, key, datagram)
    equal(name, "decoding", control.unpack_hello(rest), hello)


def check_document(path: Path) -> int:
    """Checks every vector of the document, and gives their number."""
    kinds = {"classic": _document_classic, "compact": _document_compact,
             "control": _document_control}
    blocks = read_blocks(path.read_text())
    if not blocks:
        raise Mismatch(f"{path} has no vectors")
    for fields in blocks:
        kinds[fields["wire"]](fields)
    return len(blocks)


def _json_classic(path: Path) -> int:
    """Checks the datagrams of the classic JSON file."""
    kinds = {name: kind for kind, name in wire_classic.NAMES.items()}
    vectors = json.loads(path.read_text())["datagrams"]
    for vector in vectors:
        message = wire_classic.Message(
            kinds[vector["message"]], vector.get("player", 0), vector.get("current_frame", 0), 0,
            tuple((frame, action) for frame, action in vector.get("inputs", [])),
            bytes.fromhex(vector.get("timestamp_bits", "")), vector.get("first", 0),
            vector.get("last", 0))
        check_classic(vector["name"], message, bytes.fromhex(vector["hex"]))
    return len(vectors)


def _json_senders(path: Path) -> int:
    """Checks the sender sequences of the classic JSON file: the newest inputs at each send."""
    rows = 0
    for sequence in json.loads(path.read_text())["sender"]:
        pushed: list[tuple[int, int]] = []
        for row in sequence["rows"]:
            pushed = [] if row["reset"] else pushed
            pushed.append((row["frame"], row["action"]))
            if row["hex"] is not None:
                newest = tuple(pushed[-sequence["redundancy"]:])
                message = wire_classic.Message(wire_classic.INPUT, 1, row["frame"], 0, newest)
                check_classic(sequence["name"], message, bytes.fromhex(row["hex"]))
                rows += 1
    return rows


def _json_compact(path: Path) -> int:
    """Checks the datagrams of the compact JSON file."""
    vectors = json.loads(path.read_text())["vectors"]
    for vector in vectors:
        timing = None
        if vector["timing"] is not None:
            echo = vector["timing"]["echo"]
            value = 0 if echo is None else (echo["stamp"] + echo["held"]) % 65536 or 1
            timing = Timing(vector["timing"]["stamp"], value,
                            (vector["datagrams_sent_before"] + 1) % 65536)
        check_compact(vector["name"], _direction(vector, vector["epoch"]),
                      vector["first_unacked"], bytes.fromhex(vector["reference"]),
                      [bytes.fromhex(each) for each in vector["inputs"]], vector["ack"], timing,
                      bytes.fromhex(vector["datagram"]))
    return len(vectors)


def check_all(root: Path = ROOT) -> list[tuple[str, int]]:
    """Checks everything there is, and gives the number of vectors of each source."""
    checks.self_test()
    document = root / "docs" / "PROTOCOL.md"
    results = [("vectors of the document", check_document(document))]
    for name, label, check in (("classic", "classic.json datagrams", _json_classic),
                               ("classic", "classic.json sender rows", _json_senders),
                               ("compact", "compact.json datagrams", _json_compact)):
        path = root / "tests" / "vectors" / f"{name}.json"
        if path.exists():
            results.append((label, check(path)))
    return results


if __name__ == "__main__":
    for label, number in check_all():
        print(f"{label}: {number} hold")
