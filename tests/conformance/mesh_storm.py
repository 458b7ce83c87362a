"""Storms of three to five endpoints: deaths, byes, accusations, restarts, cut ways, replays, epochs, then quiet.

Endpoints that have not named each other must agree on the last input of everyone who left, and on its run.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import combinations
from random import Random
from typing import Callable

import word
from application import Application
from endpoint import Answer, Endpoint, Settings
from lines import Broken
from mesh_stage import input_of
from model_compact import CompactModel
from network import Conditions, World
from storm import Failure
from twin import Disagreement
from wire_compact import Refused
from word import Entry

MS = 1_000
SECOND = 1_000_000
BAD = Conditions(loss=0.15, delay=20_000, jitter=60_000, duplicates=0.1)
CALM = Conditions(delay=30_000)
LONGEST_SILENCE = SECOND
QUIET = 6 * SECOND

Maker = Callable[[Settings], Endpoint]


@dataclass(frozen=True)
class Plan:
    """What can happen in a storm."""

    name: str
    settings: Settings
    players: int = 4
    length: int = 6 * SECOND
    conditions: Conditions = BAD
    # How often each kind of trouble is, in thousandths of the times at which there may be one.
    deaths: int = 2
    byes: int = 1
    accusations: int = 1
    cuts: int = 6
    flaps: int = 6
    epochs: int = 0
    joins: int = 0
    removals: int = 0
    restarts: int = 0
    forgeries: int = 3
    # Whether the last player starts again soon, and each of the others can meet one of its two runs only.
    is_split: bool = False


class Player(Application):
    """One program with its application."""

    def __init__(self, storm: MeshStorm, settings: Settings, endpoint: Endpoint) -> None:
        """Starts now, at time 0 of its own clock."""
        super().__init__(storm, settings, endpoint)
        self.storm = storm
        self.number = settings.local_player
        self.program = len(storm.players)
        self.peers = set(settings.peers)
        self.is_dropped = False
        self.is_out_of_sync = False
        self.ends: dict[int, int] = {}
        self.sources: dict[int, int] = {}  # Of which program the inputs of a player are.
        self.departed: dict[int, int | None] = {}
        self.removed: set[int] = set()
        self.departures: list[tuple[int, int, int | None]] = []  # epoch, player, last frame
        self.unheard_since: dict[int, int] = {}
        self.last_word = 0
        storm.players.append(self)

    @property
    def plays(self) -> bool:
        """Whether it takes part."""
        return not (self.is_over or self.is_leaving or self.is_dropped)

    @property
    def model(self) -> CompactModel:
        """The model of this endpoint, or the one beside the line peer."""
        model = getattr(self.endpoint, "model", self.endpoint)
        assert isinstance(model, CompactModel)
        return model

    def names(self, player: int) -> bool:
        """Whether it has named a player, also one that it has removed since."""
        return player in self.removed or any(
            link.player == player for link in self.model.departures.named)

    def handle(self, answer: Answer) -> Answer:
        """Checks what was delivered, notes what was reported, and sends the datagrams."""
        storm = self.storm
        for report in answer.events:
            name, *values = report.split()
            storm.reports[name] += 1
            self.is_dropped |= name == "Dropped"
            self.is_out_of_sync |= name in ("Restarted", "OutOfSync")
            if name == "EpochAhead":
                self.announced = max(self.announced, int(values[0]))
        for player, inputs in answer.inputs_of.items():
            for frame, data in inputs:
                self._check(player, frame, data)
        for player, last in answer.departed:
            if player in self.departed:
                raise Failure(f"player {player} departs twice at {self.number}")
            if last is not None and self.ends.get(player) != last + 1:
                raise Failure(f"player {player} departs at {self.number} after frame {last}, "
                              f"but was delivered up to {self.ends.get(player)}")
            self.departed[player] = last
            self.departures.append((self.epoch, player, last))
        for player, datagrams in answer.sent_to.items():
            for datagram in datagrams:
                if datagram[0] == word.WORD:
                    self.last_word = self.world.now
                storm.send(self.number, player, datagram)
        self.set_alarm(answer.timeout)
        return answer

    def _check(self, player: int, frame: int, data: bytes) -> None:
        """Compares an input with what was pushed, and its frame with the one before."""
        end = self.ends.get(player)
        sources = [each.program for each in self.storm.players if each.number == player
                   and data == input_of(each.program, self.epoch, frame, len(data))]
        if end not in (None, frame) or sources != [self.sources.get(player, *sources)]:
            raise Failure(f"{self.number} delivers {data.hex()} of {player} for frame {frame} of "
                          f"epoch {self.epoch} after frame {end}, of program {sources}")
        self.sources[player] = sources[0]
        self.ends[player] = frame + 1
        self.storm.delivered += 1

    def receive(self, sender: int, datagram: bytes) -> None:
        """Receives a datagram of a player."""
        if not self.is_over and sender in self.peers:
            self.handle(self.endpoint.receive(self.clock, datagram, sender))

    def tick(self) -> None:
        """One step of its game."""
        if not self.plays:
            return
        world, rng = self.storm.world, self.storm.rng
        world.at(world.now + 16_667 + rng.randint(-1000, 1000), self.tick)
        if self.is_out_of_sync and self.storm.plan.restarts:
            self.begin(max(self.epoch, self.announced) + 1)
        elif self.announced > self.epoch:
            self.begin(self.announced)
        data = input_of(self.program, self.epoch, self.next_frame, self.settings.input_len)
        if self.handle(self.endpoint.push(self.clock, data)).result == "pushed":
            self.next_frame += 1

    def watch(self) -> None:
        """Disconnects peers that have been silent; who has the greater number waits longer."""
        if not self.plays:
            return
        world = self.storm.world
        world.at(world.now + 200 * MS, self.watch)
        for player in sorted(self.peers):
            health = self.handle(self.endpoint.stats(player)).stats["health"]
            if health not in ("Interrupted", "Disconnected", "Connecting") or self.names(player):
                self.unheard_since.pop(player, None)
                continue
            since = self.unheard_since.setdefault(player, world.now)
            extra = 200 * MS * (self.number > player) + 2 * SECOND * (health == "Connecting")
            if world.now - since > LONGEST_SILENCE + extra:
                self.drop(player)

    def drop(self, player: int) -> None:
        """Disconnects a player."""
        self.handle(self.endpoint.drop(self.clock, player))

    @property
    def is_settled(self) -> bool:
        """Whether all that it names have departed, and every survivor is settled."""
        departures = self.model.departures
        return not departures.named or (
            all(link.departure.departed for link in departures.named)
            and all(link.departure.settled for link in departures.survivors))

    def tidy(self) -> None:
        """Removes those that have departed."""
        for link in self.model.departures.named:
            self.handle(self.endpoint.remove(self.clock, link.player))
            self.peers.discard(link.player)
            self.removed.add(link.player)

    def begin(self, epoch: int) -> None:
        """Begins an epoch."""
        self.epoch, self.next_frame = epoch, self.settings.first_frame
        self.ends, self.departed, self.sources = {}, {}, {}
        self.is_out_of_sync = False
        if self.handle(self.endpoint.begin(self.clock, epoch)).result != "ok":
            raise Failure(f"player {self.number} cannot begin epoch {epoch}")

    def add(self, player: int, frame: int) -> bool:
        """Adds a peer from a join frame."""
        if self.handle(self.endpoint.join(self.clock, player, frame)).result == "ok":
            self.peers.add(player)
            return True
        return False


class MeshStorm:
    """One storm; each endpoint is a line peer with its model, or a model that sends any legal form."""

    def __init__(self, plan: Plan, seed: str, make_line: Maker, make_model: Maker) -> None:
        """Starts the players."""
        self.plan = plan
        self.rng = Random(f"{seed}/meshstorm/{plan.name}")
        self.world = World(plan.conditions, Random(f"{seed}/network/{plan.name}"))
        self.makers = (make_line, make_line, make_model)
        self.players: list[Player] = []
        self.recorded: list[tuple[int, int, bytes]] = []
        self.cut: Counter[tuple[int, int]] = Counter()
        self.reports: Counter[str] = Counter()
        self.delivered = 0
        self.is_quiet = False
        everyone = range(plan.players)
        for number in everyone:
            self._start(number, [each for each in everyone if each != number])
        if plan.is_split:
            self._split()

    def _start(self, number: int, peers: list[int], **changes: object) -> Player:
        """Starts a player."""
        settings = replace(self.plan.settings, local_player=number, peers=tuple(peers),
                           incarnation=self.rng.randrange(1 << 32, 1 << 64), **changes)
        player = Player(self, settings, self.rng.choice(self.makers)(settings))
        self.world.at(self.world.now + self.rng.randrange(1, 100_000), player.tick)
        self.world.at(self.world.now + self.rng.randrange(1, 100_000), player.watch)
        return player

    @property
    def playing(self) -> list[Player]:
        """Those that take part."""
        return [player for player in self.players if player.plays]

    # The network.

    def send(self, sender: int, receiver: int, datagram: bytes) -> None:
        """Sends a datagram of a player to another, unless the way is cut."""
        self.recorded.append((sender, receiver, datagram))
        if self.cut[sender, receiver] <= 0:
            self.world.send(datagram, lambda data: self._arrive(sender, receiver, data),
                            (sender, receiver))

    def _arrive(self, sender: int, receiver: int, datagram: bytes) -> None:
        """Delivers a datagram."""
        for player in self.players:
            if player.number == receiver:
                player.receive(sender, datagram)

    # Trouble.

    def _trouble(self) -> None:
        """Does one thing, and plans the next."""
        if self.is_quiet:
            return
        rng, plan = self.rng, self.plan
        self.world.at(self.world.now + rng.randrange(1, 20_000), self._trouble)
        kinds: list[tuple[int, Callable[[], None]]] = [
            (plan.deaths, self._kill), (plan.byes, self._leave), (plan.accusations, self._accuse),
            (plan.cuts, self._cut), (plan.flaps, self._flap), (plan.epochs, self._begin),
            (plan.joins, self._join), (plan.removals, self._tidy), (plan.restarts, self._restart),
            (plan.forgeries, self._forge), (100, self._replay)]
        how = rng.randrange(1000)
        for weight, trouble in kinds:
            if how < weight:
                trouble()
                return
            how -= weight

    def _one(self, least: int = 1) -> Player | None:
        """A player that takes part, if there are enough."""
        return self.rng.choice(self.playing) if len(self.playing) >= least else None

    def _kill(self) -> None:
        """Ends a player at once."""
        if player := self._one(3):
            player.end()

    def _leave(self) -> None:
        """Lets a player say goodbye."""
        if player := self._one(3):
            player.leave()

    def _accuse(self) -> None:
        """Lets a player disconnect another one, whoever that is."""
        if (player := self._one(3)) and player.peers:
            player.drop(self.rng.choice(sorted(player.peers)))

    def _cut(self) -> None:
        """Cuts the way between two for a while, in one direction or both."""
        numbers = list(dict.fromkeys(player.number for player in self.players))
        a, b = self.rng.sample(numbers, 2)
        ways = [(a, b), (b, a)][:self.rng.randint(1, 2)]
        self.cut.update(ways)
        self.world.at(self.world.now + self.rng.choice([300 * MS, SECOND, 3 * SECOND]),
                      lambda: self.cut.subtract(ways))

    def _flap(self) -> None:
        """Closes a transport for a while."""
        if (player := self._one()) and player.peers:
            peer = self.rng.choice(sorted(player.peers))
            player.handle(player.endpoint.close(player.clock, peer))
            self.world.at(self.world.now + self.rng.randrange(1, SECOND),
                          lambda: self._open(player, peer))

    def _open(self, player: Player, peer: int) -> None:
        """Opens a transport again."""
        if not player.is_over:
            player.handle(player.endpoint.open(player.clock, peer))

    def _begin(self) -> None:
        """Lets a player begin an epoch; the others follow."""
        if player := self._one():
            player.begin(player.epoch + 1)

    def _tidy(self) -> None:
        """Removes those that have departed at all ends, once all are settled."""
        if all(player.is_settled for player in self.playing):
            for player in self.playing:
                player.tidy()

    def _join(self) -> None:
        """Lets one more player join, unless the epochs differ."""
        playing = self.playing
        number = max(player.number for player in self.players) + 1
        if number > 6 or not playing or len({player.epoch for player in playing}) > 1:
            return
        if any(player.model.departures.named for player in playing):
            return
        frame = max(player.next_frame for player in playing) + 60
        peers = [player.number for player in playing if player.add(number, frame)]
        if len(peers) < 2:
            return
        joiner = self._start(number, peers, joins=tuple(peers), epoch=playing[0].epoch)
        joiner.peers.clear()
        joiner.next_frame = frame
        for peer in peers:
            if not joiner.add(peer, frame):
                raise Failure(f"{number} cannot join {peer}")

    def _restart(self) -> None:
        """Starts a player again in the place of itself, mostly in the same epoch."""
        if player := self._one():
            self._start_again(player)

    def _start_again(self, player: Player) -> None:
        """Starts a player in the place of itself, in the epoch that it was in."""
        player.end()
        self._start(player.number, sorted(player.peers), epoch=player.epoch)

    def _split(self) -> None:
        """Cuts the last player from some of the others, and, once it starts again, from the rest of them."""
        last = self.players[-1]
        others = sorted(last.peers)
        self.rng.shuffle(others)
        met = self.rng.randint(1, len(others) - 1)
        first, second = ([way for other in part for way in ((last.number, other), (other, last.number))]
                         for part in (others[met:], others[:met]))

        def swap() -> None:
            """Starts it again."""
            self.cut.subtract(first)
            self.cut.update(second)
            self._start_again(last)

        self.cut.update(first)
        self.world.at(self.world.now + self.rng.randrange(SECOND // 3, SECOND), swap)

    def _forge(self) -> None:
        """Lets a player say that it has inputs of another run of a third: that names no player."""
        if len(self.playing) < 2:
            return
        sender, receiver = self.rng.sample(self.playing, 2)
        link = receiver.model.links.get(sender.number)
        known = [each for each in receiver.model.links.values() if each.source and each is not link]
        if link is None or not known:
            return
        of = self.rng.choice(known)
        said = Entry(of.player, of.source ^ self.rng.choice([1, 0x8000]) or 2, of.recv_next)
        named = receiver.model.departures.named
        receiver.receive(sender.number, word.encode_word(link.inbound(), word.Word(True, True, (said,))))
        if receiver.model.departures.named != named:
            raise Failure(f"{receiver.number} names {of.player} by a word about another run of it")

    def _replay(self) -> None:
        """Replays an earlier datagram."""
        if self.recorded:
            recent = self.recorded[-100:] if self.rng.random() < 0.5 else self.recorded
            self._arrive(*self.rng.choice(recent))

    # The whole.

    def run(self) -> None:
        """Runs the storm, then the quiet."""
        try:
            self.world.at(SECOND, self._trouble)
            self._run_until(self.plan.length)
            self.is_quiet = True
            self.cut.clear()
            self.world.conditions = CALM
            for player in self.playing:
                for peer in sorted(player.peers):
                    self._open(player, peer)
            self._run_until(self.world.now + QUIET)
            self._check_end()
        except (Failure, Disagreement, Broken, Refused) as error:
            raise Failure(f"at {self.world.now} us: {error}{self._last_commands()}") from error
        finally:
            for player in self.players:
                getattr(player.endpoint, "kill", lambda: None)()

    def _run_until(self, moment: int) -> None:
        """Lets time pass."""
        while self.world.now < moment:
            self.world.step()

    def _check_end(self) -> None:
        """All that is named has departed, nobody speaks of it any more, and all agree."""
        for player in self.playing:
            named = {link.player for link in player.model.departures.named}
            if named | player.removed != set(player.departed):
                raise Failure(f"{player.number} waits for {named - set(player.departed)}")
            if player.last_word > self.world.now - 2 * SECOND:
                raise Failure(f"{player.number} still sends words at {player.last_word}")
        for a, b in combinations(self.playing, 2):
            if a.epoch != b.epoch or a.names(b.number) or b.names(a.number):
                continue
            if a.departed != b.departed:
                raise Failure(f"{a.number} has {a.departed}, and {b.number} {b.departed}")
            for number in a.departed:
                if a.ends.get(number) != b.ends.get(number):
                    raise Failure(f"the inputs of {number} differ at {a.number} and {b.number}")
                if a.sources.get(number) != b.sources.get(number):
                    raise Failure(f"{a.number} and {b.number} have inputs of two programs of {number}")

    def _last_commands(self) -> str:
        """The last commands of the line peers that still run."""
        text = ""
        for player in self.players:
            line = getattr(player.endpoint, "line", None)
            if line and not player.is_over:
                text += (f"\n  player {player.number}: command {len(line.transcript)} was "
                         f"{line.transcript[-1]}\n    lines {' '.join(player.settings.options())}")
        return text


KEY = bytes(range(40, 56))

PLANS = [
    Plan("departures, 3, no key", Settings(session_id=0x61, input_len=4), 3),
    Plan("departures, 4, key", Settings(session_id=0x62, input_len=4, key=KEY)),
    Plan("departures, 5, short tags",
         Settings(session_id=0x63, input_len=8, key=KEY, short_tags=True, window=30, epoch=3), 5),
    Plan("departures, 4, epochs", Settings(session_id=0x64, input_len=4, first_frame=5), epochs=3),
    Plan("departures, 4, joiners", Settings(session_id=0x65, input_len=4, key=KEY), 3, joins=30,
         deaths=1, cuts=2, flaps=2),
    Plan("departures, 5, removals", Settings(session_id=0x68, input_len=4, key=KEY), 5, length=8 * SECOND,
         deaths=3, removals=40),
    Plan("departures, 5, slow pings",
         Settings(session_id=0x66, input_len=32, ping_us=400_000, frame_us=33_333), 5),
    Plan("departures, 4, restarts", Settings(session_id=0x67, input_len=4), deaths=1, byes=0,
         accusations=0, cuts=1, flaps=1, restarts=1, forgeries=0, is_split=True),
]
