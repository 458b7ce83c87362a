"""An application in a storm: an endpoint with a clock and an alarm of its own."""

from __future__ import annotations

from typing import Protocol

from endpoint import Answer, Endpoint, Settings
from network import World


class Surroundings(Protocol):
    """What an application needs of its storm."""

    world: World


class Application:
    """An application, which handles answers in a way of its own."""

    def __init__(self, storm: Surroundings, settings: Settings, endpoint: Endpoint) -> None:
        """Starts now, at time 0 of its own clock."""
        self.world = storm.world
        self.settings = settings
        self.endpoint = endpoint
        self.born = self.world.now
        self.epoch = settings.epoch
        self.next_frame = settings.first_frame
        self.announced = 0
        self.is_over = self.is_leaving = False
        self.wake: int | None = None

    @property
    def clock(self) -> int:
        """The time of its own clock."""
        return self.world.now - self.born

    def handle(self, answer: Answer) -> Answer:
        """Does what follows from an answer."""
        raise NotImplementedError

    def set_alarm(self, timeout: int | None) -> None:
        """Wakes the endpoint at a time of its clock, unless it is woken before."""
        if timeout is not None:
            moment = max(timeout + self.born, self.world.now + 1)
            if self.wake is None or moment < self.wake:
                self.wake = moment
                self.world.at(moment, lambda: self._ring(moment))

    def _ring(self, moment: int) -> None:
        """Wakes the endpoint, unless the alarm was set again."""
        if self.wake == moment and not self.is_over:
            self.wake = None
            self.handle(self.endpoint.time(self.clock))

    def leave(self) -> None:
        """Closes its session."""
        self.is_leaving = True
        self.handle(self.endpoint.bye(self.clock))

    def end(self) -> None:
        """Ends at once."""
        self.is_over = True
        self.endpoint.stop()
