"""The network of a play: loss, delay, reordering, duplicates, outages."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Callable

from virtual_time import VirtualTime

Outage = tuple[int, int]
# From when to when a delay rises and falls again, and by how much at most.
Swell = tuple[int, int, int]
HEADERS = 28  # Of IPv4 and UDP.


@dataclass(frozen=True)
class Conditions:
    """What the network does to datagrams; times in microseconds."""

    loss: float = 0.0
    delay: int = 30_000
    jitter: int = 0
    duplicates: float = 0.0
    outages: tuple[Outage, ...] = ()
    swells: tuple[Swell, ...] = ()
    rate: int | None = None  # Bytes a second of each way, behind a queue.
    longest_queue: int = 2_000_000


def swell(swells: tuple[Swell, ...], now: int) -> int:
    """How much longer a delay is now."""
    extra = 0
    for start, end, most in swells:
        if start <= now < end:
            extra += 2 * most * min(now - start, end - now) // (end - start)
    return extra


class World(VirtualTime):
    """The network between two endpoints, in virtual time."""

    def __init__(self, conditions: Conditions, rng: Random) -> None:
        """Starts at time 0 without events."""
        super().__init__()
        self.conditions = conditions
        self.rng = rng
        self.datagrams = 0
        self.dropped = 0
        self._generation = 0
        self._busy_until: dict[object, int] = {}

    def _queue(self, size: int, way: object) -> int | None:
        """How long a datagram takes behind what is under way before it; None if it is dropped."""
        if self.conditions.rate is None:
            return 0
        wait = max(self._busy_until.get(way, 0) - self.now, 0)
        if wait > self.conditions.longest_queue:
            return None
        wait += (size + HEADERS) * 1_000_000 // self.conditions.rate
        self._busy_until[way] = self.now + wait
        return wait

    def send(self, datagram: bytes, deliver: Callable[[bytes], None], way: object = None) -> None:
        """Delivers a datagram after a delay, once or twice, or drops it."""
        conditions, rng = self.conditions, self.rng
        self.datagrams += 1
        out = any(start <= self.now < end for start, end in conditions.outages)
        queued = self._queue(len(datagram), way)
        if out or queued is None or rng.random() < conditions.loss:
            self.dropped += 1
            return
        delay = conditions.delay + queued + swell(conditions.swells, self.now)
        generation = self._generation

        def arrive() -> None:
            """Delivers it, unless the network was cleared since."""
            if generation == self._generation:
                deliver(datagram)

        for _ in range(2 if rng.random() < conditions.duplicates else 1):
            self.at(self.now + delay + rng.randint(0, conditions.jitter), arrive)

    def clear(self) -> None:
        """Drops every datagram in flight."""
        self._generation += 1
