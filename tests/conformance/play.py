"""Two ends that play a game over the virtual network: what one pushes, the other must be told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Callable

import control
from end import WINDOW, Answer, End, Settings
from lines import Broken
from mutate import changed
from network import Conditions, World
from wire_compact import Refused

Maker = Callable[[Settings], End]


class Lost(Exception):
    """A play that did not go as it must."""


@dataclass(frozen=True)
class Plan:
    """What is played."""

    name: str
    settings: Settings
    conditions: Conditions
    epochs: int = 1
    restart: str = ""  # The side that restarts half-way through the second epoch.
    close: bool = False  # Whether the line peer's transport closes during the outage.


class Side:
    """One end of a play with its application."""

    def __init__(self, play: Play, name: str, settings: Settings, make: Maker) -> None:
        """Starts the end at the present moment, which is 0 of its own clock."""
        self.play = play
        self.name = name
        self.settings = settings
        self.make = make
        self.rng = Random(f"{play.seed}/{name}/{settings.incarnation}")
        self.end = make(settings)
        self.born = play.world.now
        self.epoch = settings.epoch
        self.pushed: dict[int, list[bytes]] = {self.epoch: []}
        self.told: dict[int, dict[int, bytes]] = {self.epoch: {}}
        self.peer_epoch = 0
        self.peer_incarnation: int | None = None
        self.restarted = False
        self.wake: int | None = None
        self.refused = 0

    def clock(self) -> int:
        """What this end's own clock says."""
        return self.play.world.now - self.born

    def handle(self, answer: Answer) -> Answer:
        """Checks what was told, sends what is to be sent, and sets the alarm."""
        world = self.play.world
        for frame, data in answer.inputs:
            self.play.check_told(self, frame, data)
            self.told[self.epoch][frame] = data
        for datagram in answer.sent:
            world.send(datagram, lambda arriving: self.play.other(self).arrive(arriving))
        if answer.next is not None:
            moment = max(answer.next + self.born, world.now + 1)
            if self.wake is None or moment < self.wake:
                self.wake = moment
                world.at(moment, lambda: self.ring(moment))
        return answer

    def ring(self, moment: int) -> None:
        """Wakes the end, unless the alarm was set anew."""
        if self.wake == moment and self.play.is_live(self):
            self.wake = None
            self.handle(self.end.time(self.clock()))

    def arrive(self, datagram: bytes) -> None:
        """Hands over a datagram, and notes what a hello teaches the application."""
        answer = self.handle(self.end.receive(self.clock(), datagram))
        if answer.result == "refused":
            self.refused += 1
        elif datagram[0] == control.HELLO and self.settings.wire == "compact":
            s = self.settings
            hello = control.unpack_hello(control.open_hello(s.session, s.key, datagram))
            known = self.peer_incarnation
            self.restarted |= known is not None and hello.incarnation > known
            self.peer_incarnation = hello.incarnation
            self.peer_epoch = max(self.peer_epoch, hello.epoch)

    def push(self) -> None:
        """Pushes the next input of this epoch, if there is room for it."""
        inputs = self.pushed[self.epoch]
        data = changed(self.rng, inputs[-1] if inputs else bytes(self.settings.input_size))
        inputs.append(data)  # Before the call: the answer may already carry it to the other side.
        answer = self.handle(self.end.push(self.clock(), data))
        if answer.result == "error":
            inputs.pop()
        elif int(answer.detail) != self.settings.first_frame + len(inputs) - 1:
            raise Lost(f"{self.name} pushed frame {answer.detail} as number {len(inputs)}")

    def begin(self, epoch: int) -> None:
        """Begins an epoch."""
        self.epoch = epoch
        self.restarted = False
        self.pushed[epoch] = []
        self.told[epoch] = {}
        answer = self.handle(self.end.begin(self.clock(), epoch))
        if answer.result != "ok":
            raise Lost(f"{self.name} cannot begin epoch {epoch}: {answer.detail}")


