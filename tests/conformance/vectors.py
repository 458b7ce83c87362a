"""Checks the test vectors of docs/VECTORS.md and tests/vectors/*.json, both ways."""

from __future__ import annotations

import body
import control
import page
import tags
import wire_classic
import wire_compact
import word
from wire_compact import NO_LEAD, Direction, Timing

Fields = page.Fields


class Mismatch(Exception):
    """A vector that does not hold."""


def equal(name: str, what: str, got: object, wanted: object) -> None:
    """Raises if two values differ."""
    if got != wanted:
        raise Mismatch(f"vector {name!r}: {what}: got {got}, the vector says {wanted}")


def _key(text: str) -> bytes | None:
    """The key of a vector, if it has one."""
    return None if text == "none" else bytes.fromhex(text)


def _flag(text: str) -> bool:
    """A field that is true or false."""
    return {"true": True, "false": False}[text]


def _direction(fields: Fields, short_tags: bool) -> Direction:
    """The direction of a vector's datagram."""
    return Direction(
        int(fields["session"], 16), int(fields["sender_incarnation"]),
        int(fields["receiver_incarnation"]), int(fields["epoch"]), int(fields["sender"]),
        int(fields["receiver"]), int(fields["input_size"]), int(fields["window"]),
        int(fields["first_frame"]), _key(fields["key"]), short_tags)


def check_classic(name: str, message: wire_classic.Message, datagram: bytes) -> None:
    """Checks one classic message both ways."""
    equal(name, "encoding", wire_classic.encode(message).hex(), datagram.hex())
    decoded = wire_classic.decode(datagram)
    equal(name, "decoding", decoded, message)


def check_compact(name: str, direction: Direction, first: int, reference: bytes,
                  inputs: list[bytes], ack: int, timing: Timing | None, datagram: bytes) -> None:
    """Checks one input datagram both ways, for several values of recv_next and send_next."""
    made = wire_compact.encode(direction, first, reference, inputs, ack, timing)
    equal(name, "encoding", made.hex(), datagram.hex())
    counts = set()
    for recv_next, send_next in ((first, ack), (first, ack + 255), (first + 1, ack + 7)):
        got = wire_compact.decode(direction, datagram, recv_next, send_next)
        equal(name, "base, ack, timing", (got.base, got.ack, got.timing), (first, ack, timing))
        input_sent = inputs[:got.count]
        equal(name, "inputs", body.resolve(got.inputs, reference), input_sent)
        counts.add(got.count)
    (count,) = counts
    if count < len(inputs):
        longer = wire_compact.encode(
            direction, first, reference, inputs[:count + 1], ack, timing, limit=1 << 20)
        equal(name, "the cut is needed", len(longer) > wire_compact.MAX_DATAGRAM, True)


def _check_classic_fields(fields: Fields) -> None:
    """Checks one classic message of the page."""
    kind = {name: kind for kind, name in wire_classic.NAMES.items()}[fields["message"]]
    listed = fields.get("inputs", "none")
    pairs = [] if listed == "none" else [entry.split("=") for entry in listed.split()]
    entries = tuple((int(frame), int(action, 16)) for frame, action in pairs)
    message = wire_classic.Message(
        kind, int(fields.get("player", 0)), int(fields.get("current", 0)), 0, entries,
        bytes.fromhex(fields.get("bits", "")), int(fields.get("first", 0)),
        int(fields.get("last", 0)))
    check_classic(fields["name"], message, bytes.fromhex(fields["hex"]))


def _check_compact_fields(fields: Fields) -> None:
    """Checks one input datagram of the page."""
    listed = fields["inputs"]
    inputs = [] if listed == "none" else [bytes.fromhex(each) for each in listed.split()]
    timing = None
    if fields["timing"] != "none":
        numbers = dict(part.split("=") for part in fields["timing"].split())
        lead = NO_LEAD if numbers["lead"] == "none" else int(numbers["lead"])
        timing = Timing(int(numbers["stamp"]), int(numbers["echo"]), int(numbers["sent"]),
                        int(numbers["lost"]), lead)
    check_compact(fields["name"], _direction(fields, _flag(fields["short_tags"])),
                  int(fields["first_unacked"]), bytes.fromhex(fields["reference"]), inputs,
                  int(fields["ack"]), timing, bytes.fromhex(fields["hex"]))


