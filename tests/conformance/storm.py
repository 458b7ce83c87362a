"""Storms: restarts, second processes, replays, epochs and a bad network at once, then quiet.

Inputs of two runs must never be mixed, and both players must play again once it is quiet.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from typing import Callable

from application import Application
from endpoint import Answer, Endpoint, Settings
from lines import Broken
from network import Conditions, World
from twin import Disagreement
from wire_compact import Refused

SECOND = 1_000_000
BAD = Conditions(loss=0.3, delay=20_000, jitter=100_000, duplicates=0.1)
CALM = Conditions(delay=30_000)
# How long it takes at most to play again, and how many inputs prove it.
HEALED_WITHIN = 15 * SECOND
HEALED_INPUTS = 100

# An input tells which program pushed it, and for which epoch and frame.
_INPUT = struct.Struct(">HHI")

Maker = Callable[[Settings], Endpoint]


class Failure(Exception):
    """A storm that violates the protocol."""


@dataclass(frozen=True)
class Plan:
    """What can happen in a storm."""

    name: str
    settings: Settings
    length: int = 12 * SECOND
    conditions: Conditions = BAD


class Program(Application):
    """One program that plays as one of the players."""

    def __init__(self, storm: Storm, player: int, settings: Settings, endpoint: Endpoint) -> None:
        """Starts now, at time 0 of its own clock."""
        super().__init__(storm, settings, endpoint)
        self.storm = storm
        self.player = player
        self.number = len(storm.programs)
        self.restarted = False
        self.sources: dict[int, set[int]] = {}
        self.delivered = 0
        storm.programs.append(self)

    def handle(self, answer: Answer) -> Answer:
        """Checks what was delivered, notes what was reported, and sends the datagrams."""
        storm = self.storm
        for report in answer.events:
            name, *values = report.split()
            storm.reports[name] += 1
            self.restarted |= name == "Restarted"
            if name == "EpochAhead":
                self.announced = int(values[0])
        for frame, data in answer.inputs:
            self._check(frame, data)
        for datagram in answer.sent:
            storm.send(self, datagram)
        self.set_alarm(answer.timeout)
        if answer.departed:  # With a key, a goodbye is final: its player is met again by another program.
            self.world.at(self.world.now, lambda: storm.replace(self))
        return answer

    def _check(self, frame: int, data: bytes) -> None:
        """Compares an input with what its program pushed."""
        if len(data) != _INPUT.size:
            return  # Two second programs with the same other size of inputs have met.
        source, epoch, pushed_for = _INPUT.unpack(data)
        sources = self.sources.setdefault(self.epoch, set())
        sources.add(source)
        if (epoch, pushed_for) != (self.epoch, frame) or len(sources) > 1 or (
                self.storm.programs[source].player == self.player):
            raise Failure(f"program {self.number} in epoch {self.epoch} delivered for {frame} "
                          f"what program {source} pushed for frame {pushed_for} of epoch {epoch}; "
                          f"the programs delivered in that epoch are {sorted(sources)}")
        self.delivered += 1

    def receive(self, datagram: bytes) -> None:
        """Receives a datagram."""
        if not self.is_over:
            self.handle(self.endpoint.receive(self.clock, datagram))

    def tick(self) -> None:
        """One step of its game."""
        if self.is_over or self.is_leaving:
            return
        rng, world = self.storm.rng, self.storm.world
        world.at(world.now + 16_667 + rng.randint(-1000, 1000), self.tick)
        if rng.random() < 0.1:
            self.handle(self.endpoint.stats())
        if self.restarted:
            self.begin(max(self.epoch, self.announced) + 1)
        elif self.announced > self.epoch:
            self.begin(self.announced)
        elif not self.storm.is_quiet and rng.random() < 0.002:
            self.begin(self.epoch + 1)
        else:
            data = bytes(self.settings.input_len)
            if len(data) == _INPUT.size:
                data = _INPUT.pack(self.number, self.epoch, self.next_frame)
            if self.handle(self.endpoint.push(self.clock, data)).result == "pushed":
                self.next_frame += 1

    def begin(self, epoch: int) -> None:
        """Begins an epoch."""
        self.epoch = epoch
        self.next_frame = self.settings.first_frame
        self.restarted = False
        if self.handle(self.endpoint.begin(self.clock, epoch)).result != "ok":
            raise Failure(f"program {self.number} cannot begin epoch {epoch}")


class Storm:
    """One storm between two players; those that play as player 0 are made by `make_line`."""

    def __init__(self, plan: Plan, seed: str, make_line: Maker, make_model: Maker) -> None:
        """Starts one program for each player."""
        self.plan = plan
        self.rng = Random(f"{seed}/storm/{plan.name}")
        self.world = World(plan.conditions, Random(f"{seed}/network/{plan.name}"))
        self.makers = (make_line, make_model)
        self.programs: list[Program] = []
        self.recorded: list[bytes] = []
        self.reports: Counter[str] = Counter()
        self.is_quiet = False
        self.healed_after = 0
        # The program that each player means to play with, if it runs.
        self.main: list[Program | None] = [None, None]
        for player in (0, 1):
            self._start(player)

    # Programs.

    def _settings(self, player: int) -> Settings:
        """The settings of a player with a new incarnation."""
        incarnation = self.rng.randrange(1 << 32, 1 << 64)
        if player == 0:
            return replace(self.plan.settings, incarnation=incarnation)
        return self.plan.settings.other(incarnation, None)

    def _start(self, player: int, settings: Settings | None = None) -> None:
        """Starts the main program of a player, unless it runs."""
        if self.main[player] is None:
            settings = settings or self._settings(player)
            program = Program(self, player, settings, self.makers[player](settings))
            self.main[player] = program
            program.tick()

    def _restart(self, player: int) -> None:
        """Ends the main program of a player, by one of several ways, and starts another one."""
        rng, world, old = self.rng, self.world, self.main[player]
        if old is None:
            return
        self.main[player] = None
        how = rng.choice(["killed", "killed", "leaves", "added again"])
        settings, delay = None, rng.choice([0, 50_000, 300_000, SECOND, 3 * SECOND])
        if how == "added again":
            delay = 0
            settings = replace(old.settings, incarnation=old.settings.incarnation % (1 << 64) + 1)
        if how == "leaves":
            old.leave()
            world.at(world.now + rng.choice([20_000, 400_000, 3 * SECOND]),
                     lambda: self._end(old))
        else:
            old.end()
        world.at(world.now + delay, lambda: self._start(player, settings))

    def replace(self, program: Program) -> None:
        """Ends a program, and starts another one if its player meant to play with it."""
        if program.is_over:
            return
        program.end()
        if self.main[program.player] is program:
            self.main[program.player] = None
            self._start(program.player)

    def _start_second(self, player: int) -> None:
        """Starts a second program that plays as a player, for a while."""
        rng, world = self.rng, self.world
        settings = self._settings(player)
        settings = rng.choice([
            settings, settings, replace(settings, input_len=4), replace(settings, first_frame=7),
            replace(settings, epoch=settings.epoch + 3), replace(settings, ping_us=1_000_000),
            replace(settings, frame_us=33_333), replace(settings, key=bytes(16)),
            replace(settings, short_tags=not settings.short_tags),
            replace(settings, session_id=settings.session_id + 1)])
        program = Program(self, player, settings, self.makers[1](settings))
        program.tick()
        world.at(world.now + rng.choice([30_000, SECOND, 4 * SECOND]),
                 lambda: self._end(program))

    def _end(self, program: Program) -> None:
        """Ends a program, unless it has ended or is the one that survives the storm."""
        if not program.is_over and program not in self.main:
            program.end()

    # The network.

    def send(self, sender: Program, datagram: bytes) -> None:
        """Sends a datagram to the programs of the other player."""
        self.recorded.append(datagram)
        main = self.main[1 - sender.player]
        for program in self.programs:
            if program.player != sender.player and not program.is_over and (
                    program is main or self.rng.random() < 0.5):
                self.world.send(datagram, program.receive, sender.player)

    def _replay(self) -> None:
        """Replays any earlier datagram to any program."""
        living = [program for program in self.programs if not program.is_over]
        if living and self.recorded:
            recent = self.recorded[-30:] if self.rng.random() < 0.3 else self.recorded
            self.rng.choice(living).receive(self.rng.choice(recent))

    def _flap(self) -> None:
        """Closes a transport for a while."""
        program = self.main[self.rng.randrange(2)]
        if program and not program.is_over:
            program.handle(program.endpoint.close(program.clock))
            self.world.at(self.world.now + self.rng.randrange(1, 1_500_000),
                          lambda: self._reopen(program))

    def _reopen(self, program: Program) -> None:
        """Opens a transport again."""
        if not program.is_over:
            program.handle(program.endpoint.open(program.clock))

    def _trouble(self) -> None:
        """Does one thing, and plans the next."""
        if self.is_quiet:
            return
        rng = self.rng
        self.world.at(self.world.now + rng.randrange(1, 40_000), self._trouble)
        how = rng.random()
        if how < 0.9:
            self._replay()
        elif how < 0.92:
            self._restart(rng.randrange(2))
        elif how < 0.94:
            self._start_second(rng.randrange(2))
        elif how < 0.945:
            self._flap()

    # The whole.

    def run(self) -> None:
        """Runs the storm, then the quiet."""
        try:
            self.world.at(SECOND, self._trouble)
            self._run_until(self.plan.length)
            self._calm_down()
            self._await_healing()
        except (Failure, Disagreement, Broken, Refused) as error:
            raise Failure(f"at {self.world.now} us: {error}{self._last_commands()}") from error
        finally:
            for program in self.programs:
                getattr(program.endpoint, "kill", lambda: None)()

    def _run_until(self, moment: int) -> None:
        """Lets time pass."""
        while self.world.now < moment:
            self.world.step()

    def _calm_down(self) -> None:
        """Leaves one program for each player, and a network that loses nothing."""
        self.is_quiet = True
        self.world.conditions = CALM
        for player in (0, 1):
            self._start(player)
            self._run_until(self.world.now + 1)
            fit = [program for program in self.programs if program.player == player
                   and not program.is_over and not program.is_leaving
                   and program.settings.other(0, None) == self.main[player].settings.other(0, None)]
            survivor = self.rng.choice(fit)
            self.main[player] = survivor
            for program in self.programs:
                if program.player == player and program is not survivor and not program.is_over:
                    program.end()
        for program in self.main:
            self._reopen(program)

    def _await_healing(self) -> None:
        """Waits until both survivors deliver inputs of each other again."""
        began = self.world.now
        before = {program: program.delivered for program in self.main}
        while self.world.now < began + HEALED_WITHIN:
            self.world.step()
            if all(program.delivered >= before.get(program, 0) + HEALED_INPUTS for program in self.main):
                self.healed_after = self.world.now - began
                for program in self.main:
                    program.handle(program.endpoint.stats())
                return
        raise Failure(f"not healed {HEALED_WITHIN} us after the storm: programs "
                      f"{[program.number for program in self.main]} in epochs "
                      f"{[program.epoch for program in self.main]}")

    def _last_commands(self) -> str:
        """The last commands of the line peers that still run."""
        text = ""
        for program in self.programs:
            line = getattr(program.endpoint, "line", None)
            if line and not program.is_over:
                text += (f"\n  program {program.number}: command {len(line.transcript)} was "
                         f"{line.transcript[-1]}\n    lines {' '.join(program.settings.options())}")
        return text


KEY = bytes(range(40, 56))

PLANS = [
    Plan("storm, no key", Settings(session_id=0x51, input_len=_INPUT.size)),
    Plan("storm, key", Settings(session_id=0x52, input_len=_INPUT.size, key=KEY)),
    Plan("storm, key, short tags",
         Settings(session_id=0x53, input_len=_INPUT.size, key=KEY, short_tags=True, epoch=3)),
    Plan("storm, slow pings",
         Settings(session_id=0x54, input_len=_INPUT.size, ping_us=1_500_000, first_frame=5)),
    Plan("storm, slow line", Settings(session_id=0x55, input_len=_INPUT.size, input_delay=2),
         20 * SECOND, Conditions(0.05, 20_000, 20_000, rate=6_000)),
    Plan("storm, long round trips", Settings(session_id=0x56, input_len=_INPUT.size, key=KEY),
         20 * SECOND, replace(BAD, loss=0.1, swells=((2 * SECOND, 8 * SECOND, SECOND),
                                                     (9 * SECOND, 19 * SECOND, SECOND)))),
]
