"""A virtual network and the events of a play: lossy, slow, reordering, duplicating, with outages."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from random import Random
from typing import Callable

Outage = tuple[int, int]


@dataclass(frozen=True)
class Conditions:
    """What the network does to a datagram; times in microseconds."""

    loss: float = 0.0
    delay: int = 30_000
    jitter: int = 0
    duplicates: float = 0.0
    outages: tuple[Outage, ...] = ()


class World:
    """Virtual time, the events that wait for it, and the network between two ends."""

    def __init__(self, conditions: Conditions, rng: Random) -> None:
        """Starts at time 0 with nothing to happen."""
        self.conditions = conditions
        self.rng = rng
        self.now = 0
        self.datagrams = 0
        self.dropped = 0
        self._generation = 0
        self._count = 0
        self._events: list[tuple[int, int, Callable[[], None]]] = []

    def at(self, moment: int, event: Callable[[], None]) -> None:
        """Lets something happen at a moment."""
        self._count += 1
        heapq.heappush(self._events, (max(moment, self.now), self._count, event))

    def step(self) -> None:
        """Goes to the next event, and lets it happen."""
        self.now, _, event = heapq.heappop(self._events)
        event()

    def send(self, datagram: bytes, deliver: Callable[[bytes], None]) -> None:
        """Carries a datagram, if the network feels like it."""
        conditions, rng = self.conditions, self.rng
        self.datagrams += 1
        out = any(start <= self.now < end for start, end in conditions.outages)
        if out or rng.random() < conditions.loss:
            self.dropped += 1
            return
        generation = self._generation

        def arrive() -> None:
            """Delivers it, unless the network was emptied since."""
            if generation == self._generation:
                deliver(datagram)

        for _ in range(2 if rng.random() < conditions.duplicates else 1):
            self.at(self.now + conditions.delay + rng.randint(0, conditions.jitter), arrive)

    def clear(self) -> None:
        """Forgets every datagram that is on its way."""
        self._generation += 1
