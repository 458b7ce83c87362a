"""The checksums of an end that makes none itself (3.9): it only acknowledges those of the peer."""

from __future__ import annotations

import control
from wire_compact import Refused


class Checksums:
    """What an end without checksums of its own keeps of the peer's in one epoch."""

    def __init__(self, ping: int) -> None:
        """Starts with none."""
        self._ping = ping
        self.waiting: set[int] = set()
        self._end = 0
        self._came: int | None = None
        self._last: int | None = None

    @property
    def room(self) -> int:
        """How many more frames an end is sure to keep: it keeps 8 at least."""
        return 8 - len(self.waiting)

    def receive(self, now: int, checksums: control.Checksums) -> None:
        """Takes a datagram of the peer."""
        if checksums.acknowledged > 0:
            raise Refused("acknowledges what was never made")
        for frame, _ in checksums.hashes:
            self.waiting.add(frame)
            self._end = max(self._end, frame + 1)
        if checksums.hashes and self._came is None:
            self._came = now

    def moments(self) -> list[int]:
        """When a datagram is due, if one is."""
        if self._came is None:
            return []
        return [max(self._came, -1 if self._last is None else self._last) + self._ping]

    def due(self, now: int) -> bool:
        """Whether a datagram is due."""
        return any(now >= moment for moment in self.moments())

    def poll(self, now: int) -> control.Checksums:
        """The datagram that acknowledges what has come."""
        self._came = None
        self._last = now
        return control.Checksums(self._end, ())
