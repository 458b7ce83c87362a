"""The part of a model endpoint that both wires share: time, refusals, polling."""

from __future__ import annotations

from typing import Callable

from endpoint import LAST_FREE_EPOCH, Answer, Failed, Settings
from wire_compact import Refused


class Model:
    """An endpoint whose peers were added at time 0; each wire implements the rest."""

    def __init__(self, settings: Settings) -> None:
        """Starts at time 0."""
        self.settings = settings
        self.now = 0
        self.is_muted = False
        self.is_closed = False  # Whether the session was closed.
        self.refused = 0
        self.delivered: dict[int, list[tuple[int, bytes]]] = {}
        self.epoch = settings.epoch
        self.send_next = settings.first_frame
        self.last_reason = ""
        # When the endpoint, or the line peer that gets the same calls, asked to be called.
        self.asked: int | None = None

    # Implemented by each wire.

    def do_push(self, data: bytes) -> None:
        """Pushes a local input."""
        raise NotImplementedError

    def do_receive(self, player: int, datagram: bytes) -> None:
        """Receives a datagram of a peer, or raises `Refused`."""
        raise NotImplementedError

    def do_begin(self) -> None:
        """Begins an epoch."""
        raise NotImplementedError

    def do_open(self, player: int) -> None:
        """Handles the reopening of the transport to a peer, which brings no closed session back."""
        raise NotImplementedError

    def do_close(self, player: int) -> None:
        """Handles the closing of the transport to a peer."""
        raise NotImplementedError

    def do_drop(self, player: int) -> None:
        """Disconnects a peer."""
        raise NotImplementedError

    def do_remove(self, player: int) -> None:
        """Removes a peer."""
        raise NotImplementedError

    def do_join(self, player: int, frame: int) -> None:
        """Adds a peer from a join frame."""
        raise NotImplementedError

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
        """Takes the reports about the peers."""
        return []

    def take_departed(self) -> list[tuple[int, int | None]]:
        """Takes the peers that have departed, each with its last frame."""
        return []

    def poll(self) -> dict[int, list[bytes]]:
        """The datagrams that are due now, by player."""
        raise NotImplementedError

    def next_timeout(self) -> int | None:
        """The next moment at which a datagram becomes due without another call."""
        raise NotImplementedError

    def statistics(self, player: int) -> dict[str, object]:
        """The figures about a peer that can be compared."""
        raise NotImplementedError

    # The calls of an endpoint.

    def deliver(self, player: int, frame: int, data: bytes) -> None:
        """Delivers an input of a peer."""
        self.delivered.setdefault(player, []).append((frame, data))

    def count_refusal(self, player: int) -> None:
        """Counts a refused datagram of a peer."""
        self.refused += 1

    def _answer(self, now: int | None, call: Callable[[], None], result: str = "ok") -> Answer:
        """Advances the time, if the call has one, makes the call, and collects its effects."""
        if now is not None:
            self.now = max(self.now, now)
            self.called()
        self.delivered = {}
        self.settle()
        answer = Answer(result)
        try:
            call()
        except Refused as reason:
            answer = Answer("refused", str(reason))
        except Failed as reason:
            answer = Answer("error", str(reason))
        self.settle()
        self.last_reason = answer.detail
        answer.inputs_of = self.delivered
        answer.departed = self.take_departed()
        answer.events = self.take_reports()
        if not self.is_muted:
            answer.sent_to = self.poll()
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

    def _player(self, player: int | None) -> int:
        """The player of a call: the first one, unless it names another one."""
        return self.settings.players[0] if player is None else player

    def receive(self, now: int, datagram: bytes, player: int | None = None) -> Answer:
        """Receives a datagram from a peer."""
        sender = self._player(player)

        def call() -> None:
            """Receives, and counts a refusal."""
            try:
                self.do_receive(sender, datagram)
            except Refused:
                self.count_refusal(sender)
                raise

        return self._answer(now, call)

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

    def close(self, now: int, player: int | None = None) -> Answer:
        """Reports that the transport has closed."""
        return self._answer(now, lambda: self.do_close(self._player(player)))

    def open(self, now: int, player: int | None = None) -> Answer:
        """Reports that the transport has opened again."""
        return self._answer(now, lambda: self.do_open(self._player(player)))

    def drop(self, now: int, player: int) -> Answer:
        """Disconnects a peer."""
        return self._answer(now, lambda: self.do_drop(player))

    def remove(self, now: int, player: int) -> Answer:
        """Removes a peer."""
        return self._answer(now, lambda: self.do_remove(player))

    def join(self, now: int, player: int, frame: int) -> Answer:
        """Adds a peer from a join frame."""
        return self._answer(now, lambda: self.do_join(player, frame))

    def mute(self) -> Answer:
        """Stops polling."""
        self.is_muted = True
        return self._answer(None, lambda: None)

    def unmute(self) -> Answer:
        """Resumes polling."""
        self.is_muted = False
        return self._answer(None, lambda: None)

    def stats(self, player: int | None = None) -> Answer:
        """Requests statistics."""
        figures: dict[str, object] = {}
        answer = self._answer(None, lambda: figures.update(self.statistics(self._player(player))))
        answer.stats = figures
        return answer

    def stop(self) -> None:
        """Stops the endpoint, for which there is nothing to do."""
