"""How a compact endpoint thins datagrams out while they queue (3.8)."""

from __future__ import annotations

from dataclasses import dataclass

LIGHT_QUEUE = 50_000
HEADERS = 33
LONGEST_BASE = 600_000
LONGEST_HOLD = 200_000


@dataclass(frozen=True)
class Path:
    """What an endpoint knows about the way to its peer."""

    base_rtt: int
    queuing_delay: int
    lost: int  # Of its datagrams, in 256ths, as the peer tells.
    unacknowledged: int
    last_body: int  # Bytes of the body of the last datagram.


def frames_a_datagram(path: Path, interval: int) -> int:
    """How many frames there are to be for each datagram, k, in 256ths."""
    body, owed = path.last_body, path.unacknowledged
    under_way = min(path.base_rtt, LONGEST_BASE) // interval + 4
    quiet_body = body * min(under_way, owed) // owed if owed else body
    drain = min(256 + 256 * (path.queuing_delay // 1000) // 300, 640)
    if path.lost == 0 and owed > under_way and path.queuing_delay // 1000 > 100:
        drain = max(drain, 512)
    return (HEADERS + body) * drain * (256 - path.lost) // 256 // (HEADERS + quiet_body)


def pause(path: Path, interval: int, limit: int) -> int:
    """How long after the last datagram none is due, for an interrupt limit; 0: none is held back."""
    if path.queuing_delay <= LIGHT_QUEUE:
        return 0
    frames = frames_a_datagram(path, interval)
    if frames <= 384:
        return 0
    longest = min(LONGEST_HOLD, 2 * limit // 5)
    return min((frames - 128) * interval // 256, longest)
