"""Whether the peer hears the local endpoint (section 1)."""

from __future__ import annotations

from liveness import Liveness

LEAST_PATIENCE = 2_000_000


class Deafness:
    """When the peer responded, and since when sent inputs have been unacknowledged."""

    def __init__(self, liveness: Liveness) -> None:
        """Starts with a peer that was just added."""
        self._liveness = liveness
        self._responded = 0
        self._owed_since: int | None = None

    def responded(self, now: int) -> None:
        """An acknowledgement moved, an echo gave an RTT, or an epoch's first datagram came."""
        self._responded = now

    def acknowledged(self, now: int, is_owed: bool) -> None:
        """`acked` moved; whether inputs that were sent are still unacknowledged."""
        self._owed_since = now if is_owed else None

    def sent(self, now: int, is_owed: bool) -> None:
        """An input datagram was sent; whether anything sent is unacknowledged."""
        if is_owed and self._owed_since is None:
            self._owed_since = now

    def epoch_began(self) -> None:
        """Unacknowledged inputs are abandoned."""
        self._owed_since = None

    def is_deaf(self, now: int, rtt: float | None) -> bool:
        """Whether the peer is deaf if it is received."""
        limit = self._liveness.limit
        now = self._liveness.judged(now)
        if now - self._responded >= limit + max(LEAST_PATIENCE, self._liveness.ping + 500_000):
            return True
        if self._owed_since is None or rtt is None:
            return False
        return (now - self._owed_since >= limit + rtt
                and self._responded < self._owed_since + limit // 2 + rtt)