def _check_control_fields(fields: Fields) -> None:
    """Checks one hello or bye of the page."""
    name, datagram = fields["name"], bytes.fromhex(fields["hex"])
    if fields["message"] == "bye":
        direction = _direction(fields, int(fields["tag_size"]) == 4)
        equal(name, "size of an input tag", direction.tag_size, int(fields["tag_size"]))
        bye = control.Bye(direction.receiver_incarnation, direction.epoch, int(fields["end"]))
        equal(name, "encoding", control.encode_bye(direction, bye).hex(), datagram.hex())
        control.check_bye_length(direction.key, datagram)
        equal(name, "decoding", control.open_bye(direction, datagram), bye)
        return
    session, key = int(fields["session"], 16), _key(fields["key"])
    hello = control.Hello(
        int(fields["version"]), int(fields["sender"]), int(fields["receiver"]),
        int(fields["input_size"]), int(fields["window"]), int(fields["tag_size"]),
        int(_flag(fields["playing"])), int(fields["frame_interval_us"]),
        int(fields["ping_interval_ms"]), int(fields["first_frame"]), int(fields["epoch"]),
        int(fields["incarnation"]), int(fields["number"]), int(fields["named"]),
        int(fields["answered"]))
    equal(name, "encoding", control.encode_hello(session, key, hello).hex(), datagram.hex())
    rest = control.open_hello(session, key, datagram)
    equal(name, "decoding", control.unpack_hello(rest), hello)


def _check_word_fields(fields: Fields) -> None:
    """Checks one word of the page."""
    name, datagram = fields["name"], bytes.fromhex(fields["hex"])
    direction = _direction(fields, int(fields["tag_size"]) == 4)
    equal(name, "size of an input tag", direction.tag_size, int(fields["tag_size"]))
    listed = [] if fields["set"] == "none" else fields["set"].split()
    entries = tuple(word.Entry(*map(int, each.split(":"))) for each in listed)
    carried = None
    if fields["inputs_of"] != "none":
        index = [entry.player for entry in entries].index(int(fields["inputs_of"]))
        inputs = tuple(bytes.fromhex(each) for each in fields["inputs"].split())
        carried = word.Carried(index, int(fields["base"]), inputs)
    stays = () if fields["stays"] == "none" else tuple(map(int, fields["stays"].split()))
    said = word.Word(_flag(fields["have"]), _flag(fields["reply"]), entries, stays, carried)
    equal(name, "encoding", word.encode_word(direction, said).hex(), datagram.hex())
    word.check_length(direction.key, datagram)
    equal(name, "decoding", word.open_word(direction, datagram), said)


def check_page() -> int:
    """Compares the page with the files, and checks each vector; returns their number."""
    text = page.PAGE.read_text()
    found = page.blocks(text)
    equal("page", "blocks", list(found), list(page.FILES))
    for kind, block in found.items():
        if block != page.render(kind):
            raise Mismatch(f"docs/VECTORS.md differs from tests/vectors/{kind}.json: "
                           "run tests/conformance/page.py")
    kinds = {"classic": _check_classic_fields, "compact": _check_compact_fields,
             "control": _check_control_fields, "words": _check_word_fields}
    vectors = page.read(text)
    for fields in vectors:
        kinds[fields["wire"]](fields)
    return len(vectors)


def check_lengths() -> int:
    """Checks the lengths that the files state, and returns their number."""
    vectors = page.load("compact") + page.load("control") + page.load("words")
    for vector in vectors:
        equal(vector["name"], "length", len(bytes.fromhex(vector["datagram"])), vector["length"])
    return len(vectors)


def check_senders() -> int:
    """Checks the push sequences of the classic file against what an endpoint sends (2.2).

    The original sends the newest inputs only. After a blocked stretch an endpoint sends the same,
    after those that no INPUT has carried yet.
    """
    rows = 0
    for member in ("sender", "unsent"):
        for sequence in page.load_member("classic", member):
            pushed: list[tuple[int, int]] = []
            carried = 0
            for row in sequence["rows"]:
                if row["reset"]:
                    pushed, carried = [], 0
                pushed.append((row["frame"], row["action"]))
                if row["hex"] is None:
                    continue
                datagram = bytes.fromhex(row["hex"])
                unsent = len(pushed) - carried
                newest = tuple(pushed[-max(sequence["redundancy"], unsent):])
                if member == "sender":
                    observed = wire_classic.decode(datagram).entries
                    equal(sequence["name"], "newest", newest[-len(observed):], observed)
                    newest = newest[-sequence["redundancy"]:]
                message = wire_classic.Message(wire_classic.INPUT, 1, row["frame"], 0, newest)
                check_classic(sequence["name"], message, datagram)
                carried = len(pushed)
                rows += 1
    return rows


def check_all() -> list[tuple[str, int]]:
    """Checks everything, and returns the number of vectors of each part."""
    tags.self_test()
    return [("vectors", check_page()), ("lengths", check_lengths()),
            ("push sequences, classic", check_senders())]


if __name__ == "__main__":
    for label, number in check_all():
        print(f"{label}: {number} hold")
