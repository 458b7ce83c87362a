"""Random sessions in which a model and a line peer are told the same and must do the same."""

from __future__ import annotations

from pathlib import Path
from random import Random

import body
import cases_classic
import cases_compact
import wire_classic
import wire_compact
from end import Answer
from lines import Broken, LinePeer
from model_classic import ClassicModel
from model_compact import CompactModel

Case = cases_compact.CompactCase | cases_classic.ClassicCase


# A caller that sleeps much longer than it was told is another matter than silence on the wire.
LONGEST_SLEEP = 100_000

COUNTS = ("ok", "refused", "inputs", "sent", "calls")


class Disagreement(Exception):
    """The model and the line peer differ."""


def is_classic(case: int) -> bool:
    """Whether a case is one of the classic wire: every fourth is."""
    return case % 4 == 3


class Duel:
    """One session, told to both."""

    def __init__(self, seed: str, case: int, path: Path) -> None:
        """Starts both with the same random settings."""
        self.rng = rng = Random(f"{seed}/datagrams/{case}")
        self.mirror: CompactModel | ClassicModel
        self.case: Case
        if is_classic(case):
            self.settings = cases_classic.random_settings(rng)
            self.mirror = ClassicModel(self.settings)
            self.case = cases_classic.ClassicCase(rng, self.mirror)
        else:
            self.settings = cases_compact.random_settings(rng)
            self.mirror = CompactModel(self.settings)
            self.case = cases_compact.CompactCase(rng, self.mirror)
        self.line = LinePeer(self.settings, path)
        self.datagrams = rng.randint(20, 150)
        self.counts = dict.fromkeys(COUNTS, 0)
        self.last_next: int | None = None

    def run(self, most: int) -> None:
        """Runs the session, with at most so many datagrams handed over."""
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
        """A moment of its own, for a call that makes a datagram due at once.

        Whether one moment may see two datagrams of a kind, if something happens in between, is
        thus left open.
        """
        return max(self._later(), self.mirror.now + 1)

    def _later(self) -> int:
        """A time for the next call: mostly a little later, at times a wake or an earlier time."""
        rng, now, s = self.rng, self.mirror.now, self.settings
        how = rng.random()
        if how < 0.3:
            return now
        if how < 0.35:
            return max(0, now - rng.randint(0, 50_000))
        if how < 0.5 and self.last_next is not None:
            return max(0, self.last_next - rng.choice([0, 0, 1]))
        if how < 0.985:
            return now + rng.choice([1, 250, 1000, s.frame_us, s.frame_us // 3,
                                     rng.randint(0, 40_000)])
        return now + rng.choice([s.ping_us, 2_100_000, 1_000_000, 10_000_000, 10_000_001,
                                 rng.randint(0, 12_000_000)])

    def _step(self) -> int:
        """Makes one call, and gives how many datagrams that handed over."""
        rng, mirror = self.rng, self.mirror
        now = self._later() if isinstance(mirror, CompactModel) else self._fresh()
        how = rng.random()
        if how < 0.55:
            self.call_at("time", now)  # So that the datagram fits the time it arrives at.
            self.call("receive", now, self.case.datagram())
            return 1
        waits = isinstance(mirror, CompactModel) and mirror.restarted
        if how < 0.75:
            self.call_at("push", self._fresh(), self.case.push_data())
        elif how < 0.96:
            if waits and rng.random() < 0.3:
                self.call_at("begin", self._fresh(), mirror.epoch + 1)
            else:
                self.call_at("time", now)
        elif how < 0.97:
            step = rng.choice([1, 1, 2, 3, 4, 5, 1000, 0, -1])
            self.call_at("begin", self._fresh(), min(max(mirror.epoch + step, 0), 0xFFFFFFFF))
        elif how < 0.985:
            self.call_at("close" if mirror.is_open else "open", self._fresh())
        elif how < 0.99:
            self.call("unmute" if mirror.is_muted else "mute")
        elif not mirror.is_open:
            self.call_at("open", self._fresh())
        elif mirror.is_muted:
            self.call("unmute")
        return 0

    def call_at(self, name: str, now: int, *arguments: object) -> None:
        """Makes a call at a moment, after waking both as often as a caller should."""
        if self.counts["calls"]:
            while now - self.mirror.now > LONGEST_SLEEP:
                self.call("time", self.mirror.now + LONGEST_SLEEP)
        self.call(name, now, *arguments)

    def call(self, name: str, *arguments: object) -> None:
        """Makes a call to both, and compares the answers."""
        got: Answer = getattr(self.line, name)(*arguments)
        if isinstance(self.mirror, ClassicModel):
            self.mirror.hint = any(d[0] == wire_classic.INPUT_REQUEST for d in got.sent)
        wanted: Answer = getattr(self.mirror, name)(*arguments)
        self.counts["calls"] += 1
        if name == "receive":
            self.counts["ok" if wanted.result == "ok" else "refused"] += 1
        self.counts["inputs"] += len(wanted.inputs)
        self.counts["sent"] += len(wanted.sent)
        self._compare(got, wanted)
        self.case.reflected += got.sent
        self.last_next = wanted.next

    def _compare(self, got: Answer, wanted: Answer) -> None:
        """Raises if two answers differ in what the document settles."""
        if got.result != wanted.result:
            raise Disagreement(f"the line peer says {got.result} {got.detail}, "
                               f"the model {wanted.result} {wanted.detail}")
        if wanted.result == "pushed" and got.detail != wanted.detail:
            raise Disagreement(f"pushed {got.detail}, the model {wanted.detail}")
        if got.inputs != wanted.inputs:
            raise Disagreement(f"inputs told {shown(got.inputs)}, the model {shown(wanted.inputs)}")
        for datagram in got.sent:
            self._check_sent(datagram)
        mine, theirs = got.sent, wanted.sent
        if self.settings.wire == "classic":
            mine, theirs = sorted(mine), sorted(theirs)
        if mine != theirs:
            raise Disagreement(f"sent {[d.hex() for d in got.sent]}, "
                               f"the model {[d.hex() for d in wanted.sent]}")
        if wanted.next is not None and (got.next is None or got.next > wanted.next):
            raise Disagreement(f"next {got.next} is too late, the model has a datagram "
                               f"due at {wanted.next}")

    def _check_sent(self, datagram: bytes) -> None:
        """Decodes a datagram of the line peer, and encodes it again."""
        mirror = self.mirror
        again = datagram
        if isinstance(mirror, ClassicModel):
            again = wire_classic.encode(wire_classic.decode(datagram))
        elif datagram[0] & 0x80:
            direction = mirror.outbound()
            got = wire_compact.decode(direction, datagram, mirror.acked, mirror.want)
            reference = mirror.reference(mirror.ours, got.base)
            inputs = body.resolve(got.inputs, reference)
            again = wire_compact.encode(direction, got.base, reference, inputs, got.ack, got.timing)
        if again != datagram:
            raise Disagreement(f"sent {datagram.hex()}, which encodes again as {again.hex()}")

    def _compare_stats(self) -> None:
        """Compares the statistics that the document settles."""
        got, wanted = self.line.stats().stats, self.mirror.statistics()
        for name, value in wanted.items():
            if name == "rtt_us" and isinstance(value, float) and isinstance(got[name], (int, float)):
                if abs(got[name] - value) <= 16:
                    continue
            if got[name] != value:
                raise Disagreement(f"stats: {name} is {got[name]}, the model has {value}")


def shown(inputs: list[tuple[int, bytes]]) -> str:
    """Inputs told, as text."""
    return " ".join(f"{frame}={data.hex()}" for frame, data in inputs) or "none"


def run_case(seed: str, case: int, path: Path, most: int, show: bool = False) -> Duel:
    """Runs one case; a disagreement names the last command and the options."""
    duel = Duel(seed, case, path)
    try:
        duel.run(most)
    except (Disagreement, Broken, wire_compact.Refused) as error:
        last = duel.line.transcript[-1]
        raise Disagreement(
            f"{error}\n  after command {len(duel.line.transcript)}: {last}\n"
            f"  model: {duel.mirror.last_reason or 'ok'}, at {duel.mirror.now}\n"
            f"  lines {' '.join(duel.settings.options())}") from error
    finally:
        if show:
            print("\n".join(duel.line.transcript))
    return duel
