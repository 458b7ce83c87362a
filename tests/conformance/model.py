"""The part of a model endpoint that is the same on both wires: time, refusals, polling."""

from __future__ import annotations

from typing import Callable

from end import Answer, Failed, Settings
from wire_compact import Refused


class Model:
    """An end whose peer was added at time 0; the wires fill in the rest."""

    def __init__(self, settings: Settings) -> None:
        """Starts open, at time 0."""
        self.settings = settings
        self.now = 0
        self.is_open = True
        self.is_muted = False
        self.refused = 0
        self.told: list[tuple[int, bytes]] = []
        self.epoch = settings.epoch
        self.next = settings.first_frame
        self.last_reason = ""

    # What a wire fills in.

    def do_push(self, data: bytes) -> None:
        """Takes an input of ours."""
        raise NotImplementedError

    def do_receive(self, datagram: bytes) -> None:
        """Takes a datagram or raises `Refused`."""
        raise NotImplementedError

    def do_begin(self) -> None:
        """Starts an epoch anew."""
        raise NotImplementedError

    def do_open(self) -> None:
        """Takes note that the transport has opened again."""
        raise NotImplementedError

    def poll(self) -> list[bytes]:
        """The datagrams that are due now."""
        raise NotImplementedError

    def next_wake(self) -> int | None:
        """The next moment at which a datagram becomes due by itself."""
        raise NotImplementedError

    def statistics(self) -> dict[str, object]:
        """The figures that can be compared."""
        raise NotImplementedError

    # The calls of an end.

    def _answer(self, now: int, call: Callable[[], None], result: str = "ok") -> Answer:
        """Moves the time on, makes a call, and collects what follows from it."""
        self.now = max(self.now, now)
        self.told = []
        answer = Answer(result)
        try:
            call()
        except Refused as reason:
            self.refused += 1
            answer = Answer("refused", str(reason))
        except Failed as reason:
            answer = Answer("error", str(reason))
        self.last_reason = answer.detail
        answer.inputs = self.told
        if self.is_open and not self.is_muted:
            answer.sent = self.poll()
            answer.next = self.next_wake()
        return answer

    def push(self, now: int, data: bytes) -> Answer:
        """Pushes an input."""
        frame = self.next

        def call() -> None:
            """Refuses to push, or pushes."""
            if len(data) != self.settings.input_size:
                raise Failed("size")
            if self.next == 0xFFFFFFFF:
                raise Failed("last frame")
            self.do_push(data)

        answer = self._answer(now, call, "pushed")
        if answer.result == "pushed":
            answer.detail = str(frame)
        return answer

    def receive(self, now: int, datagram: bytes) -> Answer:
        """Hands over a datagram from the peer."""
        return self._answer(now, lambda: self.do_receive(datagram))

    def time(self, now: int) -> Answer:
        """Tells the time."""
        return self._answer(now, lambda: None)

    def begin(self, now: int, epoch: int) -> Answer:
        """Begins an epoch."""

        def call() -> None:
            """Refuses to begin, or begins."""
            if epoch <= self.epoch:
                raise Failed("epoch")
            self.epoch = epoch
            self.next = self.settings.first_frame
            self.do_begin()

        return self._answer(now, call)

    def close(self, now: int) -> Answer:
        """Says that the transport has closed."""

        def call() -> None:
            """Closes."""
            self.is_open = False

        return self._answer(now, call)

    def open(self, now: int) -> Answer:
        """Says that the transport has opened again."""

        def call() -> None:
            """Opens."""
            self.is_open = True
            self.do_open()

        return self._answer(now, call)

    def mute(self) -> Answer:
        """Stops polling."""
        self.is_muted = True
        return self._answer(0, lambda: None)

    def unmute(self) -> Answer:
        """Goes on polling."""
        self.is_muted = False
        return self._answer(0, lambda: None)

    def stats(self) -> Answer:
        """Asks for statistics."""
        answer = self._answer(0, lambda: None)
        answer.stats = self.statistics()
        return answer

    def stop(self) -> None:
        """Ends the end: there is nothing to do."""
