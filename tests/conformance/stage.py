"""Two endpoints whose time and network a scene rules: each a line peer with its model, or a model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Callable

import control
from endpoint import Answer, Endpoint, Settings
from virtual_time import VirtualTime

Maker = Callable[[Settings], Endpoint]

MS = 1_000
SECOND = 1_000_000
DELAY = 30 * MS
FRAME = 16_667
LIMIT = 500 * MS  # I, with the default settings


class Failure(Exception):
    """A scene that does not hold."""


def claim(holds: bool, text: str) -> None:
    """Raises unless something holds."""
    if not holds:
        raise Failure(text)


@dataclass
class End:
    """One endpoint, and what it did."""

    settings: Settings
    endpoint: Endpoint
    name: str
    is_running: bool = True
    epoch: int = 0
    delivered: list[tuple[int, int]] = field(default_factory=list)  # frame, time
    reports: list[tuple[str, int]] = field(default_factory=list)  # report, time
    sent: list[bytes] = field(default_factory=list)
    is_asleep: bool = False  # Whether nobody calls it.
    sent_at: list[int] = field(default_factory=list)
    wake: int | None = None

    def times(self, name: str) -> list[int]:
        """When a report came."""
        return [moment for report, moment in self.reports if report.split()[0] == name]


class Scene(VirtualTime):
    """Two endpoints on a network that delays and loses datagrams as it is told: by 30 ms, and none."""

    def __init__(self, settings: Settings, make: Maker) -> None:
        """Starts without endpoints, at time 0."""
        super().__init__()
        self.make = make
        self.settings = settings
        self.ends: list[End] = []
        self.is_lost: Callable[[End], bool] = lambda sender: False
        self.delay: Callable[[], int] = lambda: DELAY
        self.input: Callable[[End], bytes] = lambda end: bytes(end.settings.input_len)

    def start(self, name: str, player: int, incarnation: int, **changes: object) -> End:
        """Starts an endpoint; its peer is the other player."""
        base = self.settings if player == 0 else self.settings.other(0, None)
        settings = replace(base, incarnation=incarnation, **changes)
        end = End(settings, self.make(settings), name, epoch=settings.epoch)
        self.ends.append(end)
        self.do(end, end.endpoint.time(self.now))
        return end

    def every(self, interval: int, event: Callable[[], None]) -> None:
        """Does something again and again."""

        def again() -> None:
            """Once more."""
            event()
            self.at(self.now + interval, again)

        self.at(self.now + interval, again)

    def do(self, end: End, answer: Answer) -> Answer:
        """Notes what a call did, and sends its datagrams."""
        end.delivered += [(frame, self.now) for frame, _ in answer.inputs]
        end.reports += [(report, self.now) for report in answer.events]
        end.sent += answer.sent
        end.sent_at += [self.now] * len(answer.sent)
        for datagram in answer.sent:
            if not self.is_lost(end):
                self.at(self.now + self.delay(), lambda datagram=datagram: self._arrive(end, datagram))
        if answer.timeout is not None:
            moment = max(answer.timeout, self.now + 1)
            if end.wake is None or moment < end.wake:
                end.wake = moment
                self.at(moment, lambda: self._ring(end, moment))
        return answer

    def _arrive(self, sender: End, datagram: bytes) -> None:
        """Delivers a datagram to every endpoint of the other player."""
        for end in self.ends:
            if end.settings.local_player != sender.settings.local_player:
                self.receive(end, datagram)

    def _ring(self, end: End, moment: int) -> None:
        """Wakes an endpoint, unless its alarm was set again."""
        if end.is_running and end.wake == moment:
            end.wake = None
            if end.is_asleep:
                self.at(self.now + MS, lambda: self._ring(end, self.now))
                end.wake = self.now + MS
                return
            self.do(end, end.endpoint.time(self.now))

    def receive(self, end: End, datagram: bytes) -> None:
        """Hands a datagram to an endpoint."""
        if end.is_running and not end.is_asleep:
            self.do(end, end.endpoint.receive(self.now, datagram))

    def push(self, end: End) -> None:
        """Pushes an input."""
        if end.is_running and not end.is_asleep:
            self.do(end, end.endpoint.push(self.now, self.input(end)))

    def play(self, *ends: End) -> None:
        """Pushes an input a frame from now on."""
        for end in ends:
            self.every(FRAME, lambda end=end: self.push(end))

    def stop(self, end: End) -> None:
        """Ends an endpoint as if it was killed."""
        end.is_running = False
        end.endpoint.stop()

    def health(self, end: End) -> str:
        """The part of the health that follows from silence."""
        return str(end.endpoint.stats().stats["health"])

    def finish(self) -> None:
        """Ends every endpoint."""
        for end in self.ends:
            if end.is_running:
                self.stop(end)


def hello(of: End, **changes: object) -> bytes:
    """A hello like one of an endpoint, with some fields changed."""
    s = of.settings
    plain = control.Hello(1, s.local_player, s.peer_player, s.input_len, s.window, s.input_tag_size,
                          0, s.frame_us, s.ping_us // 1000, s.first_frame, of.epoch, 77 << 32, 1,
                          0, 0)
    return control.encode_hello(s.session_id, s.key, replace(plain, **changes))


def pair(scene: Scene) -> tuple[End, End]:
    """Two endpoints that play."""
    ends = scene.start("a", 0, 3 << 40), scene.start("b", 1, 5 << 40)
    scene.play(*ends)
    return ends
