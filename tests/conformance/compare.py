"""Random sessions in which a model and a line peer get the same calls and must do the same."""

from __future__ import annotations

from pathlib import Path
from random import Random

import body
import cases_classic
import cases_compact
import wire_classic
import wire_compact
from endpoint import Answer
from lines import Broken, LinePeer
from model_classic import ClassicModel
from model_compact import CompactModel

Case = cases_compact.CompactCase | cases_classic.ClassicCase


# The text leaves open how a late call counts as silence, so both are called at least this often.
LONGEST_SLEEP = 100_000

COUNTS = ("ok", "refused", "inputs", "sent", "calls")


class Disagreement(Exception):
    """A difference between the model and the line peer."""


def is_classic(case: int) -> bool:
    """Whether a case is one of the classic wire, as every fourth is."""
    return case % 4 == 3


class Comparison:
    """One session of both, call by call."""

    def __init__(self, seed: str, case: int, path: Path) -> None:
        """Starts both with the same random settings."""
        self.rng = rng = Random(f"{seed}/datagrams/{case}")
        self.model: CompactModel | ClassicModel
        self.case: Case
        if is_classic(case):
            self.settings = cases_classic.random_settings(rng)
            self.model = ClassicModel(self.settings)
            self.case = cases_classic.ClassicCase(rng, self.model)
        else:
            self.settings = cases_compact.random_settings(rng)
            self.model = CompactModel(self.settings)
            self.case = cases_compact.CompactCase(rng, self.model)
        self.line = LinePeer(self.settings, path)
        self.datagrams = rng.randint(20, 150)
        self.counts = dict.fromkeys(COUNTS, 0)
        self.last_timeout: int | None = None

    def run(self, most: int) -> None:
        """Runs the session, with at most `most` datagrams."""
        rng = self.rng
        try:
            start = rng.choice([0, 0, 1, rng.randrange(1 << 34), rng.randrange(1 << 62)])
            self.call_at("time", start)
            done = 0
            while done < min(self.datagrams, most):
                done += self._step()
            self._compare_stats()
            self.line.stop()
        finally:
            self.line.kill()

    def _fresh(self) -> int:
        """A time for a call that makes a datagram due at once, later than any call before it.

        The text leaves open whether two datagrams of a kind may be sent at one moment if something
        happens in between, so that is not tested.
        """
        return max(self._later(), self.model.now + 1)

    def _later(self) -> int:
        """A time for the next call: a little later, earlier, or about the next timeout."""
        rng, now, s = self.rng, self.model.now, self.settings
        how = rng.random()
        if how < 0.3:
            return now
        if how < 0.35:
            return max(0, now - rng.randint(0, 50_000))
        if how < 0.5 and self.last_timeout is not None:
            return max(0, self.last_timeout - rng.choice([0, 0, 1]))
        if how < 0.985:
            return now + rng.choice([1, 250, 1000, s.frame_us, s.frame_us // 3,
                                     rng.randint(0, 40_000)])
        return now + rng.choice([s.ping_us, 2_100_000, 1_000_000, 10_000_000, 10_000_001,
                                 rng.randint(0, 12_000_000)])

    def _step(self) -> int:
        """Makes one call, and returns the number of datagrams received by it."""
        rng, model = self.rng, self.model
        now = self._later() if isinstance(model, CompactModel) else self._fresh()
        how = rng.random()
        if how < 0.55:
            self.call_at("time", now)  # The datagram is made for this time.
            self.call("receive", now, self.case.datagram())
            return 1
        waits = isinstance(model, CompactModel) and model.restarted
        if how < 0.75:
            self.call_at("push", self._fresh(), self.case.push_data())
        elif how < 0.96:
            if waits and rng.random() < 0.3:
                self.call_at("begin", self._fresh(), model.epoch + 1)
            else:
                self.call_at("time", now)
        elif how < 0.97:
            step = rng.choice([1, 1, 2, 3, 4, 5, 1000, 0, -1])
            self.call_at("begin", self._fresh(), min(max(model.epoch + step, 0), 0xFFFFFFFF))
        elif how < 0.985:
            self.call_at("close" if model.is_open else "open", self._fresh())
        elif how < 0.99:
            self.call("unmute" if model.is_muted else "mute")
        elif not model.is_open:
            self.call_at("open", self._fresh())
        elif model.is_muted:
            self.call("unmute")
        return 0

    def call_at(self, name: str, now: int, *arguments: object) -> None:
        """Makes a call at a moment, after waking both as often as a caller must."""
        if self.counts["calls"]:
            while now - self.model.now > LONGEST_SLEEP:
                self.call("time", self.model.now + LONGEST_SLEEP)
        self.call(name, now, *arguments)

    def call(self, name: str, *arguments: object) -> None:
        """Makes a call to both and compares the answers."""
        got: Answer = getattr(self.line, name)(*arguments)
        if isinstance(self.model, ClassicModel):
            self.model.hint = any(d[0] == wire_classic.INPUT_REQUEST for d in got.sent)
        wanted: Answer = getattr(self.model, name)(*arguments)
        self.counts["calls"] += 1
        if name == "receive":
            self.counts["ok" if wanted.result == "ok" else "refused"] += 1
        self.counts["inputs"] += len(wanted.inputs)
        self.counts["sent"] += len(wanted.sent)
        self._compare(got, wanted)
        self.case.reflected += got.sent
        self.last_timeout = wanted.timeout

    def _compare(self, got: Answer, wanted: Answer) -> None:
        """Raises if two answers differ in anything that the document specifies."""
        if got.result != wanted.result:
            raise Disagreement(f"the line peer answers {got.result} {got.detail}, "
                               f"the model {wanted.result} {wanted.detail}")
        if wanted.result == "pushed" and got.detail != wanted.detail:
            raise Disagreement(f"pushed {got.detail}, the model {wanted.detail}")
        if got.inputs != wanted.inputs:
            raise Disagreement(f"delivered {shown(got.inputs)}, the model {shown(wanted.inputs)}")
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

    def _check_sent(self, datagram: bytes) -> None:
        """Decodes a datagram of the line peer and encodes it again."""
        model = self.model
        again = datagram
        if isinstance(model, ClassicModel):
            again = wire_classic.encode(wire_classic.decode(datagram))
        elif datagram[0] & 0x80:
            direction = model.outbound()
            got = wire_compact.decode(direction, datagram, model.acked, model.recv_next)
            reference = model.reference(model.local_inputs, got.base)
            inputs = body.resolve(got.inputs, reference)
            again = wire_compact.encode(direction, got.base, reference, inputs, got.ack, got.timing)
        if again != datagram:
            raise Disagreement(f"sent {datagram.hex()}, which encodes again as {again.hex()}")

    def _compare_stats(self) -> None:
        """Compares the statistics that the document specifies."""
        got, wanted = self.line.stats().stats, self.model.statistics()
        for name, value in wanted.items():
            figure = got[name]
            rounded = isinstance(value, float) and isinstance(figure, (int, float))
            if name == "rtt_us" and rounded and abs(figure - value) <= 16:
                continue
            if figure != value:
                raise Disagreement(f"stats: {name} is {got[name]}, the model has {value}")


def shown(inputs: list[tuple[int, bytes]]) -> str:
    """Delivered inputs as text."""
    return " ".join(f"{frame}={data.hex()}" for frame, data in inputs) or "none"


def run_case(seed: str, case: int, path: Path, most: int, show: bool = False) -> Comparison:
    """Runs one case. A disagreement names the last command and the options."""
    comparison = Comparison(seed, case, path)
    try:
        comparison.run(most)
    except (Disagreement, Broken, wire_compact.Refused) as error:
        last = comparison.line.transcript[-1]
        raise Disagreement(
            f"{error}\n  after command {len(comparison.line.transcript)}: {last}\n"
            f"  model: {comparison.model.last_reason or 'ok'}, at {comparison.model.now}\n"
            f"  lines {' '.join(comparison.settings.options())}") from error
    finally:
        if show:
            print("\n".join(comparison.line.transcript))
    return comparison
