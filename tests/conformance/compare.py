"""Random sessions in which a model and a line peer get the same calls and must do the same."""

from __future__ import annotations

from pathlib import Path
from random import Random

import cases_classic
import cases_compact
from endpoint import MAX_EPOCH
from model_classic import ClassicModel
from model_compact import CompactModel
from twin import Twin

Case = cases_compact.CompactCase | cases_classic.ClassicCase


def is_classic(case: int) -> bool:
    """Whether a case is one of the classic wire, as every fourth is."""
    return case % 4 == 3


class Comparison:
    """One session of both, call by call."""

    def __init__(self, seed: str, case: int, path: Path) -> None:
        """Starts both with the same random settings."""
        self.rng = rng = Random(f"{seed}/datagrams/{case}")
        cases = cases_classic if is_classic(case) else cases_compact
        self.settings = cases.random_settings(rng)
        self.twin = Twin(self.settings, path)
        self.model = model = self.twin.model
        self.case: Case
        if isinstance(model, ClassicModel):
            self.case = cases_classic.ClassicCase(rng, model)
        else:
            self.case = cases_compact.CompactCase(rng, model.link)
        # Whether both are called in time, though not when they ask for it.
        self.is_called_often = rng.random() < 0.5
        # Whether silence is frequent.
        self.is_slow = isinstance(self.case, cases_compact.CompactCase) and (
            self.case.mood != "inputs" and rng.random() < 0.7)
        self.datagrams = rng.randint(20, 150)
        self.counts = self.twin.counts
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
            self.twin.stats()
            self.twin.stop()
        finally:
            self.twin.kill()

    @property
    def _is_open(self) -> bool:
        """Whether the transport is open."""
        return self.model.link.is_open if isinstance(self.model, CompactModel) else self.model.is_open

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
        if self.is_slow and how < 0.9:
            return now + rng.choice([100_000, 300_000, rng.randint(0, 400_000)])
        if how < 0.97:
            return now + rng.choice([1, 250, 1000, s.frame_us, s.frame_us // 3,
                                     rng.randint(0, 40_000)])
        if how < 0.985:
            return now + rng.choice([500_000, 499_999, rng.randint(400_000, 1_600_000)])
        return now + rng.choice([s.ping_us, 2_100_000, 1_000_000, 10_000_000, 10_000_001,
                                 rng.randint(0, 12_000_000)])

    def _step(self) -> int:
        """Makes one call, and returns the number of datagrams received by it."""
        rng, model = self.rng, self.model
        now = self._later() if isinstance(model, CompactModel) else self._fresh()
        how = rng.random()
        if how < 0.55:
            self.call_at("time", now)  # The datagram is made for this time.
            datagram = self.case.datagram()
            if isinstance(model, CompactModel) and model.link.hellos.last == model.now:
                now = model.now + 1  # It may make another hello due at once.
            self.call("receive", now, datagram)
            return 1
        if how < 0.75:
            full = isinstance(self.case, cases_compact.CompactCase) and self.case.is_full
            for _ in range(rng.randint(1, 12) if full else 1):
                self.call_at("push", self._fresh(), self.case.push_data())
        elif how < 0.95:
            if isinstance(model, CompactModel) and rng.random() < 0.1:
                if model.link.handshake.halted or model.link.handshake.is_ahead:
                    epoch = max(model.epoch, model.link.handshake.announced) + rng.randint(0, 1)
                    self.call_at("begin", self._fresh(), epoch)
            self.call_at("time", now)
        elif how < 0.96:
            step = rng.choice([1, 1, 2, 3, 4, 5, 1000, 0, -1, 65_535, 65_536, 1 << 30])
            self.call_at("begin", self._fresh(), min(max(model.epoch + step, 0), MAX_EPOCH + 1))
        elif how < 0.975:
            self.call_at("close" if self._is_open else "open", self._fresh())
        elif how < 0.98:
            self.call("unmute" if model.is_muted else "mute")
        elif how < 0.985:
            self.twin.stats()
        elif how < 0.9875:
            self.call_at("bye", self._fresh())
            self.datagrams = min(self.datagrams, self.counts["ok"] + self.counts["refused"] + 30)
        elif not self._is_open:
            self.call_at("open", self._fresh())
        elif model.is_muted:
            self.call("unmute")
        return 0

    def call_at(self, name: str, now: int, *arguments: object) -> None:
        """Makes a call at a moment, in half of the cases after waking both now and then."""
        if self.is_called_often:
            self.twin.catch_up(now)
        self.call(name, now, *arguments)

    def call(self, name: str, *arguments: object) -> None:
        """Makes a call to both and compares the answers."""
        answer = self.twin.call(name, *arguments)
        self.case.reflected += answer.sent
        self.last_timeout = answer.timeout
