"""Two endpoints play a game over a virtual network: each must deliver what the other pushed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Callable

from endpoint import Answer, Endpoint, Settings
from lines import Broken
from mutate import changed
from network import Conditions, World
from wire_compact import Refused

Maker = Callable[[Settings], Endpoint]


class Failure(Exception):
    """A play that violates the protocol."""


@dataclass(frozen=True)
class Plan:
    """The settings of a play."""

    name: str
    settings: Settings
    conditions: Conditions
    epochs: int = 1
    restart: str = ""  # The side that restarts halfway through the second epoch.
    close: bool = False  # Whether the line peer's transport closes during the outage.
    noise: bool = False  # Whether each input is random, so that full datagrams are cut.


class Side:
    """One endpoint of a play with its application."""

    def __init__(self, play: Play, name: str, settings: Settings, make: Maker) -> None:
        """Starts the endpoint now, at time 0 of its own clock."""
        self.play = play
        self.name = name
        self.settings = settings
        self.make = make
        self.rng = Random(f"{play.seed}/{name}/{settings.incarnation}")
        self.restarts = 0
        self.endpoint = make(settings)
        self.born = play.world.now
        self.epoch = settings.epoch
        self.pushed: dict[int, list[bytes]] = {self.epoch: []}
        self.delivered: dict[int, dict[int, bytes]] = {self.epoch: {}}
        self.peer_epoch = 0
        self.restarted = False
        self.wake: int | None = None
        self.refused = 0

    def clock(self) -> int:
        """The time of this endpoint's own clock."""
        return self.play.world.now - self.born

    def handle(self, answer: Answer) -> Answer:
        """Checks the delivered inputs, sends the datagrams, and sets the alarm."""
        world = self.play.world
        for report in answer.events:
            name, *values = report.split()
            self.restarted |= name == "Restarted"
            if name == "OutOfSync":
                raise Failure(f"{self.name} reports OutOfSync")
            if name == "EpochAhead":
                self.peer_epoch = int(values[0])
        for frame, data in answer.inputs:
            self.play.check_delivered(self, frame, data)
            self.delivered[self.epoch][frame] = data
        for datagram in answer.sent:
            world.send(datagram, lambda arriving: self.play.other(self).arrive(arriving), self.name)
        if answer.timeout is not None:
            moment = max(answer.timeout + self.born, world.now + 1)
            if self.wake is None or moment < self.wake:
                self.wake = moment
                world.at(moment, lambda: self.ring(moment))
        return answer

    def ring(self, moment: int) -> None:
        """Wakes the endpoint, unless the alarm was set again."""
        if self.wake == moment and self.play.is_live(self):
            self.wake = None
            self.handle(self.endpoint.time(self.clock()))

    def arrive(self, datagram: bytes) -> None:
        """Receives a datagram, and counts the refusals that a steady play cannot explain."""
        answer = self.handle(self.endpoint.receive(self.clock(), datagram))
        # A datagram after a cut one that was lost is out of step.
        explained = ("LateHello", "NotReady") + ("OutOfSync",) * self.play.plan.noise
        if answer.result == "refused" and answer.detail not in explained:
            self.refused += 1

    def push(self) -> None:
        """Pushes the next input of this epoch, unless the window is full."""
        inputs = self.pushed[self.epoch]
        data = changed(self.rng, inputs[-1] if inputs else bytes(self.settings.input_len))
        if self.play.plan.noise:
            data = self.rng.randbytes(self.settings.input_len)
        inputs.append(data)  # First, since the answer may already send it.
        answer = self.handle(self.endpoint.push(self.clock(), data))
        if answer.result == "error":
            inputs.pop()
        elif int(answer.detail) != self.settings.first_frame + len(inputs) - 1:
            raise Failure(f"{self.name} pushed frame {answer.detail} as number {len(inputs)}")

    def begin(self, epoch: int) -> None:
        """Begins an epoch."""
        self.epoch = epoch
        self.restarted = False
        self.pushed[epoch] = []
        self.delivered[epoch] = {}
        answer = self.handle(self.endpoint.begin(self.clock(), epoch))
        if answer.result != "ok":
            raise Failure(f"{self.name} cannot begin epoch {epoch}: {answer.detail}")


