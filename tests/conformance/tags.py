"""The two tags of the compact wire: CRC-16/IBM-3740 and SipHash-2-4 (3.5)."""

from __future__ import annotations

_MASK = (1 << 64) - 1


def _crc_of_byte(byte: int) -> int:
    """Runs one byte through the bitwise CRC, for the table."""
    crc = byte << 8
    for _ in range(8):
        crc = ((crc << 1) ^ 0x1021) & 0xFFFF if crc & 0x8000 else (crc << 1) & 0xFFFF
    return crc


_TABLE = [_crc_of_byte(byte) for byte in range(256)]


def crc16(message: bytes) -> int:
    """CRC-16/IBM-3740 of a message."""
    crc = 0xFFFF
    for byte in message:
        crc = ((crc << 8) & 0xFFFF) ^ _TABLE[(crc >> 8) ^ byte]
    return crc


def _rounds(v: list[int], count: int) -> None:
    """Does `count` SipHash rounds on the four words of state."""
    v0, v1, v2, v3 = v
    for _ in range(count):
        v0 = (v0 + v1) & _MASK
        v1 = ((v1 << 13) | (v1 >> 51)) & _MASK
        v1 ^= v0
        v0 = ((v0 << 32) | (v0 >> 32)) & _MASK
        v2 = (v2 + v3) & _MASK
        v3 = ((v3 << 16) | (v3 >> 48)) & _MASK
        v3 ^= v2
        v0 = (v0 + v3) & _MASK
        v3 = ((v3 << 21) | (v3 >> 43)) & _MASK
        v3 ^= v0
        v2 = (v2 + v1) & _MASK
        v1 = ((v1 << 17) | (v1 >> 47)) & _MASK
        v1 ^= v2
        v2 = ((v2 << 32) | (v2 >> 32)) & _MASK
    v[:] = [v0, v1, v2, v3]


def siphash24(key: bytes, message: bytes) -> int:
    """SipHash-2-4 of a message under a key of 16 bytes."""
    k0 = int.from_bytes(key[:8], "little")
    k1 = int.from_bytes(key[8:16], "little")
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D,
         k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    whole = len(message) // 8 * 8
    words = [message[at:at + 8] for at in range(0, whole, 8)]
    words.append(message[whole:].ljust(7, b"\0") + bytes([len(message) & 0xFF]))
    for word in words:
        m = int.from_bytes(word, "little")
        v[3] ^= m
        _rounds(v, 2)
        v[0] ^= m
    v[2] ^= 0xFF
    _rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def control_tag_size(key: bytes | None) -> int:
    """The size of the tag of a hello or bye, in bytes."""
    return 2 if key is None else 8


def input_tag_size(key: bytes | None, short_tags: bool) -> int:
    """The size of the tag of input datagrams and checksums, in bytes."""
    return 4 if key is not None and short_tags else control_tag_size(key)


def compute_tag(key: bytes | None, message: bytes, size: int) -> bytes:
    """The first `size` bytes of the tag of a message."""
    if key is None:
        return crc16(message).to_bytes(2, "big")[:size]
    return siphash24(key, message).to_bytes(8, "big")[:size]


def self_test() -> None:
    """Compares both tags with the values in the document."""
    assert crc16(b"123456789") == 0x29B1
    assert siphash24(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5
