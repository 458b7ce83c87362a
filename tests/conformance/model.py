"""The part of a model endpoint that both wires share: time, refusals, polling."""

from __future__ import annotations

from typing import Callable

from endpoint import LAST_FREE_EPOCH, Answer, Failed, Settings
from wire_compact import Refused


class Model:
    """An endpoint whose peer was added at time 0; each wire implements the rest."""

    def __init__(self, settings: Settings) -> None:
        """Starts open, at time 0."""
        self.settings = settings
        self.now = 0
        self.is_open = True
        self.is_muted = False
        self.is_closed = False  # Whether the session was closed.
        self.refused = 0
        self.delivered: list[tuple[int, bytes]] = []
        self.epoch = settings.epoch
        self.send_next = settings.first_frame
        self.last_reason = ""
        # When the endpoint, or the line peer that gets the same calls, asked to be called.
        self.asked: int | None = None

    # Implemented by each wire.

    def do_push(self, data: bytes) -> None:
        """Pushes a local input."""
        raise NotImplementedError

    def do_receive(self, datagram: bytes) -> None:
        """Receives a datagram, or raises `Refused`."""
        raise NotImplementedError

    def do_begin(self) -> None:
        """Begins an epoch."""
        raise NotImplementedError

    def do_open(self) -> None:
        """Handles the reopening of the transport."""
        raise NotImplementedError

    def do_close(self) -> None:
        """Handles the closing of the transport."""

    def do_bye(self) -> None:
        """Closes the session, which is not closed yet."""

    def called(self) -> None:
        """Notes that a call gave the present time."""

    def settle(self) -> None:
        """Does what follows from the time alone, before and after each call."""

    def may_begin(self, epoch: int) -> bool:
        """Whether an epoch that is greater than the present one may begin."""
        return epoch <= LAST_FREE_EPOCH

    def take_reports(self) -> list[str]:
        """Takes the reports about the peer."""
        return []

    def poll(self) -> list[bytes]:
        """The datagrams that are due now."""
        raise NotImplementedError

    def next_timeout(self) -> int | None:
        """The next moment at which a datagram becomes due without another call."""
        raise NotImplementedError

    def statistics(self) -> dict[str, object]:
        """The figures that can be compared."""
        raise NotImplementedError

    # The calls of an endpoint.

    def _answer(self, now: int | None, call: Callable[[], None], result: str = "ok") -> Answer:
        """Advances the time, if the call has one, makes the call, and collects its effects."""
        if now is not None:
            self.now = max(self.now, now)
            self.called()
        self.delivered = []
        self.settle()
        answer = Answer(result)
        try:
            call()
        except Refused as reason:
            self.refused += 1
            answer = Answer("refused", str(reason))
        except Failed as reason:
            answer = Answer("error", str(reason))
        self.settle()
        self.last_reason = answer.detail
        answer.inputs = self.delivered
        answer.events = self.take_reports()
        if self.is_open and not self.is_muted:
            answer.sent = self.poll()
            answer.timeout = self.next_timeout()
        self.asked = answer.timeout
        return answer

    def push(self, now: int, data: bytes) -> Answer:
        """Pushes an input."""
        frame = self.send_next

        def call() -> None:
            """Pushes, or raises `Failed`."""
            if len(data) != self.settings.input_len:
                raise Failed("wrong size")
            if self.is_closed:
                raise Failed("Closed")
            if self.send_next == 0xFFFFFFFF:
                raise Failed("FramesExhausted")
            self.do_push(data)

        answer = self._answer(now, call, "pushed")
        if answer.result == "pushed":
            answer.detail = str(frame)
        return answer

    def receive(self, now: int, datagram: bytes) -> Answer:
        """Receives a datagram from the peer."""
        return self._answer(now, lambda: self.do_receive(datagram))

    def time(self, now: int) -> Answer:
        """Advances the time."""
        return self._answer(now, lambda: None)

    def begin(self, now: int, epoch: int) -> Answer:
        """Begins an epoch."""

        def call() -> None:
            """Begins, or raises `Failed`."""
            if self.is_closed:
                raise Failed("Closed")
            if epoch <= self.epoch:
                raise Failed("NotNewer")
            if not self.may_begin(epoch):
                raise Failed("TooGreat")
            self.epoch = epoch
            self.send_next = self.settings.first_frame
            self.do_begin()

        return self._answer(now, call)

    def bye(self, now: int) -> Answer:
        """Closes the session."""

        def call() -> None:
            """Closes, unless it is closed."""
            if not self.is_closed:
                self.is_closed = True
                self.do_bye()

        return self._answer(now, call)

    def close(self, now: int) -> Answer:
        """Reports that the transport has closed."""

        def call() -> None:
            """Closes."""
            self.is_open = False
            self.do_close()

        return self._answer(now, call)

    def open(self, now: int) -> Answer:
        """Reports that the transport has opened again."""

        def call() -> None:
            """Opens, unless it is open; that brings no closed session back."""
            if not self.is_open and not self.is_closed:
                self.is_open = True
                self.do_open()

        return self._answer(now, call)

    def mute(self) -> Answer:
        """Stops polling."""
        self.is_muted = True
        return self._answer(None, lambda: None)

    def unmute(self) -> Answer:
        """Resumes polling."""
        self.is_muted = False
        return self._answer(None, lambda: None)

    def stats(self) -> Answer:
        """Requests statistics."""
        answer = self._answer(None, lambda: None)
        answer.stats = self.statistics()
        return answer

    def stop(self) -> None:
        """Stops the endpoint, for which there is nothing to do."""
