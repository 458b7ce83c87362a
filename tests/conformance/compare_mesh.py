"""Random sessions with several peers: a model and a line peer get the same calls and must do the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import cases_compact
from cases_compact import CompactCase
from endpoint import MAX_EPOCH, MAX_FRAME, Answer
from link import Link
from model_compact import CompactModel
from twin import Twin

PLAYERS = [0, 1, 2, 3, 4, 5, 258, 65535]


class MeshComparison:
    """One session of both, call by call, each at a moment of its own."""

    def __init__(self, seed: str, case: int, path: Path) -> None:
        """Starts both with the same random settings."""
        self.rng = rng = Random(f"{seed}/mesh/{case}")
        local, *peers = rng.sample(PLAYERS, rng.randint(3, 6))
        self.settings = replace(cases_compact.random_settings(rng), peer_incarnation=None,
                                local_player=local, peers=tuple(peers))
        if rng.random() < 0.6:
            self.settings = replace(self.settings, frame_us=16_667, ping_us=200_000)
        if self.settings.first_frame < MAX_FRAME // 2 and rng.random() < 0.2:
            self.settings = replace(self.settings, joins=tuple(peers))
        self.twin = Twin(self.settings, path)
        assert isinstance(self.twin.model, CompactModel)
        self.model = self.twin.model
        self.cases: dict[int, CompactCase] = {}
        self.datagrams = rng.randint(60, 400)
        # Whether the application never names anybody: all comes from words and byes.
        self.is_passive = rng.random() < 0.3
        self.counts = self.twin.counts
        self.departed = 0

    def run(self, most: int) -> None:
        """Runs the session, with at most `most` datagrams."""
        rng = self.rng
        try:
            if self.settings.joins:
                frame = self.settings.first_frame + rng.choice([0, 1, 50, 200])
                for player in self.settings.joins:
                    self.call("join", 0, player, frame)
            self.call("time", rng.choice([0, 1, rng.randrange(1 << 34)]))
            self._greet()
            done = 0
            while done < min(self.datagrams, most):
                done += self._step()
            for player in list(self.model.links):
                self.twin.stats(player)
            self.twin.stop()
        finally:
            self.twin.kill()

    def _case(self, link: Link) -> CompactCase:
        """What makes the datagrams of a peer."""
        case = self.cases.get(link.player)
        if case is None or case.link is not link:
            case = self.cases[link.player] = CompactCase(self.rng, link)
            case.mood = "inputs"
        return case

    def _greet(self) -> None:
        """Lets most peers say hello, so that their runs are known."""
        for link in list(self.model.links.values()):
            if self.rng.random() < 0.9:
                self.call("receive", self._later(), self._case(link).hello_that_helps(), link.player)

    def _later(self) -> int:
        """A time for the next call: a little later."""
        rng, now, s = self.rng, self.model.now, self.settings
        how = rng.random()
        if how < 0.3 and self.model.asked is not None and self.model.asked > now:
            return self.model.asked
        if how < 0.97 or self.model.is_closed:  # Late calls after the close are not compared.
            return now + rng.choice([1, 1, 250, 1000, s.frame_us, s.frame_us // 3, 10_000,
                                     rng.randint(1, 40_000)])
        return now + rng.choice([s.ping_us, 500_000, 1_000_000, 11_000_000])

    def _step(self) -> int:
        """Makes one call, and returns the number of datagrams received by it."""
        rng, model = self.rng, self.model
        how = rng.random()
        if how < 0.55 and model.links:
            self.call("time", self._later())  # The datagram is made for this time.
            link = rng.choice(list(model.links.values()))
            datagram = self._case(link).datagram()
            self.call("receive", model.now + 1, datagram, link.player)
            return 1
        if how < 0.75:
            size = bytes(self.settings.input_len)
            link = next(iter(model.links.values()), None)
            self.call("push", self._later(), self._case(link).push_data() if link else size)
        elif how < 0.95:
            self.call("time", self._later())
        elif how < 0.955:
            step = rng.choice([1, 1, 2, 4, 0])
            self.call("begin", self._later(), min(model.epoch + step, MAX_EPOCH + 1))
        elif how < 0.965 and model.links:
            player = rng.choice(list(model.links))
            self.call("close" if model.links[player].is_open else "open", self._later(), player)
        elif how < 0.97:
            self.call("unmute" if model.is_muted else "mute")
        elif how < 0.98 and model.links:
            self.twin.stats(rng.choice(list(model.links)))
        elif how < 0.981:
            self.call("bye", self._later())
            self.datagrams = min(self.datagrams, self.counts["ok"] + self.counts["refused"] + 30)
        elif how < 0.985 and not self.is_passive:
            self._call_about("drop", rng.choice([*model.links, 77]))
        elif how < 0.99 and not self.is_passive:
            self._change_peers()
        else:
            self._repair_way()
        return 1 if not model.links else 0

    def _change_peers(self) -> None:
        """Removes a peer, mostly a departed one, or adds one."""
        rng, model = self.rng, self.model
        gone = [player for player, link in model.links.items() if link.departure.departed]
        if gone and rng.random() < 0.7:
            self.call("remove", self._later(), rng.choice(gone))
        elif model.links and rng.random() < 0.2:
            self._call_about("remove", rng.choice([*model.links, 77]))
        else:
            player = rng.choice([6, 7, 8, *PLAYERS])
            frame = model.send_next + rng.choice([0, 1, 2, 30, 100, 200])
            now = self._later()
            if not model.may_join(player, frame):
                self.call("time", now)  # A call that fails does not advance the time.
            self.call("join", now, player, frame)

    def _call_about(self, name: str, player: int) -> None:
        """Makes a call about a player; one that is no peer does not advance the time."""
        now = self._later()
        if player not in self.model.links:
            self.call("time", now)
        self.call(name, now, player)

    def _repair_way(self) -> None:
        """Opens what is closed, unmutes."""
        if self.model.is_muted:
            self.call("unmute")
        for player, link in list(self.model.links.items()):
            if not link.is_open:
                self.call("open", self._later(), player)

    def call(self, name: str, *arguments: object) -> Answer:
        """Makes a call to both and compares the answers."""
        answer = self.twin.call(name, *arguments)
        self.departed += len(answer.departed)
        for player, datagrams in answer.sent_to.items():
            self._case(self.model.links[player]).reflected += datagrams
        return answer
