"""A model and a line peer as one endpoint: both get the same calls, and must do the same."""

from __future__ import annotations

from pathlib import Path

import body
import wire_classic
import wire_compact
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

    def receive(self, now: int, datagram: bytes) -> Answer:
        """Receives a datagram from the peer."""
        return self._call_later("receive", now, datagram)

    def time(self, now: int) -> Answer:
        """Advances the time."""
        return self._call_later("time", now)

    def begin(self, now: int, epoch: int) -> Answer:
        """Begins an epoch."""
        return self._call_later("begin", now, epoch)

    def bye(self, now: int) -> Answer:
        """Closes the session."""
        return self._call_later("bye", now)

    def close(self, now: int) -> Answer:
        """Reports that the transport has closed."""
        return self._call_later("close", now)

    def open(self, now: int) -> Answer:
        """Reports that the transport has opened again."""
        return self._call_later("open", now)

    def mute(self) -> Answer:
        """Stops polling."""
        return self.call("mute")

    def unmute(self) -> Answer:
        """Resumes polling."""
        return self.call("unmute")

    def stats(self) -> Answer:
        """Requests statistics, and compares those that the document specifies."""
        answer = self.call("stats")
        got = dict(self.line.last.stats)
        if got.get("health") in ("Good", "Warning", "Critical", "Deaf"):
            got["health"] = "received"
        for name, value in self.model.statistics().items():
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
            self.model.hint = got.sent
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
        if got.inputs != wanted.inputs:
            raise Disagreement(f"delivered {shown(got.inputs)}, the model {shown(wanted.inputs)}")
        self._compare_reports(got.events, wanted.events)
        for datagram in got.sent:
            self._check_sent(datagram)
        got_sent, wanted_sent = got.sent, wanted.sent
        if self.settings.wire == "classic":
            got_sent, wanted_sent = sorted(got_sent), sorted(wanted_sent)
        if got_sent != wanted_sent:
            raise Disagreement(f"sent {[d.hex() for d in got.sent]}, "
                               f"the model {[d.hex() for d in wanted.sent]}")
        if wanted.timeout is not None and (got.timeout is None or got.timeout > wanted.timeout):
            raise Disagreement(f"next {got.timeout} is too late, the model has a datagram "
                               f"due at {wanted.timeout}")

    def _compare_reports(self, got: list[str], wanted: list[str]) -> None:
        """Raises if the reports differ, or come in another order than 3.7 says."""
        if sorted(got) != sorted(wanted):
            raise Disagreement(f"reported {got}, the model {wanted}")
        if (order := [report.split()[0] in LAST for report in got]) != sorted(order):
            raise Disagreement(f"reported in this order: {got}")

    def _check_sent(self, datagram: bytes) -> None:
        """Decodes a datagram of the line peer and encodes it again."""
        model = self.model
        again = datagram
        if isinstance(model, ClassicModel):
            again = wire_classic.encode(wire_classic.decode(datagram))
        elif datagram[0] & 0x80:
            direction = model.outbound()
            # A datagram after a cut one need not begin with what is acknowledged.
            got = wire_compact.decode(direction, datagram, model.send_next, model.recv_next)
            reference = model.reference(model.local_inputs, got.base)
            inputs = body.resolve(got.inputs, reference)
            again = wire_compact.encode(direction, got.base, reference, inputs, got.ack, got.timing)
        if again != datagram:
            raise Disagreement(f"sent {datagram.hex()}, which encodes again as {again.hex()}")


def shown(inputs: list[tuple[int, bytes]]) -> str:
    """Delivered inputs as text."""
    return " ".join(f"{frame}={data.hex()}" for frame, data in inputs) or "none"
