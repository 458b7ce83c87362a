"""How a compact endpoint closes: it delivers what is unacknowledged, then says bye (3.9)."""

from __future__ import annotations

from endpoint import Settings

LONGEST_FLUSH = 2_000_000


class Closing:
    """The end of a session with one peer."""

    def __init__(self, settings: Settings) -> None:
        """Starts open."""
        self._interval = settings.frame_us
        self._closed_at: int | None = None
        self._first: int | None = None
        self._last: int | None = None
        self._is_cut_off = False

    @property
    def sends_inputs(self) -> bool:
        """Whether input datagrams may be sent."""
        return self._first is None and not self._is_cut_off

    def close(self, now: int, is_open: bool) -> None:
        """The application closes the session."""
        self._closed_at = now
        self._is_cut_off = not is_open

    def transport_closed(self) -> None:
        """The transport has closed: for a session that is closing, that is the end."""
        self._is_cut_off |= self._closed_at is not None

    def settle(self, now: int, unacknowledged: bool) -> None:
        """Sets the moment of the first bye once it is known."""
        if self._closed_at is None or self._first is not None:
            return
        if now >= self._closed_at + LONGEST_FLUSH:
            self._first = self._closed_at + LONGEST_FLUSH
        elif not unacknowledged:
            self._first = now

    def moments(self) -> list[int]:
        """When the next bye is due, if nothing else is acknowledged before."""
        if self._closed_at is None or self._is_cut_off:
            return []
        if self._first is None:
            return [self._closed_at + LONGEST_FLUSH]
        all_three = [self._first + index * self._interval for index in range(3)]
        return [moment for moment in all_three if self._last is None or moment > self._last][:1]

    def is_due(self, now: int) -> bool:
        """Whether a bye is due."""
        return any(now >= moment for moment in self.moments())

    def sent(self, now: int) -> None:
        """A bye was polled."""
        self._last = now
