"""A model and a line peer as one endpoint: both get the same calls, and must do the same."""

from __future__ import annotations

from pathlib import Path

import body
import control
import wire_classic
import wire_compact
import word
from endpoint import Answer, Settings
from lines import LinePeer
from model_classic import ClassicModel
from model_compact import CompactModel
from reports import LAST

# How often `catch_up` wakes both.
LONGEST_SLEEP = 100_000

COUNTS = ("ok", "refused", "inputs", "sent", "calls")


class Disagreement(Exception):
    """A difference between the model and the line peer."""


class Twin:
    """A model and a line peer with the same settings."""

    def __init__(self, settings: Settings, path: Path) -> None:
        """Starts both."""
        self.settings = settings
        self.model: CompactModel | ClassicModel
        if settings.wire == "classic":
            self.model = ClassicModel(settings)
        else:
            self.model = CompactModel(settings)
        self.line = LinePeer(settings, path)
        self.counts = dict.fromkeys(COUNTS, 0)

    # The calls of an endpoint. Each is at a moment of its own: the text leaves open whether two
    # datagrams of a kind may be sent at one moment if something happens in between.

    def _call_later(self, name: str, now: int, *arguments: object) -> Answer:
        """Makes a call after every call before it."""
        return self.call(name, max(now, self.model.now + 1), *arguments)

    def catch_up(self, now: int) -> None:
        """Wakes both every 100 ms before a call at `now`."""
        while self.counts["calls"] and now - self.model.now > LONGEST_SLEEP:
            self.call("time", self.model.now + LONGEST_SLEEP)

    def push(self, now: int, data: bytes) -> Answer:
        """Pushes an input."""
        return self._call_later("push", now, data)

    def receive(self, now: int, datagram: bytes, player: int | None = None) -> Answer:
        """Receives a datagram from a peer."""
        return self._call_later("receive", now, datagram, player)

    def time(self, now: int) -> Answer:
        """Advances the time."""
        return self._call_later("time", now)

    def begin(self, now: int, epoch: int) -> Answer:
        """Begins an epoch."""
        return self._call_later("begin", now, epoch)

    def bye(self, now: int) -> Answer:
        """Closes the session."""
        return self._call_later("bye", now)

    def close(self, now: int, player: int | None = None) -> Answer:
        """Reports that the transport has closed."""
        return self._call_later("close", now, player)

    def open(self, now: int, player: int | None = None) -> Answer:
        """Reports that the transport has opened again."""
        return self._call_later("open", now, player)

    def drop(self, now: int, player: int) -> Answer:
        """Disconnects a peer."""
        return self._call_later("drop", now, player)

    def remove(self, now: int, player: int) -> Answer:
        """Removes a peer."""
        return self._call_later("remove", now, player)

    def join(self, now: int, player: int, frame: int) -> Answer:
        """Adds a peer from a join frame; at the moment of the call before, so that a joiner can begin."""
        return self.call("join", max(now, self.model.now), player, frame)

    def mute(self) -> Answer:
        """Stops polling."""
        return self.call("mute")

    def unmute(self) -> Answer:
        """Resumes polling."""
        return self.call("unmute")

    def stats(self, player: int | None = None) -> Answer:
        """Requests statistics, and compares those that the document specifies."""
        answer = self.call("stats", player)
        got = dict(self.line.last.stats)
        if got.get("health") in ("Good", "Warning", "Critical", "Deaf"):
            got["health"] = "received"
        for name, value in answer.stats.items():
            figure = got[name]
            rounded = isinstance(value, float) and isinstance(figure, (int, float))
            if name == "rtt_us" and rounded and abs(figure - value) <= 16:
                continue
            if name == "lead_millis" and rounded and abs(figure - value) <= 2:
                continue
            if figure != value:
                raise Disagreement(f"stats: {name} is {got[name]}, the model has {value}")
        return answer

    def stop(self) -> None:
        """Stops both."""
        self.line.stop()

    def kill(self) -> None:
        """Kills the line peer if it still runs."""
        self.line.kill()

    # Comparing.

    def call(self, name: str, *arguments: object) -> Answer:
        """Makes a call to both and compares the answers."""
        got: Answer = getattr(self.line, name)(*arguments)
        if isinstance(self.model, ClassicModel):
            self.model.hint = any(d[0] == wire_classic.INPUT_REQUEST for d in got.sent)
        else:
            for player, link in self.model.links.items():
                link.hint = got.sent_to.get(player, [])
        wanted: Answer = getattr(self.model, name)(*arguments)
        self.model.asked = got.timeout
        self.counts["calls"] += 1
        if name == "receive":
            self.counts["ok" if wanted.result == "ok" else "refused"] += 1
        self.counts["inputs"] += len(wanted.inputs)
        self.counts["sent"] += len(wanted.sent)
        self._compare(got, wanted)
        return wanted

    def _compare(self, got: Answer, wanted: Answer) -> None:
        """Raises if two answers differ in anything that the document specifies."""
        if got.result != wanted.result:
            raise Disagreement(f"the line peer answers {got.result} {got.detail}, "
                               f"the model {wanted.result} {wanted.detail}")
        if wanted.result == "pushed" and got.detail != wanted.detail:
            raise Disagreement(f"pushed {got.detail}, the model {wanted.detail}")
        for player in got.inputs_of | wanted.inputs_of:
            inputs = [answer.inputs_of.get(player, []) for answer in (got, wanted)]
            if inputs[0] != inputs[1]:
                raise Disagreement(f"delivered of player {player} {shown(inputs[0])}, "
                                   f"the model {shown(inputs[1])}")
        if sorted(got.departed) != sorted(wanted.departed):
            raise Disagreement(f"departed are {got.departed}, for the model {wanted.departed}")
        self._compare_reports(got.events, wanted.events)
        for player in got.sent_to | wanted.sent_to:
            self._compare_sent(player, got.sent_to.get(player, []), wanted.sent_to.get(player, []))
        if wanted.timeout is not None and (got.timeout is None or got.timeout > wanted.timeout):
            raise Disagreement(f"next {got.timeout} is too late, the model has a datagram "
                               f"due at {wanted.timeout}")

    def _compare_sent(self, player: int, got: list[bytes], wanted: list[bytes]) -> None:
        """Raises if the datagrams to a peer differ; kinds come in any order, but hellos first."""
        for datagram in got:
            self._check_sent(player, datagram)
        hellos = [datagram[0] != control.HELLO for datagram in got]
        is_compact = self.settings.wire == "compact"
        if sorted(got) != sorted(wanted) or is_compact and hellos != sorted(hellos):
            raise Disagreement(f"sent player {player} {[d.hex() for d in got]}, "
                               f"the model {[d.hex() for d in wanted]}")

    def _compare_reports(self, got: list[str], wanted: list[str]) -> None:
        """Raises if the reports differ, or those of a peer come in another order than 3.7 says."""
        if sorted(got) != sorted(wanted):
            raise Disagreement(f"reported {got}, the model {wanted}")
        if not self.settings.peers and (order := [report.split()[0] in LAST for report in got]) != sorted(order):
            raise Disagreement(f"reported in this order: {got}")

    def _check_sent(self, player: int, datagram: bytes) -> None:
        """Decodes a datagram of the line peer and encodes it again."""
        model = self.model
        again = datagram
        if isinstance(model, ClassicModel):
            again = wire_classic.encode(wire_classic.decode(datagram))
        elif datagram[0] == word.WORD:
            direction = model.links[player].outbound()
            again = word.encode_word(direction, word.open_word(direction, datagram))
        elif datagram[0] & 0x80:
            link = model.links[player]
            direction = link.outbound()
            # A datagram after a cut one need not begin with what is acknowledged.
            got = wire_compact.decode(direction, datagram, link.reach, link.recv_next)
            reference = link.reference(link.local_inputs, got.base)
            inputs = body.resolve(got.inputs, reference)
            again = wire_compact.encode(direction, got.base, reference, inputs, got.ack, got.timing)
        if again != datagram:
            raise Disagreement(f"sent {datagram.hex()}, which encodes again as {again.hex()}")


def shown(inputs: list[tuple[int, bytes]]) -> str:
    """Delivered inputs as text."""
    return " ".join(f"{frame}={data.hex()}" for frame, data in inputs) or "none"
