"""The least of the latest samples, held as that of two sets (3.6)."""

from __future__ import annotations


class WindowedLeast:
    """The least of the last n to 2 n samples: of a filled set of n, and of those after it."""

    def __init__(self, size: int) -> None:
        """Starts without samples, with sets of `size`."""
        self._size = size
        self._filled: int | None = None
        self._present: int | None = None
        self._count = 0

    def sample(self, value: int) -> None:
        """Takes a sample; the one after a filled set begins the next set."""
        if self._count == self._size:
            self._filled, self._present, self._count = self._present, None, 0
        self._present = value if self._present is None else min(self._present, value)
        self._count += 1

    @property
    def least(self) -> int | None:
        """The least sample that counts; None while there is none."""
        if self._present is None or self._filled is None:
            return self._present
        return min(self._present, self._filled)
