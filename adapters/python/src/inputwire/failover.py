"""Chooses between a direct route to a peer and a relay."""

from __future__ import annotations

import ctypes as c
import enum
from typing import NamedTuple, Optional

from . import _abi
from ._abi import Health, RouteCause
from ._library import allocate, library
from .session import _check, _micros


class Policy(enum.IntEnum):
    """When the relay is used; the same at both endpoints."""

    STANDBY = _abi.POLICY_STANDBY
    SHADOW = _abi.POLICY_SHADOW
    ADAPTIVE = _abi.POLICY_ADAPTIVE
    ALWAYS = _abi.POLICY_ALWAYS


class RouteChange(NamedTuple):
    """Whether everything goes by the relay, too, from now on, and why."""

    relay: bool
    cause: RouteCause


class Failover:
    """Stands beside a session and decides for each datagram whether it goes by the relay, too.

    Feed it `handle_heard` and `handle_acked` for each datagram that the session accepted, `handle_health` for each
    `HealthChanged`, and ask `routes_for` once for each datagram that is sent.
    """

    def __init__(self, policy: Policy = Policy.STANDBY, *, every: int = 4, interrupt_after: float = 0.5) -> None:
        """Creates a failover that uses both routes at first. `every`: of `Policy.SHADOW`."""
        size = library.iw_failover_size()
        self._memory, start = allocate(size)
        self._failover = c.c_void_p()
        _check(library.iw_failover_init(
            start, size, policy, every, round(interrupt_after * 1e6), c.byref(self._failover)))
        self._number, self._long, self._change = c.c_uint32(), c.c_uint64(), _abi.RouteChangeStruct()

    def handle_heard(self, *, relay: bool, now: Optional[float] = None) -> None:
        """Handles a datagram that came by the relay or directly, and that the session accepted."""
        route = _abi.ROUTE_RELAY if relay else _abi.ROUTE_DIRECT
        _check(library.iw_failover_handle_heard(self._failover, _micros(now), route))

    def handle_health(self, health: Health, now: Optional[float] = None) -> None:
        """Handles the health of the peer."""
        _check(library.iw_failover_handle_health(self._failover, _micros(now), health))

    def handle_acked(self, next_frame: int, unacked: int, now: Optional[float] = None) -> None:
        """Handles what the peer has acknowledged: `session.next_frame` and `session.unacked(peer)`."""
        _check(library.iw_failover_handle_acked(self._failover, _micros(now), next_frame, unacked))

    def handle_timeout(self, now: Optional[float] = None) -> None:
        """Handles the passing of time."""
        _check(library.iw_failover_handle_timeout(self._failover, _micros(now)))

    def routes_for(self, next_frame: int) -> bool:
        """Returns whether the datagram that is sent next goes by the relay, too. It always goes directly."""
        _check(library.iw_failover_routes_for(self._failover, next_frame, c.byref(self._number)))
        return bool(self._number.value & _abi.ROUTE_RELAY)

    def poll_change(self) -> Optional[RouteChange]:
        """Returns the change of the routes since the last call, or None."""
        if not _check(library.iw_failover_poll_change(self._failover, c.byref(self._change))):
            return None
        return RouteChange(bool(self._change.routes & _abi.ROUTE_RELAY), RouteCause(self._change.cause))

    def poll_timeout(self) -> Optional[float]:
        """Returns when to call `handle_timeout`, or None."""
        found = _check(library.iw_failover_poll_timeout(self._failover, c.byref(self._long)))
        return self._long.value / 1e6 if found else None
