"""Reads the vectors of docs/VECTORS.md; as a program, writes them from tests/vectors/*.json."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "VECTORS.md"
FILES = {"classic": "datagrams", "compact": "vectors", "control": "vectors",
         "words": "vectors"}
FENCE = "```vectors "
WIDTH = 110

Fields = dict[str, str]

# The page names some fields differently, and leaves out those that follow from others.
_NAMES = {"datagram": "hex", "timestamp_bits": "bits", "current_frame": "current"}
_OMITTED = ("length", "datagrams_sent_before")
# Fields that every vector shows, whatever the others have.
_OWN = ("wire", "name", "message", "inputs", "hex")


def load_member(kind: str, member: str) -> list[dict]:
    """A list of a file."""
    path = ROOT / "tests" / "vectors" / f"{kind}.json"
    return json.loads(path.read_text())[member]


def load(kind: str) -> list[dict]:
    """The vectors of a file."""
    return load_member(kind, FILES[kind])


def _timing(vector: dict) -> str:
    """The numbers of a timing block as they are sent; a lead of -128 is none."""
    timing = vector["timing"]
    if timing is None:
        return "none"
    echo = timing["echo"]
    value = 0 if echo is None else (echo["stamp"] + echo["held"]) % 65536 or 1
    sent = (vector["datagrams_sent_before"] + 1) % 65536
    lead = "none" if timing["lead"] is None else timing["lead"]
    return f"stamp={timing['stamp']} echo={value} sent={sent} lost={timing['lost']} lead={lead}"


def _value(value: object) -> str:
    """The value of any other field."""
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return " ".join(each if isinstance(each, str) else f"{each[0]}={each[1]:02x}"
                        for each in value)
    return str(value)


def fields(kind: str, vector: dict) -> Fields:
    """The fields of a vector as the page shows them."""
    shown = {_NAMES.get(name, name): _timing(vector) if name == "timing" else _value(value)
             for name, value in vector.items() if name not in _OMITTED}
    datagram = shown.pop("hex")
    return {"wire": kind, **shown, "hex": datagram}


def _line(name: str, value: str) -> str:
    """A field in one line, or in several if it is long."""
    words = [value]
    if name == "hex":
        words = [value[at:at + WIDTH - 10] for at in range(0, len(value), WIDTH - 10)]
    elif name in ("inputs", "stays"):
        words = value.split(" ")
    lines, line = [], f"{name}:"
    for word in words:
        if len(line) + 1 + len(word) > WIDTH and line.strip():
            lines.append(line)
            line = " "
        line += f" {word}"
    return "\n".join([*lines, line])


def render(kind: str) -> str:
    """The block of a file: a paragraph of common fields, if any, and one for each vector."""
    vectors = [fields(kind, vector) for vector in load(kind)]
    common: Fields = {}
    for name in vectors[0]:
        if name not in _OWN and all(name in vector for vector in vectors):
            value, count = Counter(vector[name] for vector in vectors).most_common(1)[0]
            if 2 * count > len(vectors):
                common[name] = value
    paragraphs = [common] if common else []
    paragraphs += [{name: value for name, value in vector.items()
                    if name != "wire" and common.get(name) != value} for vector in vectors]
    return "\n\n".join("\n".join(_line(*field) for field in paragraph.items())
                       for paragraph in paragraphs) + "\n"


def blocks(text: str) -> dict[str, str]:
    """The text of every block of the page, by kind."""
    found = {}
    for part in text.split(FENCE)[1:]:
        kind, _, rest = part.partition("\n")
        found[kind] = rest.partition("```")[0]
    return found


def read(text: str) -> list[Fields]:
    """The fields of every vector of the page, the common ones included."""
    vectors: list[Fields] = []
    for kind, block in blocks(text).items():
        common: Fields = {}
        for paragraph in block.strip().split("\n\n"):
            own: Fields = {}
            for line in paragraph.splitlines():
                if line.startswith(" "):
                    own[name] += ("" if name == "hex" else " ") + line.strip()
                else:
                    name, _, value = line.partition(": ")
                    own[name] = value
            if "name" in own:
                vectors.append({"wire": kind, **common, **own})
            else:
                common = own
    return vectors


def write() -> None:
    """Writes the vectors of the files into the page."""
    text = PAGE.read_text()
    for kind, block in blocks(text).items():
        text = text.replace(f"{FENCE}{kind}\n{block}", f"{FENCE}{kind}\n{render(kind)}")
    PAGE.write_text(text)


if __name__ == "__main__":
    write()
