"""What timing blocks tell an endpoint, and what it tells with them (3.6)."""

from __future__ import annotations

from base_rtt import BaseRtt
from endpoint import Settings
from lead import UNIT, Lead
from wire_compact import NO_LEAD, Timing

SHORTEST_ECHO_TIME = 2_000_000


class Estimates:
    """RTT, loss, and the block to answer, of the peer's present run."""

    def __init__(self, settings: Settings) -> None:
        """Starts without a block."""
        self._longest_echo_time = max(SHORTEST_ECHO_TIME, settings.ping_us + 500_000)
        self.lead = Lead(settings.frame_us, settings.input_delay)
        self.forget()

    def forget(self) -> None:
        """The peer's run is another one."""
        self.block: Timing | None = None  # The last one used.
        self._used_at = 0
        self.forget_rtt()
        self.forget_numbers()

    def forget_numbers(self) -> None:
        """The next block counts as the first one; the round trips stay."""
        self.block = None
        self._old_blocks = self._number = 0
        self._accepted = 0
        self._missed = 0
        self.lead.forget_ways()

    def forget_rtt(self) -> None:
        """The transport has opened again: the way may be another one."""
        self.rtt: float | None = None
        self.base = BaseRtt()

    @property
    def is_stale(self) -> bool:
        """Whether only old blocks come, so that the peer is asked for a hello."""
        return self._old_blocks >= 8

    def accepted(self) -> None:
        """An input datagram was accepted, with or without a block."""
        self._accepted += 1

    def use(self, now: int, timing: Timing, counts_since: int) -> bool:
        """Uses a block if it is new, and tells whether it is.

        A round trip counts if it began since `counts_since`.
        """
        is_repeated, self._number = timing.sent % 256 == self._number, timing.sent % 256
        if self.block is not None:
            rise = (timing.sent - self.block.sent) % 65536
            if not 1 <= rise <= 32767:
                self._old_blocks += not is_repeated
                return False
            missing = max(rise - self._accepted, 0)
            self._missed += 256 * missing // rise - self._missed // 8
        self._accepted = 0
        self._old_blocks = 0
        self.block, self._used_at = timing, now
        self.lead.block_used(now, timing.stamp)
        self._sample_rtt(now, timing.echo, counts_since)
        return True

    def _sample_rtt(self, now: int, echo: int, counts_since: int) -> None:
        """Takes the RTT sample of an echo, if it gives one."""
        units = (now // UNIT - echo) % 65536
        units = 0 if units >= 65520 else units
        if echo == 0 or units >= 32768:
            return
        self.lead.echoed(units)
        sample = units * UNIT
        if sample > now - counts_since:
            return
        self.rtt = sample if self.rtt is None else self.rtt * 7 / 8 + sample / 8
        self.base.sample(now, sample)

    @property
    def peer_lost(self) -> int:
        """How many of the local datagrams the peer missed lately, in 256ths."""
        return self.block.lost if self.block else 0

    def local_lead(self, now: int, ping_us: int) -> float | None:
        """The lead of the local game in microseconds, if it is known; ping_us is P."""
        is_fresh = self.block and now - self._used_at <= max(SHORTEST_ECHO_TIME, ping_us + 500_000)
        return self.lead.local(self.block.lead if self.block and is_fresh else NO_LEAD)

    def make_block(self, now: int, sent: int, peer_is_heard: bool) -> Timing:
        """The block of the datagram that is polled now as number `sent`."""
        clock = now // UNIT
        echo = 0
        if self.block and peer_is_heard and now - self._used_at <= self._longest_echo_time:
            echo = (self.block.stamp + clock - self._used_at // UNIT) % 65536 or 1
        return Timing(clock % 65536, echo, sent % 65536, min(self._missed // 8, 255),
                      self.lead.told())
