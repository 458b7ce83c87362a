"""With which frame an input datagram begins (3.4)."""

from __future__ import annotations

# Rounding of the smoothed RTT is free, so the moment of the next beginning is known this well.
ROUNDING = 16


class Continuation:
    """Where the datagram before was cut, and since when one has begun with `acked`."""

    def __init__(self) -> None:
        """Starts an epoch."""
        self._cut_at: int | None = None
        self._began_at = 0

    def choices(self, now: int, acked: int, rtt: float | None, interval: int) -> list[int]:
        """The first frame of a datagram; both where the rounding of the RTT decides."""
        if self._cut_at is None or self._cut_at <= acked or rtt is None:
            return [acked]
        left = self._began_at + rtt + interval - now
        if left <= -ROUNDING:
            return [acked]
        further = [self._cut_at]
        return further if left >= ROUNDING else [acked] + further if left <= 0 else further + [acked]

    def sent(self, now: int, acked: int, first: int, end: int, send_next: int) -> None:
        """A datagram with the frames from `first` to `end` was polled."""
        if first == acked:
            self._began_at = now
        self._cut_at = end if end < send_next else None