class Play:
    """A play of one plan."""

    def __init__(self, plan: Plan, frames: int, seed: str, make_model: Maker,
                 make_line: Maker) -> None:
        """Starts both ends."""
        self.plan = plan
        self.seed = f"{seed}/{plan.name}"
        self.world = World(plan.conditions, Random(self.seed))
        self.quota = frames // plan.epochs
        self.compact = plan.settings.wire == "compact"
        self.told = 0
        self.lost = 0
        self.complete: set[int] = set()
        mine = plan.settings
        model = mine.other(incarnation=5, peer_incarnation=None)
        self.sides: dict[str, Side] = {}
        self.sides["line"] = Side(self, "line", mine, make_line)
        self.sides["model"] = Side(self, "model", model, make_model)

    def other(self, side: Side) -> Side:
        """The other side."""
        return self.sides["model" if side.name == "line" else "line"]

    def is_live(self, side: Side) -> bool:
        """Whether a side has not been replaced."""
        return self.sides[side.name] is side

    def check_told(self, side: Side, frame: int, data: bytes) -> None:
        """Compares an input that was told with the one that was pushed."""
        inputs = self.other(side).pushed.get(side.epoch, [])
        told = side.told[side.epoch]
        index = frame - side.settings.first_frame
        self.told += 1
        if not 0 <= index < len(inputs) or inputs[index] != data:
            raise Lost(f"{side.name} was told {data.hex()} for frame {frame} of epoch "
                       f"{side.epoch}, which is not what was pushed")
        if frame in told or self.compact and index != len(told):
            raise Lost(f"{side.name} was told frame {frame} out of order or twice")

    def run(self) -> None:
        """Plays to the end."""
        try:
            for index, side in enumerate(list(self.sides.values())):
                self.world.at(index * 7_013, lambda side=side: self.tick(side))
            if self.plan.close:
                for start, end in self.plan.conditions.outages:
                    line = self.sides["line"]
                    self.world.at(start, lambda: self._handled(line.end.close(line.clock())))
                    self.world.at(end, lambda: self._handled(line.end.open(line.clock())))
            limit = (self.quota + 600) * self.plan.epochs * self.plan.settings.frame_us + 120_000_000
            while not self.finished():
                if self.world.now > limit:
                    raise Lost(f"not finished after {self.world.now} us: {self.progress()}")
                self.world.step()
            self.settle()
            for side in self.sides.values():
                side.end.stop()
        except (Lost, Broken, Refused) as error:
            raise Lost(f"at {self.world.now} us: {error}") from error
        finally:
            for side in self.sides.values():
                getattr(side.end, "kill", lambda: None)()

    def _handled(self, answer: Answer) -> None:
        """Handles an answer of the line peer."""
        self.sides["line"].handle(answer)

    def progress(self) -> str:
        """How far both sides are."""
        return ", ".join(f"{side.name} in epoch {side.epoch} with {len(side.pushed[side.epoch])} "
                         f"pushed and {len(side.told[side.epoch])} told"
                         for side in self.sides.values())

    # The application.

    def last_epoch(self) -> int:
        """The epoch that ends the play."""
        return self.plan.settings.epoch + self.plan.epochs - 1

    def tick(self, side: Side) -> None:
        """One step of a side's game."""
        if not self.is_live(side):
            return
        jitter = side.rng.randint(-1000, 1000)
        self.world.at(self.world.now + side.settings.frame_us + jitter, lambda: self.tick(side))
        if self._restart_now(side):
            self.restart(side)
        elif side.restarted or side.peer_epoch > side.epoch:
            side.begin(max(side.peer_epoch, side.epoch + 1 if side.restarted else side.epoch))
        elif len(side.pushed[side.epoch]) < self.quota:
            side.push()
        elif side.epoch < self.last_epoch() and self._all_done(side):
            self.complete.add(side.epoch)
            side.begin(side.epoch + 1)

    def _all_done(self, side: Side) -> bool:
        """Whether all of a side's inputs are acknowledged and all of the other's told."""
        if len(side.told[side.epoch]) < self.quota:
            return False
        return side.handle(side.end.stats()).stats["unacked"] == 0

    def _restart_now(self, side: Side) -> bool:
        """Whether a side restarts now."""
        return (self.plan.restart == side.name and side.epoch == self.plan.settings.epoch + 1
                and side.settings.incarnation < 100
                and len(side.pushed[side.epoch]) == self.quota // 2)

    def restart(self, side: Side) -> None:
        """Replaces a side by one of a greater incarnation that starts in the first epoch again."""
        side.end.stop()
        settings = replace(side.settings, incarnation=side.settings.incarnation + 100,
                           peer_incarnation=None)
        fresh = Side(self, side.name, settings, side.make)
        # What the old one has sent may still arrive.
        fresh.pushed = {**side.pushed, **fresh.pushed}
        self.sides[side.name] = fresh
        self.world.at(self.world.now + 500_000, lambda: self.tick(fresh))

    def finished(self) -> bool:
        """Whether both sides have told everything of the last epoch."""
        return all(side.epoch >= self.last_epoch() and len(side.told[side.epoch]) >= self.quota
                   for side in self.sides.values())

    def settle(self) -> None:
        """Checks that the epochs that were ended properly have arrived whole."""
        line, model = self.sides["line"], self.sides["model"]
        if line.epoch != model.epoch:
            raise Lost(f"both ended, in different epochs: {self.progress()}")
        for epoch in self.complete - ({self.plan.settings.epoch} if self.plan.restart else set()):
            for side in (line, model):
                if len(side.told.get(epoch, {})) < self.quota:
                    raise Lost(f"epoch {epoch} did not arrive whole at the {side.name}")
        steady = self.plan.epochs == 1 and not self.plan.restart
        if steady and line.refused + model.refused:
            raise Lost(f"{line.refused} and {model.refused} datagrams were refused, "
                       "though nothing was damaged or out of date")


class ClassicPlay(Play):
    """A play on the classic wire, where inputs may be lost, and epochs begin with the network empty."""

    def __init__(self, plan: Plan, frames: int, seed: str, make_model: Maker,
                 make_line: Maker) -> None:
        """Starts both ends in the first epoch."""
        super().__init__(plan, frames, seed, make_model, make_line)
        self.quiet_until: int | None = None
        self.over = False

    def tick(self, side: Side) -> None:
        """One step of a side's game."""
        jitter = side.rng.randint(-1000, 1000)
        self.world.at(self.world.now + side.settings.frame_us + jitter, lambda: self.tick(side))
        if len(side.pushed[side.epoch]) < self.quota:
            side.push()
        elif self.quiet_until is None:
            if len(self.other(side).pushed[side.epoch]) >= self.quota:
                self.quiet_until = self.world.now + 3_000_000
        elif self.world.now >= self.quiet_until:
            self.quiet_until = None
            self._end_epoch()

    def _end_epoch(self) -> None:
        """Counts what was lost, empties the network, and begins the next epoch on both sides."""
        self.world.clear()
        if self.sides["line"].epoch == self.last_epoch():
            self.over = True
            return
        for side in self.sides.values():
            side.begin(side.epoch + 1)

    def finished(self) -> bool:
        """Whether the last epoch has ended."""
        return self.over

    def settle(self) -> None:
        """Compares the losses that each end counts with those that the play has seen."""
        for side in self.sides.values():
            lost = 0
            for told in side.told.values():
                low = max(side.settings.first_frame, max(told, default=0) + 1 - WINDOW)
                lost += sum(frame not in told for frame in range(side.settings.first_frame, low))
            counted = side.handle(side.end.stats()).stats["lost_inputs"]
            if counted != lost:
                raise Lost(f"the {side.name} counts {counted} inputs lost, the play {lost}")
            self.lost += lost