class Play:
    """One run of a plan."""

    def __init__(self, plan: Plan, frames: int, seed: str, make_model: Maker,
                 make_line: Maker) -> None:
        """Starts both endpoints."""
        self.plan = plan
        self.seed = f"{seed}/{plan.name}"
        self.world = World(plan.conditions, Random(self.seed))
        self.quota = frames // plan.epochs
        self.compact = plan.settings.wire == "compact"
        self.delivered = 0
        self.lost = 0
        self.complete: set[int] = set()
        settings = plan.settings
        model = settings.other(incarnation=5 << 40, peer_incarnation=None)
        self.sides: dict[str, Side] = {}
        self.sides["line"] = Side(self, "line", settings, make_line)
        self.sides["model"] = Side(self, "model", model, make_model)

    def other(self, side: Side) -> Side:
        """The other side."""
        return self.sides["model" if side.name == "line" else "line"]

    def is_live(self, side: Side) -> bool:
        """Whether a side has not been replaced by a restart."""
        return self.sides[side.name] is side

    def check_delivered(self, side: Side, frame: int, data: bytes) -> None:
        """Compares a delivered input with the one that was pushed."""
        inputs = self.other(side).pushed.get(side.epoch, [])
        delivered = side.delivered[side.epoch]
        index = frame - side.settings.first_frame
        self.delivered += 1
        if not 0 <= index < len(inputs) or inputs[index] != data:
            raise Failure(f"{side.name} delivered {data.hex()} for frame {frame} of epoch "
                       f"{side.epoch}, which was not pushed")
        if frame in delivered or self.compact and index != len(delivered):
            raise Failure(f"{side.name} delivered frame {frame} out of order or twice")

    def run(self) -> None:
        """Plays to the end."""
        try:
            for index, side in enumerate(list(self.sides.values())):
                self.world.at(index * 7_013, lambda side=side: self.tick(side))
            if self.plan.close:
                for start, end in self.plan.conditions.outages:
                    line = self.sides["line"]
                    self.world.at(start, lambda: self._handled(line.endpoint.close(line.clock())))
                    self.world.at(end, lambda: self._handled(line.endpoint.open(line.clock())))
            frames = (self.quota + 600) * self.plan.epochs
            limit = frames * self.plan.settings.frame_us + 120_000_000
            while not self.finished():
                if self.world.now > limit:
                    raise Failure(f"not finished after {self.world.now} us: {self.progress()}")
                self.world.step()
            self.settle()
            for side in self.sides.values():
                side.endpoint.stop()
        except (Failure, Broken, Refused) as error:
            raise Failure(f"at {self.world.now} us: {error}") from error
        finally:
            for side in self.sides.values():
                getattr(side.endpoint, "kill", lambda: None)()

    def _handled(self, answer: Answer) -> None:
        """Handles an answer of the line peer."""
        self.sides["line"].handle(answer)

    def progress(self) -> str:
        """The progress of both sides."""
        return ", ".join(f"{side.name} in epoch {side.epoch} with {len(side.pushed[side.epoch])} "
                         f"pushed and {len(side.delivered[side.epoch])} delivered"
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
        """Whether all inputs of a side are acknowledged and all of the other's delivered."""
        if len(side.delivered[side.epoch]) < self.quota:
            return False
        return side.handle(side.endpoint.stats()).stats["unacked"] == 0

    def _restart_now(self, side: Side) -> bool:
        """Whether a side restarts now."""
        return (self.plan.restart == side.name and side.epoch == self.plan.settings.epoch + 1
                and not side.restarts
                and len(side.pushed[side.epoch]) == self.quota // 2)

    def restart(self, side: Side) -> None:
        """Replaces a side by one with another incarnation, in the first epoch again."""
        side.endpoint.stop()
        settings = replace(side.settings, incarnation=side.rng.randrange(1 << 32, 1 << 64),
                           peer_incarnation=None)
        fresh = Side(self, side.name, settings, side.make)
        fresh.restarts = side.restarts + 1
        # Datagrams of the old one may still arrive.
        fresh.pushed = {**side.pushed, **fresh.pushed}
        self.sides[side.name] = fresh
        self.world.at(self.world.now + 500_000, lambda: self.tick(fresh))

    def finished(self) -> bool:
        """Whether both sides have delivered every input of the last epoch."""
        return all(side.epoch >= self.last_epoch() and len(side.delivered[side.epoch]) >= self.quota
                   for side in self.sides.values())

    def settle(self) -> None:
        """Checks that every completed epoch was delivered whole."""
        line, model = self.sides["line"], self.sides["model"]
        if line.epoch != model.epoch:
            raise Failure(f"the sides ended in different epochs: {self.progress()}")
        for epoch in self.complete - ({self.plan.settings.epoch} if self.plan.restart else set()):
            for side in (line, model):
                if len(side.delivered.get(epoch, {})) < self.quota:
                    raise Failure(f"the {side.name} did not deliver all of epoch {epoch}")
        steady = self.plan.epochs == 1 and not self.plan.restart
        if steady and line.refused + model.refused:
            raise Failure(f"{line.refused} and {model.refused} datagrams were refused, "
                          "although none was damaged or out of date")


class ClassicPlay(Play):
    """A play on the classic wire: inputs may be lost, and epochs begin with an empty network."""

    def __init__(self, plan: Plan, frames: int, seed: str, make_model: Maker,
                 make_line: Maker) -> None:
        """Starts both endpoints in the first epoch."""
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
        """Clears the network, and begins the next epoch on both sides or ends the play."""
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
        """Compares the losses that each endpoint counts with those of the play."""
        for side in self.sides.values():
            lost = 0
            for delivered in side.delivered.values():
                newest = max(delivered, default=0)
                low = max(side.settings.first_frame, newest + 1 - side.settings.window)
                frames = range(side.settings.first_frame, low)
                lost += sum(frame not in delivered for frame in frames)
            counted = side.handle(side.endpoint.stats()).stats["lost_inputs"]
            if counted != lost:
                raise Failure(f"the {side.name} counts {counted} lost inputs, the play {lost}")
            self.lost += lost
