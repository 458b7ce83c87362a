"""Virtual time: what is planned happens in its order, and nothing waits."""

from __future__ import annotations

import heapq
from typing import Callable


class VirtualTime:
    """A clock in microseconds, and the events that are planned on it."""

    def __init__(self) -> None:
        """Starts at time 0 without events."""
        self.now = 0
        self._count = 0
        self._events: list[tuple[int, int, Callable[[], None]]] = []

    def at(self, moment: int, event: Callable[[], None]) -> None:
        """Plans an event; of several at one moment the one that was planned first comes first."""
        self._count += 1
        heapq.heappush(self._events, (max(moment, self.now), self._count, event))

    def step(self) -> None:
        """Advances to the next event and runs it."""
        self.now, _, event = heapq.heappop(self._events)
        event()

    def run(self, duration: int) -> None:
        """Lets time pass."""
        until = self.now + duration
        while self._events and self._events[0][0] <= until:
            self.step()
        self.now = until
