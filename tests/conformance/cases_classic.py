"""Random datagrams and settings of the classic wire, chosen to fit the state of a model."""

from __future__ import annotations

from random import Random

import wire_classic
from endpoint import Settings
from model_classic import ClassicModel
from mutate import damaged
from wire_classic import Message

MAX = 0xFFFFFFFF


def random_settings(rng: Random) -> Settings:
    """Settings of a line peer on the classic wire."""
    local_player = rng.choice([0, 1, 300, 65535])
    return Settings(
        "classic", local_player=local_player,
        peer_player=rng.choice([each for each in (0, 1, 2, 300, 65535) if each != local_player]),
        epoch=rng.choice([0, 0, 5]), redundancy=rng.choice([3, 3, 1, 2, 10, 15]),
        frame_us=rng.choice([16667, 16667, 33333, 1000, 250_001]),
        ping_us=rng.choice([500_000, 500_000, 20_000, 200_000, 1_999_999]),
        first_frame=rng.choice([0, 0, 0, 1, 3, 100, 1000, MAX - 40, MAX - 200, MAX]),
        window=rng.choice([120, 120, 30]))


class ClassicCase:
    """Makes datagrams for a line peer whose state a model shares."""

    def __init__(self, rng: Random, model: ClassicModel) -> None:
        """Starts without datagrams."""
        self.rng = rng
        self.model = model
        self.history: list[bytes] = []
        self.reflected: list[bytes] = []

    def push_data(self) -> bytes:
        """An input to push."""
        return self.rng.randbytes(1)

    def datagram(self) -> bytes:
        """The next datagram for both to receive."""
        rng = self.rng
        how = rng.random()
        if how < 0.04 and self.history:
            return rng.choice(self.history[-40:])
        if how < 0.06 and self.reflected:
            return rng.choice(self.reflected[-10:])
        if how < 0.08:
            return rng.randbytes(rng.choice([0, 1, 5, 9, 10, 14, rng.randrange(60)]))
        datagram = wire_classic.encode(self._message())
        if rng.random() < 0.25:
            return damaged(rng, datagram)
        self.history.append(datagram)
        return datagram

    def _message(self) -> Message:
        """A message of any kind."""
        rng, m = self.rng, self.model
        how = rng.random()
        if how < 0.5:
            return self._inputs(wire_classic.INPUT, rng.choice([1, 3, 3, 10, 15, 203, 204]))
        if how < 0.68:
            return self._inputs(wire_classic.INPUT_RESPONSE, rng.choice([1, 5, 20, 120, 203, 204]))
        if how < 0.78:
            first = max(0, m.send_next - rng.randint(-3, 130))
            last = first + rng.choice([0, 1, 5, rng.randint(0, 200), -1, MAX])
            return Message(wire_classic.INPUT_REQUEST, first=min(first, MAX),
                           last=min(max(last, 0), MAX))
        # The text leaves open whether older pings are remembered once newer ones were answered.
        recent = [bits for bits, moment in m.pings if m.now - moment < 7 * m.settings.ping_us]
        if how < 0.84 and recent:
            return Message(wire_classic.PONG, bits=rng.choice(recent))
        if how < 0.845 and m.validations:
            return Message(wire_classic.VALIDATION_PONG, bits=rng.choice(m.validations))
        if how < 0.86:
            return Message(wire_classic.KEEPALIVE)
        kind = rng.choice([wire_classic.PING, wire_classic.PING, wire_classic.PONG,
                           wire_classic.VALIDATION_PING, wire_classic.VALIDATION_PONG])
        strange = [rng.randbytes(8), b"\x80" + bytes(7), b"\x7f\xf8" + bytes(6)]
        return Message(kind, bits=rng.choice(strange))

    def _frames(self, most: int) -> list[int]:
        """Frames that mostly ascend, from old ones to too far ones, with occasional gaps."""
        rng, m = self.rng, self.model
        count = rng.choice([0, 1, 1, 2, 3, most, rng.randint(0, most)])
        kind = rng.random()
        if kind < 0.6:
            last = m.recv_end + rng.choice([0, 0, 1, 2, 5, -1, -3])
        elif kind < 0.75:
            last = m.recv_end - rng.randint(0, 140)
        elif kind < 0.85:
            last = m.far() - rng.choice([0, 1, 1, 2, -1])
        else:
            last = m.recv_end + rng.randint(0, m.settings.window)
        step = rng.choice([1, 1, 1, 2, 7])
        frames = []
        at = last
        for _ in range(count):
            frames.append(at)
            at -= rng.randint(1, step)
        frames.reverse()
        if rng.random() < 0.15:
            rng.shuffle(frames)
        if frames and rng.random() < 0.1:
            frames.insert(rng.randint(0, len(frames)), m.far() + rng.choice([0, 1, 500]))
        if frames and rng.random() < 0.05:
            frames.append(rng.choice(frames))
        return [frame for frame in frames if 0 <= frame <= MAX]

    def _inputs(self, kind: int, most: int) -> Message:
        """An INPUT or an INPUT_RESPONSE."""
        rng, m = self.rng, self.model
        entries = tuple((frame, m.received.get(frame, frame * 7 % 256) ^ (rng.random() < 0.02))
                        for frame in self._frames(most))
        current = entries[-1][0] if entries else rng.choice([0, 7, m.recv_end & MAX])
        if rng.random() < 0.15:
            current = rng.choice([current + 1, current - 1, current + 700, 0, MAX]) & MAX
        player = m.settings.peer_player
        if rng.random() < 0.03:
            player = rng.choice([m.settings.local_player, (player + 1) % 65536])
        flags = rng.choice([0, 0, 0, rng.randrange(256)])
        return Message(kind, player, current, flags, entries)
