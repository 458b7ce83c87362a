"""When a compact end sends (3.8, 3.9): the moments at which a hello and an input datagram are due."""

from __future__ import annotations

from end import Settings

SLOW_AFTER = 10_000_000
SECOND = 1_000_000


class Pace:
    """The deadlines of one end towards its peer, which was added at time 0."""

    def __init__(self, settings: Settings) -> None:
        """Starts with everything due at once."""
        self.interval = settings.frame_us
        self.longer = settings.frame_us + settings.frame_us // 2
        self.ping = settings.ping_us
        self.short = min(settings.ping_us, 100_000)
        # Liveness.
        self.heard = 0
        self.stuck_since = 0
        # Input datagrams.
        self.told = 0
        self.total = 0
        self.in_epoch = 0
        self.last: int | None = None
        self.last_keeps = self.short
        self.last_block: int | None = None
        self.push_waits = False
        self.newest_push = 0
        self.acknowledge: int | None = None
        # Hello.
        self.fresh = 0
        self.hello_waits = True
        self.last_hello: int | None = None
        self.hello_keeps = self.short
        self.has_accepted = False

    # What happens.

    def pushed(self, now: int) -> None:
        """An input was pushed."""
        self.push_waits = True
        self.newest_push = now

    def moved(self, now: int) -> None:
        """`want` or the acknowledged end has moved."""
        self.stuck_since = now

    def accepted(self, now: int, carries: bool) -> None:
        """An input datagram was accepted, with or without inputs."""
        self.has_accepted = True
        if carries and self.acknowledge is None:
            self.acknowledge = now + self.longer

    def opened(self, now: int) -> None:
        """The transport has opened again."""
        self.heard = self.stuck_since = self.fresh = now
        self.hello_waits = True

    def epoch_began(self, now: int) -> None:
        """An epoch has begun."""
        self.stuck_since = self.fresh = now
        self.hello_waits = True
        self.has_accepted = False
        self.in_epoch = self.told = 0
        self.push_waits = False
        self.acknowledge = None

    def sent_hello(self, now: int) -> None:
        """A hello was polled."""
        self.hello_waits = False
        self.last_hello = now
        self.hello_keeps = self.short if now - self.fresh < SECOND else self.ping

    def sent_inputs(self, now: int, with_block: bool, acked: int, end: int) -> None:
        """An input datagram was polled, which tells of everything below an end."""
        if acked >= self.told:
            self.stuck_since = now
        self.told = end
        self.total += 1
        self.in_epoch += 1
        self.last = now
        self.last_keeps = self.short if self.in_epoch <= 10 else self.ping
        self.push_waits = False
        self.acknowledge = None
        if with_block:
            self.last_block = now

    # What is due.

    def hello_moments(self, ahead: bool) -> list[int]:
        """When a hello is due, if one is."""
        if self.last_hello is None:
            return [0]
        if self.hello_waits:
            return [self.last_hello + 1]
        if ahead or not self.has_accepted:
            return [self.last_hello + self.hello_keeps]
        return []

    def hello_due(self, moment: int, ahead: bool) -> bool:
        """Whether a hello is due."""
        return any(moment >= due for due in self.hello_moments(ahead))

    def slow(self, moment: int, acked: int) -> bool:
        """Whether the end is in slow mode."""
        return (moment - self.heard > SLOW_AFTER
                or acked < self.told and moment - self.stuck_since > SLOW_AFTER)

    def _keep_alive(self) -> int:
        """When the keep-alive row is due."""
        return 0 if self.last is None else self.last + self.last_keeps

    def input_moments(self, owed: bool) -> list[int]:
        """When each row of 3.8 is due, slow mode aside; never twice at one moment."""
        moments = [self._keep_alive()]
        if self.in_epoch == 0 or self.push_waits:
            moments.append(0)
        if owed:
            moments.append(max(self.newest_push + self.longer, (self.last or 0) + self.interval))
        if self.acknowledge is not None:
            moments.append(self.acknowledge)
        soonest = 0 if self.last is None else self.last + 1
        return [max(moment, soonest) for moment in moments]

    def input_due(self, moment: int, owed: bool, acked: int) -> bool:
        """Whether an input datagram is due."""
        if self.slow(moment, acked):
            return moment >= self._keep_alive()
        return any(moment >= due for due in self.input_moments(owed))

    def block_due(self, now: int) -> bool:
        """Whether the datagram polled now carries a timing block."""
        return self.total < 10 or self.last_block is None or now - self.last_block >= self.ping
