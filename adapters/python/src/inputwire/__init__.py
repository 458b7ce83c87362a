"""Player inputs over lossy networks, as a state machine: you bring the socket, or use `inputwire.aio`.

    session = Session(session_id=0x1badcafe, local_player=0)
    peer = session.add_peer(player=1)

    session.push_input(b"\\x01")                    # a frame, once Connected came; raises WindowFull while the peer lags
    session.handle_datagram(peer, received)        # whatever came from the peer's address
    session.handle_timeout()                       # at session.poll_timeout()

    for event in session.events(): ...             # after each of these: first the events,
    for peer, datagram in session.transmits(): ... # then the datagrams

Times are seconds of `time.monotonic()`; every call that takes one has it as an optional last argument.
"""

from ._abi import ABI_VERSION, MAX_DATAGRAM_SIZE, WINDOW, DepartureKind, Field, Health, RouteCause, Status
from .events import (
    Conflict, Connected, Departed, Departing, Desync, Dropped, EpochAhead, Event, Flushed, HealthChanged, Input, LocalStall,
    Lost, Mismatch, Other, OutOfSync, PeerClosed, Replaced, Restarted, SecondRun, Unreadable, WrongPlayers)
from .failover import Failover, Policy, RouteChange
from .hello import Fit, Hello
from .session import Departure, InputwireError, Pace, Session, Stats, TooFarAhead, WindowFull

__all__ = [
    "ABI_VERSION", "MAX_DATAGRAM_SIZE", "WINDOW", "Conflict", "Connected", "Departed", "Departing",
    "Departure", "DepartureKind", "Desync", "Dropped", "EpochAhead", "Event", "Failover",
    "Field", "Fit", "Flushed", "Health", "HealthChanged", "Hello", "Input", "InputwireError", "LocalStall", "Lost", "Mismatch", "Other",
    "OutOfSync", "Pace", "PeerClosed", "Policy", "Replaced", "Restarted", "RouteCause", "RouteChange", "SecondRun",
    "Session", "Stats", "Status", "TooFarAhead", "Unreadable", "WindowFull", "WrongPlayers",
]
