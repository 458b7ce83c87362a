"""Random sessions of the compact wire: what is done to a line peer next, given a model in its state."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import body
import control
import wire_compact
from end import WINDOW, Settings
from model_compact import CompactModel
from mutate import changed, damaged
from wire_compact import Direction, Timing

MAX = 0xFFFFFFFF


def random_settings(rng: Random) -> Settings:
    """Settings of a line peer on the compact wire."""
    me, peer = rng.sample([0, 1, 2, 258, 65535, rng.randrange(65536)], 2)
    if me == peer:
        peer = (me + 1) % 65536
    return Settings(
        "compact", rng.choice([1, 1, 1, 2, 4, 8, 16, 32]),
        rng.choice([0, 1, rng.getrandbits(64), (1 << 64) - 1]),
        rng.choice([0, 0, 1, 2, 6, rng.getrandbits(32) >> 1]), me, peer,
        rng.randbytes(16) if rng.random() < 0.35 else None, 3,
        rng.choice([16667, 16667, 33333, 8333, 1000, 250_001]),
        rng.choice([200_000, 200_000, 20_000, 99_999, 1_000_000, 1_999_999]),
        rng.choice([1, 7, MAX, rng.getrandbits(32)]),
        rng.choice([None, 0, 1, 50, rng.getrandbits(31)]),
        rng.choice([0, 0, 0, 1, 3, 100, 255, 256, 1000, rng.getrandbits(32) >> 1, MAX - 40,
                    MAX - 300]))


class CompactCase:
    """Makes datagrams for a line peer whose state a model mirrors."""

    def __init__(self, rng: Random, mirror: CompactModel) -> None:
        """Starts with nothing sent."""
        self.rng = rng
        self.mirror = mirror
        self.history: list[bytes] = []
        self.reflected: list[bytes] = []
        self.sent = rng.choice([0, 0, rng.randrange(65536)])

    def push_data(self) -> bytes:
        """An input to push."""
        m = self.mirror
        return changed(self.rng, m.reference(m.ours, m.next))

    def datagram(self) -> bytes:
        """The next datagram to hand over."""
        rng = self.rng
        how = rng.random()
        if not self.mirror.runs and rng.random() < 0.3:
            return self._hello_that_helps()
        if how < 0.04 and self.history:
            return rng.choice(self.history[-40:])
        if how < 0.06 and self.reflected:
            return rng.choice(self.reflected[-10:])
        if how < 0.07:
            return rng.randbytes(rng.choice([0, 1, 2, 3, 5, 6, 11, rng.randrange(60)]))
        if how < 0.13:
            datagram = self._hello()
        elif how < 0.15:
            datagram = control.encode_bye(self._direction())
        elif how < 0.18:
            datagram = self._checksums()
        else:
            datagram = self._inputs()
        if rng.random() < 0.25:
            return damaged(rng, datagram)
        self.history.append(datagram)
        return datagram

    def _direction(self) -> Direction:
        """The direction of the peer's datagrams, now and then a wrong one."""
        rng, right = self.rng, self.mirror.inbound()
        if rng.random() > 0.04:
            return right
        other = [replace(right, epoch=(right.epoch + 4) & MAX),
                 replace(right, epoch=(right.epoch + 1) & MAX),
                 replace(right, sender_incarnation=(right.sender_incarnation - 1) & MAX),
                 replace(right, receiver_incarnation=(right.receiver_incarnation - 1) & MAX),
                 replace(right, sender=right.receiver, receiver=right.sender),
                 replace(right, session=right.session ^ 1), replace(right, window=8),
                 replace(right, input_size=right.input_size + 1),
                 replace(right, key=None if right.key else bytes(16)), self.mirror.outbound()]
        return rng.choice(other)

    # Input datagrams.

    def _numbers(self) -> tuple[int, int]:
        """E and n: mostly new frames, also old, straddling, far and impossible ones."""
        rng, want = self.rng, self.mirror.want
        kind = rng.random()
        if kind < 0.45:  # what a real peer sends: from what it knows to be acknowledged
            base = want - rng.choice([0, 0, 1, 2, 5, rng.randint(0, 60)])
            end = want + rng.choice([0, 1, 1, 2, 3, rng.randint(0, 30)])
        elif kind < 0.6:  # old, or an acknowledgement alone
            end = want - rng.choice([0, 0, 1, rng.randint(0, 130)])
            base = end - rng.choice([0, 0, 1, rng.randint(0, 40), rng.randint(0, WINDOW)])
        elif kind < 0.75:  # straddling, whole windows
            base = want - rng.randint(0, WINDOW)
            end = base + rng.randint(0, WINDOW)
        elif kind < 0.85:  # at the edges of what is allowed
            base = want + rng.choice([0, 0, 1, 2, -WINDOW, 1 - WINDOW, -WINDOW - 1])
            end = base + rng.choice([0, 1, 14, 15, 16, WINDOW - 1, WINDOW])
        elif kind < 0.92:
            end = want + rng.choice([WINDOW, WINDOW + 1, 127, 128, 129, -127, -128, -129, 256])
            base = end - rng.choice([0, 1, WINDOW, WINDOW + 1, 127, rng.randint(0, WINDOW)])
        else:
            base = want - rng.randint(0, 10)
            end = base + rng.randint(WINDOW - 2, WINDOW + 6)
        end = min(max(end, 0), MAX)
        count = min(max(end - base, 0), 270)
        return end, count

    def _ack(self) -> int:
        """A: mostly between what is acknowledged and what is pushed."""
        rng, m = self.rng, self.mirror
        kind = rng.random()
        if kind < 0.8:
            return rng.choice([m.acked, m.next, rng.randint(m.acked, m.next)])
        if kind < 0.92:
            return max(0, m.next - rng.choice([rng.randint(0, 300), 255, 256]))
        return min(MAX, m.next + rng.randint(1, 260))

    def _timing(self) -> Timing | None:
        """A timing block: mostly the next one of a peer, with an echo near the truth."""
        rng = self.rng
        self.sent = (self.sent + 1) % 65536
        if rng.random() < 0.6:
            return None
        clock = self.mirror.now // 250
        echo = (clock - rng.choice([0, 1, 40, rng.randrange(4000), rng.randrange(65536)])) % 65536
        if rng.random() < 0.15:
            echo = rng.choice([0, 1, (clock + 1) % 65536, (clock + 2) % 65536, 65535])
        sent = self.sent
        if rng.random() < 0.15:
            last = self.mirror.block[2] if self.mirror.block else sent
            sent = (last + rng.choice([0, -1, 1, 32767, 32768, -32768, rng.randrange(65536)])) % 65536
        return Timing(rng.randrange(65536), echo, sent)

    def _inputs(self) -> bytes:
        """An input datagram, of valid or nearly valid content, with a check that is right."""
        rng, m = self.rng, self.mirror
        end, count = self._numbers()
        timing = self._timing()
        base = end - count
        reference = m.reference(m.theirs, base)
        if rng.random() < 0.03:
            reference = rng.randbytes(len(reference))
        inputs: list[bytes] = []
        before = reference
        for frame in range(base, end):
            known = m.theirs.get(frame)
            if known is None or rng.random() < 0.01:
                known = changed(rng, before)
            inputs.append(known)
            before = known
        forms = rng if rng.random() < 0.4 else None
        direction, ack = self._direction(), self._ack()
        if base < 0 or count > WINDOW or rng.random() < 0.15:
            return self._sealed(direction, end, ack, count, timing,
                                body.encode(reference, inputs, forms))
        return wire_compact.encode(direction, base, reference, inputs, ack, timing, rng=forms)

    def _sealed(self, direction: Direction, end: int, ack: int, count: int,
                timing: Timing | None, data: bytes) -> bytes:
        """A datagram whose content was damaged before the check was made."""
        rng = self.rng
        if rng.random() < 0.7:
            data = damaged(rng, data)
        tag = 0x80 | (0x40 if timing else 0) | direction.epoch % 4 << 4 | min(count, 15)
        if rng.random() < 0.2:
            tag = (tag ^ 1 << rng.randrange(7)) & 0xFF
        if rng.random() < 0.03:
            tag = tag & 0xF0 | 15
        rest = bytes([count - 15]) if count >= 15 else b""
        rest += timing.pack() if timing else b""
        return wire_compact.seal(direction, end, ack, tag, rest + data)

    # Hello.

    def _true_hello(self) -> control.Hello:
        """What the peer would say, if it were as the line peer takes it to be."""
        m, s = self.mirror, self.mirror.settings
        incarnation = m.peer_incarnation if m.peer_incarnation is not None else 40
        return control.Hello(1, s.peer, s.me, s.input_size, WINDOW, s.frame_us,
                             s.ping_us // 1000, s.first_frame, m.epoch, incarnation)

    def _hello_that_helps(self) -> bytes:
        """A hello that lets the link run, unless a restart waits."""
        s = self.mirror.settings
        return control.encode_hello(s.session, s.key, self._true_hello())

    def _hello(self) -> bytes:
        """A hello of any kind, with a check that is right."""
        rng, s, true = self.rng, self.mirror.settings, self._true_hello()
        up = (true.incarnation + rng.choice([1, 2, 1000])) & MAX
        choices = [
            true, true, replace(true, frame_us=true.frame_us + 1), replace(true, ping_ms=1),
            replace(true, epoch=rng.choice([0, (true.epoch + 1) & MAX, (true.epoch - 1) & MAX,
                                            rng.getrandbits(32)])),
            replace(true, incarnation=rng.choice([0, max(true.incarnation - 1, 0), up])),
            replace(true, input_size=true.input_size % 255 + 1),
            replace(true, window=rng.choice([2, 119, 121, 127, 255])),
            replace(true, first_frame=(true.first_frame + 1) & MAX),
            replace(true, sender=s.me, receiver=s.peer), replace(true, sender=(s.peer + 1) % 65536),
            replace(true, receiver=(s.me + 1) % 65536), replace(true, version=rng.choice([0, 2])),
            replace(true, window=119, incarnation=up), replace(true, version=3, sender=s.me),
        ]
        rest = rng.choice(choices).pack()
        if rng.random() < 0.15:
            rest = damaged(rng, rest)
        return control.seal_hello(s.session, s.key, rest)

    # Checksums.

    def _checksums(self) -> bytes:
        """A checksums datagram, of frames that find room to wait."""
        rng, m = self.rng, self.mirror
        known, room = m.checksums.waiting, m.checksums.room
        frames = set(rng.sample(sorted(known), rng.randint(0, len(known))))
        new = {m.want + rng.randint(0, 200) for _ in range(rng.randint(0, min(room, 4)))}
        frames = sorted(frame for frame in frames | new if frame <= MAX)
        if rng.random() < 0.1:
            frames.reverse()
        hashes = tuple((frame, rng.getrandbits(64)) for frame in frames)
        acknowledged = rng.choice([0, 0, 0, 0, 1, m.next, MAX])
        rest = control.Checksums(acknowledged, hashes).pack()
        if rng.random() < 0.1 and room > 5 and len(frames) < 3:
            rest = damaged(rng, rest)[:240]
        return control.seal_checksums(self._direction(), rest)
