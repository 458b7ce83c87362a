"""How long the peer has been silent, and how long it may be, even if nobody looked (section 1)."""

from __future__ import annotations

from endpoint import Settings

SECOND = 1_000_000
SHORTEST_PING = 20_000
LONGEST_PING = 10 * SECOND
# How late a call may be, and how long it takes to drain a socket after a later one.
PATIENCE = 25_000


class Liveness:
    """The signs of life of a peer."""

    def __init__(self, settings: Settings, now: int = 0) -> None:
        """Starts without a sign of life, when the peer is added."""
        self._settings = settings
        self._peer_ping: int | None = None
        self._silent_since = now
        self._is_connecting = True
        self._sign_of_run: int | None = None
        self._last_call = now
        # A round trip that began earlier measures how late the endpoint was called.
        self.trips_count_since = now
        # Up to when silence is judged after a late call, and when that ends.
        self._judged_to = 0
        self._drained_at = 0

    def called(self, now: int, asked: int | None, measures_itself: bool) -> None:
        """The endpoint, which asked to be called at a moment, is called now.

        Round trips that began before a late call may measure the endpoint itself.
        """
        if asked is not None and now > asked + PATIENCE:
            self._judged_to = self._last_call
            self._drained_at = now + PATIENCE
        if measures_itself:
            self.trips_count_since = now
        self._last_call = now

    def set_peer_ping(self, ping_us: int | None) -> None:
        """The ping interval that a hello carried; None while it is unknown."""
        if ping_us is not None:
            ping_us = min(max(ping_us, SHORTEST_PING), LONGEST_PING)
        self._peer_ping = ping_us

    @property
    def ping(self) -> int:
        """The greater of both ping intervals, P."""
        return max(self._settings.ping_us, self._peer_ping or 0)

    @property
    def limit(self) -> int:
        """The interrupt limit I."""
        return max(self._settings.interrupt_us, self.ping * 5 // 2)

    def run_became_known(self) -> None:
        """The peer's run is another one now."""
        self._sign_of_run = None

    def opened(self, now: int) -> None:
        """The transport has opened again."""
        self._silent_since = now
        self._is_connecting = True

    def sign(self, now: int) -> None:
        """A sign of life of the peer's run."""
        self._silent_since = self._sign_of_run = now
        self._is_connecting = False

    @property
    def received_at(self) -> int:
        """When the peer was last received, or when its transport opened."""
        return self._silent_since

    def silence(self, now: int) -> int:
        """The silence of the peer, as far as it is judged."""
        return max(self.judged(now) - self._silent_since, 0)

    def judged(self, now: int) -> int:
        """Up to when the peer is judged: after a late call, datagrams may wait in the socket."""
        return self._judged_to if now < self._drained_at else now

    def is_heard(self, now: int) -> bool:
        """Whether the peer was heard within half the limit, late calls or not."""
        return now - self._silent_since <= self.limit // 2

    def is_alive(self, now: int) -> bool:
        """Whether the peer is alive."""
        return self._sign_of_run is not None and now - self._sign_of_run < self.limit

    def end_of_life(self) -> int:
        """The moment at which the peer is no longer alive, unless a sign of life comes."""
        return 0 if self._sign_of_run is None else self._sign_of_run + self.limit

    def health(self, now: int) -> str:
        """The part of the peer's health that follows from silence."""
        if self._is_connecting:
            return "Connecting"
        if self.silence(now) >= max(self._settings.disconnect_us, self.limit):
            return "Disconnected"
        return "Interrupted" if self.silence(now) >= self.limit else "received"
