"""The checksums of an endpoint that pushes none (3.9): it only acknowledges the peer's."""

from __future__ import annotations

import control
from wire_compact import Refused


class Checksums:
    """The peer's checksums of one epoch, at an endpoint without checksums of its own."""

    def __init__(self, ping: int) -> None:
        """Starts without checksums."""
        self._ping = ping
        self.waiting: set[int] = set()
        self._end = 0
        self._ack_owed_since: int | None = None
        self._sent_at: int | None = None

    @property
    def free_slots(self) -> int:
        """How many more hashes the endpoint is sure to store: it stores at least 8."""
        return 8 - len(self.waiting)

    def receive(self, now: int, checksums: control.Checksums, send_next: int) -> None:
        """Receives a datagram of the peer, which has every local input that it compares."""
        if checksums.acknowledged > 0 or any(frame >= send_next for frame, _ in checksums.hashes):
            raise Refused("FrameRange")
        for frame, _ in checksums.hashes:
            self.waiting.add(frame)
            self._end = max(self._end, frame + 1)
        if checksums.hashes and self._ack_owed_since is None:
            self._ack_owed_since = now

    def moments(self) -> list[int]:
        """When a datagram is due, if any."""
        if self._ack_owed_since is None:
            return []
        sent_at = -1 if self._sent_at is None else self._sent_at
        return [max(self._ack_owed_since, sent_at) + self._ping]

    def due(self, now: int) -> bool:
        """Whether a datagram is due."""
        return any(now >= moment for moment in self.moments())

    def poll(self, now: int) -> control.Checksums:
        """The datagram that acknowledges the checksums received."""
        self._ack_owed_since = None
        self._sent_at = now
        return control.Checksums(self._end, ())
