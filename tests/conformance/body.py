"""The bit stream of a compact body (3.4): inputs, each encoded relative to its predecessor."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Callable

# One byte of an input: ("same", 0), ("bit", i), ("step", d as sent) or ("value", v).
Form = tuple[str, int]
Inputs = list[list[Form]]


class BitWriter:
    """Collects bits, least significant first."""

    def __init__(self) -> None:
        """Starts without bits."""
        self._value = 0
        self._chunks: list[bytes] = []
        self.bits = 0
        self._used = 0  # Bits up to the last 1.
        self._held = 0

    def put(self, value: int, width: int) -> None:
        """Appends a field of `width` bits."""
        if value:
            self._used = self.bits + value.bit_length()
        self._value |= value << self._held
        self._held += width
        self.bits += width
        while self._held >= 64:
            self._chunks.append((self._value & (1 << 64) - 1).to_bytes(8, "little"))
            self._value >>= 64
            self._held -= 64

    @property
    def length(self) -> int:
        """How many bytes there are without zero bytes at the end."""
        return (self._used + 7) // 8

    def finish(self) -> bytes:
        """The bytes, without zero bytes at the end."""
        return (b"".join(self._chunks) + self._value.to_bytes(8, "little")).rstrip(b"\0")


class BitReader:
    """Reads bits, least significant first; past the end they are 0."""

    def __init__(self, data: bytes) -> None:
        """Starts at the first bit."""
        self._value = int.from_bytes(data, "little")
        self.position = 0

    def get(self, width: int) -> int:
        """Reads a field of `width` bits."""
        value = (self._value >> self.position) & ((1 << width) - 1)
        self.position += width
        return value

    def rest_is_zero(self) -> bool:
        """Whether no 1 bit is left unread."""
        return self._value >> self.position == 0


@lru_cache(maxsize=65536)
def first_form(before: int, after: int) -> Form:
    """The form of `step` that a sender uses."""
    return legal_forms(before, after)[0]


def legal_forms(before: int, after: int) -> list[Form]:
    """Every form of `step` that expresses a change, in the sender's order."""
    forms: list[Form] = []
    changed = before ^ after
    if changed == 0:
        forms.append(("same", 0))
    if changed and changed & (changed - 1) == 0:
        forms.append(("bit", changed.bit_length() - 1))
    rise = (after - before) % 256
    if 1 <= rise <= 8:
        forms.append(("step", rise + 7))
    elif 248 <= rise <= 255:
        forms.append(("step", rise - 248))
    forms.append(("value", after))
    return forms


_WIDTH = {"same": 1, "bit": 5, "step": 7, "value": 11}


def _put_form(out: BitWriter, form: Form) -> None:
    """Writes one form of `step`."""
    kind, value = form
    if kind == "same":
        out.put(0, 1)
    elif kind == "bit":
        out.put(0b01 | value << 2, 5)
    elif kind == "step":
        out.put(0b011 | value << 3, 7)
    else:
        out.put(0b111 | value << 3, 11)


def _put_input(out: BitWriter, before: bytes, after: bytes, rng: Random | None) -> None:
    """Writes one input, in the sender's form or in any legal one."""
    size = len(after)
    if rng:
        forms = [rng.choice(legal_forms(a, b)) for a, b in zip(before, after)]
    else:
        forms = [first_form(a, b) for a, b in zip(before, after)]
    if size == 1:
        _put_form(out, forms[0])
        return
    same = before == after
    if rng:
        how = rng.choice(["same", "sparse", "raw"] if same else ["sparse", "raw"])
    elif same:
        how = "same"
    else:
        how = "sparse" if sum(_WIDTH[kind] for kind, _ in forms) < 8 * size else "raw"
    if how == "same":
        out.put(0, 1)
    elif how == "sparse":
        out.put(0b01, 2)
        for form in forms:
            _put_form(out, form)
    else:
        out.put(0b11, 2)
        out.put(int.from_bytes(after, "little"), 8 * size)


def encode(reference: bytes, inputs: list[bytes], rng: Random | None = None) -> bytes:
    """The body that carries the inputs; with `rng`, in random legal forms."""
    out = BitWriter()
    before = reference
    for after in inputs:
        _put_input(out, before, after, rng)
        before = after
    return out.finish()


def fitting(reference: bytes, inputs: list[bytes], fits: Callable[[int, int], bool]) -> int:
    """How many inputs a datagram carries: the longest prefix whose count and length fit."""
    out = BitWriter()
    before = reference
    for count, after in enumerate(inputs):
        _put_input(out, before, after, None)
        if not fits(count + 1, out.length):
            return count
        before = after
    return len(inputs)


def _get_form(bits: BitReader) -> Form:
    """Reads one form of `step`."""
    if not bits.get(1):
        return ("same", 0)
    if not bits.get(1):
        return ("bit", bits.get(3))
    if not bits.get(1):
        return ("step", bits.get(4))
    return ("value", bits.get(8))


def parse(data: bytes, count: int, size: int) -> Inputs | None:
    """Reads `count` inputs; returns None if the body does not end where it should."""
    if data and data[-1] == 0:
        return None
    bits = BitReader(data)
    inputs: Inputs = []
    for _ in range(count):
        if size == 1:
            inputs.append([_get_form(bits)])
        elif not bits.get(1):
            inputs.append([("same", 0)] * size)
        elif not bits.get(1):
            inputs.append([_get_form(bits) for _ in range(size)])
        else:
            inputs.append([("value", bits.get(8)) for _ in range(size)])
    return inputs if bits.rest_is_zero() else None


def _apply(form: Form, before: int) -> int:
    """The byte that a form makes of the byte before it."""
    kind, value = form
    if kind == "same":
        return before
    if kind == "bit":
        return before ^ 1 << value
    if kind == "step":
        return (before + (value - 8 if value <= 7 else value - 7)) % 256
    return value


def resolve(parsed: Inputs, reference: bytes) -> list[bytes]:
    """The inputs, given the one before the first."""
    inputs: list[bytes] = []
    before = reference
    for forms in parsed:
        before = bytes(_apply(form, byte) for form, byte in zip(forms, before))
        inputs.append(before)
    return inputs
