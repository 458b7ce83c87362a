"""When a compact endpoint sends input datagrams (3.8), as far as none is held back."""

from __future__ import annotations

from endpoint import Settings
from liveness import Liveness

SLOW_AFTER = 10_000_000


class Schedule:
    """The deadlines of one endpoint towards a peer."""

    def __init__(self, settings: Settings, liveness: Liveness, now: int = 0,
                 newest_push: int = 0) -> None:
        """Starts with an input datagram due at once, when the peer is added."""
        self._liveness = liveness
        self.slow_after = max(settings.disconnect_us, SLOW_AFTER)
        self.interval = settings.frame_us
        self.long_interval = settings.frame_us + settings.frame_us // 2  # 1.5 T
        self.ping = settings.ping_us
        self.short_ping = min(settings.ping_us, 100_000)
        self.progress_at = now
        self.sent_end = 0
        self.total = 0
        self.in_epoch = 0
        self.last: int | None = None
        self.last_block: int | None = None
        self.push_pending = False
        self.newest_push = newest_push
        self.ack_at: int | None = None

    # Events.

    def pushed(self, now: int, is_owed: bool = True) -> None:
        """An input was pushed, which the peer is owed unless it joins later."""
        self.push_pending |= is_owed
        self.newest_push = now

    def progressed(self, now: int) -> None:
        """`recv_next` or `acked` has moved."""
        self.progress_at = now

    def accepted(self, now: int, carries: bool) -> None:
        """An input datagram was accepted, with or without inputs."""
        if carries and self.ack_at is None:
            self.ack_at = now + self.long_interval

    def opened(self, now: int) -> None:
        """The transport has opened again."""
        self.progress_at = now

    def epoch_began(self, now: int) -> None:
        """An epoch has begun."""
        self.progress_at = now
        self.in_epoch = self.sent_end = 0
        self.push_pending = False
        self.ack_at = None

    def sent_inputs(self, now: int, with_block: bool, acked: int, end: int) -> None:
        """An input datagram with the frames up to `end` was polled."""
        if acked >= self.sent_end:
            self.progress_at = now
        self.sent_end = max(self.sent_end, end)
        self.total += 1
        self.in_epoch += 1
        self.last = now
        self.push_pending = False
        self.ack_at = None
        if with_block:
            self.last_block = now

    # Deadlines.

    def slow(self, acked: int) -> bool:
        """Whether slow mode applies since the last datagram."""
        since = self._liveness.received_at
        if acked < self.sent_end:
            since = min(since, self.progress_at)
        return self.last is not None and self.last - since > self.slow_after

    def _keep_alive(self) -> int:
        """When the keep-alive row is due."""
        interval = self.short_ping if self.in_epoch <= 10 else self.ping
        return 0 if self.last is None else self.last + interval

    def input_moments(self, unacknowledged: bool, pause: int) -> list[int]:
        """When each row of 3.8 is due without slow mode, but for a pause; never twice at one moment."""
        moments = [self._keep_alive()]
        if self.in_epoch == 0 or self.push_pending:
            moments.append(0)
        if unacknowledged:
            moments.append(max(self.newest_push + self.long_interval,
                               (self.last or 0) + self.interval))
        if self.ack_at is not None:
            moments.append(self.ack_at)
        soonest = 0 if self.last is None else self.last + max(pause, 1)
        return [max(moment, soonest) for moment in moments]

    def input_due(self, moment: int, unacknowledged: bool, acked: int, pause: int) -> bool:
        """Whether an input datagram is due, with a pause after the last one."""
        if self.slow(acked):
            return moment >= self._keep_alive() and moment >= (self.last or 0) + pause
        return any(moment >= due for due in self.input_moments(unacknowledged, pause))

    def block_due(self, now: int, pause: int) -> bool:
        """Whether the datagram polled now carries a timing block."""
        return (self.total < 10 or pause > 0 or self.last_block is None
                or now - self.last_block >= self.ping)
