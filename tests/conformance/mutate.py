"""Damage to datagrams: flipped bits, cut and added bytes."""

from __future__ import annotations

from random import Random


def damaged(rng: Random, datagram: bytes) -> bytes:
    """The datagram with one kind of random damage."""
    how = rng.choice(["flip", "flip", "flips", "cut", "extend", "zeros", "byte", "swap", "huge"])
    data = bytearray(datagram)
    if how in ("flip", "flips") and data:
        for _ in range(1 if how == "flip" else rng.randint(2, 6)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif how == "cut":
        del data[rng.randint(0, len(data)):]
    elif how == "extend":
        data += rng.randbytes(rng.randint(1, 12))
    elif how == "zeros":
        data += bytes(rng.randint(1, 3))
    elif how == "byte" and data:
        data[rng.randrange(len(data))] = rng.randrange(256)
    elif how == "swap" and len(data) > 1:
        a, b = rng.sample(range(len(data)), 2)
        data[a], data[b] = data[b], data[a]
    elif how == "huge":
        data += rng.randbytes(rng.choice([1, 2])) * 1024
        del data[rng.choice([1023, 1024, 1025]):]
    return bytes(data)


def changed(rng: Random, before: bytes) -> bytes:
    """An input that follows another: the same, with a bit or a small step changed, or any."""
    how = rng.random()
    if how < 0.5:
        return before
    data = bytearray(before)
    for _ in range(1 if how < 0.9 else len(data)):
        at = rng.randrange(len(data))
        kind = rng.randrange(4)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = (data[at] + rng.randint(-9, 9)) % 256
        elif kind == 2:
            data[at] = rng.choice([0, 255, 128])
        else:
            data[at] = rng.randrange(256)
    return bytes(data)
