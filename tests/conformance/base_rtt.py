"""The base RTT and the queuing delay (section 1)."""

from __future__ import annotations

HALF = 16_000_000


class BaseRtt:
    """The least RTT sample of the last 16 to 32 s, in two halves of history."""

    def __init__(self) -> None:
        """Starts without a sample."""
        self._began = 0
        self._present: int | None = None
        self._kept: int | None = None
        self._latest = 0

    def sample(self, now: int, sample: int) -> None:
        """Takes an RTT sample."""
        self._latest = sample
        age = now - self._began
        if self._present is not None and age < HALF:
            self._present = min(self._present, sample)
            return
        self._kept = self._present if age < 2 * HALF else None
        self._present, self._began = sample, now

    @property
    def base(self) -> int:
        """The base RTT; 0 while there is no sample."""
        if self._present is None:
            return 0
        return self._present if self._kept is None else min(self._present, self._kept)

    @property
    def queuing_delay(self) -> int:
        """The latest sample less the base RTT; 0 while there is no sample."""
        return 0 if self._present is None else self._latest - self.base
