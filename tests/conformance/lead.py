"""How far the local game is ahead of the peer's (3.6)."""

from __future__ import annotations

from windowed_least import WindowedLeast

UNIT = 250
NO_LEAD = -128
# The most frames that count.
FAR = 200


class Lead:
    """The lead samples of an epoch, and the one-way times of a run."""

    def __init__(self, interval: int, delay: int) -> None:
        """Starts without samples, with a frame interval and an input delay in frames."""
        self._interval = interval
        self._delay = min(delay, 255)
        self.forget()
        self.forget_ways()

    def forget(self) -> None:
        """The samples are void: an epoch began, or the transport opened again."""
        self._samples = WindowedLeast(32)

    def forget_ways(self) -> None:
        """The one-way times are void: the run is another one."""
        self._inward = WindowedLeast(16)
        self._outward = WindowedLeast(16)
        self._way: int | None = None

    def inputs_arrived(self, now: int, end: int, send_next: int, newest_push: int) -> None:
        """A datagram made inputs known, up to the frame before `end`."""
        frames = min(max(send_next - end, -FAR), FAR)
        self._samples.sample(frames * self._interval + min(now - newest_push, self._interval))

    def block_used(self, now: int, stamp: int) -> None:
        """A timing block was used: a one-way time in."""
        way = (now // UNIT - stamp) % 65536
        if self._way is not None:
            way = self._way + (way - self._way + 32768) % 65536 - 32768
        self._way = way
        self._inward.sample(way)

    def echoed(self, units: int) -> None:
        """The block that was just used shows a round trip, however late: a one-way time out."""
        assert self._way is not None
        self._outward.sample(units - self._way)

    @property
    def _seen(self) -> int | None:
        """The seen lead in microseconds, if it is known."""
        least, inward, outward = self._samples.least, self._inward.least, self._outward.least
        if least is None or inward is None or outward is None:
            return None
        return least - max(UNIT * (inward + outward), 0) // 2

    def told(self) -> int:
        """The `lead` of a timing block."""
        seen = self._seen
        if seen is None:
            return NO_LEAD
        return min(max((4 * seen + self._interval // 2) // self._interval - 8 * self._delay, -127), 127)

    def local(self, peer_lead: int) -> float | None:
        """The lead of the local game in microseconds, with that of the peer's block."""
        seen = self._seen
        if seen is None or peer_lead == NO_LEAD:
            return seen
        return (seen - 2 * self._delay * self._interval - peer_lead * self._interval / 4) / 2
