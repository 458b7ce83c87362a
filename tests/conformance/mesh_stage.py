"""Several endpoints, all peers of each other, whose time and network a scene rules."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Callable

import word
from endpoint import Answer, Endpoint, Settings
from stage import DELAY, FRAME, Maker, claim
from virtual_time import VirtualTime
from wire_compact import Direction

__all__ = ["Mesh", "MeshEnd", "claim"]

# Whether a datagram is lost: of which player, to which one, and its bytes.
Loss = Callable[[int, int, bytes], bool]


@dataclass
class MeshEnd:
    """One endpoint, and what it did."""

    settings: Settings
    endpoint: Endpoint
    is_running: bool = True
    is_playing: bool = False
    next_frame: int = 0
    epoch: int = 0
    wake: int | None = None
    # By player.
    delivered: dict[int, list[tuple[int, bytes]]] = field(default_factory=dict)
    departed: dict[int, int | None] = field(default_factory=dict)
    departed_at: dict[int, int] = field(default_factory=dict)
    reports: list[tuple[str, int]] = field(default_factory=list)
    words: list[tuple[int, int, bytes]] = field(default_factory=list)  # time, player, datagram
    sent: list[tuple[int, int, bytes]] = field(default_factory=list)

    @property
    def player(self) -> int:
        """Its player number."""
        return self.settings.local_player

    def times(self, name: str) -> list[int]:
        """When a report came."""
        return [moment for report, moment in self.reports if report.split()[0] == name]

    def end_of(self, player: int) -> int:
        """The frame after the last input of a player that was delivered."""
        inputs = self.delivered.get(player)
        return inputs[-1][0] + 1 if inputs else self.settings.first_frame


def input_of(player: int, epoch: int, frame: int, size: int) -> bytes:
    """The input of a player in a frame."""
    return ((player * 7919 + epoch * 104_729 + frame * frame * 31) & 0xFFFFFFFF).to_bytes(
        4, "big")[-size:].rjust(size, bytes([frame & 255]))


def incarnation_of(run: int) -> int:
    """The incarnation of a run, whose bits 32 to 47 are not those of another one."""
    return run << 40


class Mesh(VirtualTime):
    """Endpoints on a network that delays and loses datagrams as it is told: by 30 ms, and none."""

    def __init__(self, settings: Settings, make: Maker, count: int = 0) -> None:
        """Starts at time 0, with so many endpoints that play."""
        super().__init__()
        self.make = make
        self.settings = settings
        self.ends: list[MeshEnd] = []
        self.is_lost: Loss = lambda sender, receiver, datagram: False
        self.copies: Callable[[], int] = lambda: 1
        self.delay: Callable[[], int] = lambda: DELAY
        for player in range(count):
            self.start(player, [each for each in range(count) if each != player])
        self.play(*self.ends)

    # Endpoints.

    def start(self, player: int, peers: list[int], incarnation: int = 0, join: int | None = None,
              **changes: object) -> MeshEnd:
        """Starts an endpoint, which joins from a frame if that is given."""
        settings = replace(self.settings, local_player=player, peers=tuple(peers),
                           incarnation=incarnation or incarnation_of(player + 3),
                           joins=() if join is None else tuple(peers), **changes)
        end = MeshEnd(settings, self.make(settings), epoch=settings.epoch,
                      next_frame=settings.first_frame if join is None else join)
        self.ends.append(end)
        for peer in settings.joins:
            assert join is not None
            claim(self.do(end, end.endpoint.join(self.now, peer, join)).result == "ok", "it joins")
        self.do(end, end.endpoint.time(self.now))
        return end

    def play(self, *ends: MeshEnd) -> None:
        """Pushes an input a frame from now on."""
        for end in ends:
            end.is_playing = True
            self._push_again(end)

    def _push_again(self, end: MeshEnd) -> None:
        """Pushes an input, and plans the next one."""
        if end.is_running and end.is_playing:
            self.push(end)
            self.at(self.now + FRAME, lambda: self._push_again(end))

    def push(self, end: MeshEnd) -> None:
        """Pushes an input."""
        data = input_of(end.player, end.epoch, end.next_frame, end.settings.input_len)
        answer = self.do(end, end.endpoint.push(self.now, data))
        if answer.result == "pushed":
            claim(int(answer.detail) == end.next_frame, f"pushed {answer.detail}")
            end.next_frame += 1

    def stop(self, end: MeshEnd) -> None:
        """Ends an endpoint as if it was killed."""
        end.is_running = False
        end.endpoint.stop()

    def drop(self, end: MeshEnd, player: int) -> None:
        """Lets an application disconnect a player."""
        claim(self.do(end, end.endpoint.drop(self.now, player)).result == "ok", "it is dropped")

    def begin(self, end: MeshEnd, epoch: int) -> None:
        """Begins an epoch."""
        end.epoch, end.next_frame = epoch, end.settings.first_frame
        end.delivered, end.departed = {}, {}
        claim(self.do(end, end.endpoint.begin(self.now, epoch)).result == "ok", "an epoch begins")

    def finish(self) -> None:
        """Ends every endpoint."""
        for end in self.ends:
            if end.is_running:
                self.stop(end)

    def kill(self) -> None:
        """Kills the programs that still run."""
        for end in self.ends:
            getattr(end.endpoint, "kill", lambda: None)()

    # Datagrams.

    def do(self, end: MeshEnd, answer: Answer) -> Answer:
        """Notes what a call did, and sends its datagrams."""
        for player, inputs in answer.inputs_of.items():
            for frame, data in inputs:
                known = end.delivered.setdefault(player, [])
                claim(not known or frame == known[-1][0] + 1,
                      f"{end.player} delivers frame {frame} of {player} out of order")
                known.append((frame, data))
                claim(data == input_of(player, end.epoch, frame, len(data)),
                      f"{end.player} delivers what {player} did not push for frame {frame}")
        for player, last in answer.departed:
            claim(player not in end.departed, f"player {player} departs twice at {end.player}")
            end.departed[player] = last
            end.departed_at[player] = self.now
            if last is not None:
                claim(last + 1 == end.end_of(player), f"{player} departs at {end.player} after "
                      f"frame {last}, but it delivered up to {end.end_of(player)}")
        end.reports += [(report, self.now) for report in answer.events]
        for player, datagrams in answer.sent_to.items():
            for datagram in datagrams:
                self._send(end, player, datagram)
        if answer.timeout is not None:
            moment = max(answer.timeout, self.now + 1)
            if end.wake is None or moment < end.wake:
                end.wake = moment
                self.at(moment, lambda: self._ring(end, moment))
        return answer

    def _send(self, end: MeshEnd, player: int, datagram: bytes) -> None:
        """Sends a datagram, once or more, unless it is lost."""
        end.sent.append((self.now, player, datagram))
        if datagram[0] == word.WORD:
            end.words.append((self.now, player, datagram))
        if self.is_lost(end.player, player, datagram):
            return
        for _ in range(self.copies()):
            self.at(self.now + self.delay(), lambda: self.deliver(end.player, player, datagram))

    def deliver(self, sender: int, receiver: int, datagram: bytes) -> None:
        """Delivers a datagram of a player to the endpoint of another."""
        for end in self.ends:
            if end.player == receiver and end.is_running:
                self.receive(end, sender, datagram)

    def receive(self, end: MeshEnd, sender: int, datagram: bytes) -> Answer:
        """Hands a datagram of a player to an endpoint."""
        return self.do(end, end.endpoint.receive(self.now, datagram, sender))

    def _ring(self, end: MeshEnd, moment: int) -> None:
        """Wakes an endpoint, unless its alarm was set again."""
        if end.is_running and end.wake == moment:
            end.wake = None
            self.do(end, end.endpoint.time(self.now))

    # Looking.

    def direction(self, sender: MeshEnd, receiver: MeshEnd) -> Direction:
        """The direction of the datagrams of an endpoint to another, with their first runs."""
        s = sender.settings
        return Direction(s.session_id, s.incarnation, receiver.settings.incarnation, sender.epoch,
                         s.local_player, receiver.player, s.input_len, s.window, s.first_frame,
                         s.key, s.short_tags)

    def say(self, sender: MeshEnd, receiver: MeshEnd, said: word.Word) -> Answer:
        """Lets an endpoint receive a word in the name of another."""
        datagram = word.encode_word(self.direction(sender, receiver), said)
        return self.receive(receiver, sender.player, datagram)

    def said(self, sender: MeshEnd, receiver: MeshEnd, since: int = 0) -> list[word.Word]:
        """The words that an endpoint has sent to another since a moment."""
        direction = self.direction(sender, receiver)
        return [word.open_word(direction, datagram) for moment, player, datagram in sender.words
                if player == receiver.player and moment >= since]

    def claim_silence(self, duration: int, *ends: MeshEnd) -> None:
        """Claims that no words are sent any more."""
        start = self.now
        self.run(duration)
        for end in ends:
            claim(not [each for each in end.words if each[0] > start],
                  f"{end.player} still sends words: {end.words[-1]}")

    def claim_agreement(self, player: int, last: int | None, *ends: MeshEnd) -> None:
        """Claims that a player has departed after the same frame everywhere."""
        found = {end.player: end.departed.get(player, "not") for end in ends}
        claim(all(each == last for each in found.values()),
              f"player {player} departs after {found}, and not after {last}")
