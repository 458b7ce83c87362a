"""When a compact endpoint sends hellos (3.9)."""

from __future__ import annotations

from endpoint import Settings
from handshake import Handshake
from liveness import SECOND, Liveness
from timing import Estimates


class HelloSchedule:
    """The deadlines of hellos to one peer."""

    def __init__(self, settings: Settings, handshake: Handshake, liveness: Liveness,
                 estimates: Estimates) -> None:
        """Starts with a hello due at once."""
        self._ping = settings.ping_us
        self._handshake = handshake
        self._liveness = liveness
        self._estimates = estimates
        self.last: int | None = None
        self._interval = 0

    def sent(self, now: int) -> None:
        """A hello was polled."""
        self.last = now
        is_early = now - self._handshake.at_once_at < SECOND
        self._interval = min(self._ping, 100_000) if is_early else self._ping

    def moments(self) -> list[int]:
        """When a hello is due; never twice at one moment."""
        h = self._handshake
        if self.last is None:
            return [0]
        if h.at_once:
            return [self.last + 1]
        moments = []
        again = self.last + self._interval
        if (not h.linked or h.is_ahead or h.wanted or not h.received_number
                or self._estimates.is_stale):
            moments.append(again)
        elif h.run is not None:
            moments.append(max(again, self._liveness.end_of_life()))
        if h.owed:
            moments.append(self.last + self._ping)
        return moments

    def is_due(self, now: int) -> bool:
        """Whether a hello is due."""
        return any(now >= moment for moment in self.moments())
