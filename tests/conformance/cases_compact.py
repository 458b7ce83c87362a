"""Random datagrams and settings of the compact wire, chosen to fit the state of a model."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import body
import cases_word
import control
import wire_compact
import word
from endpoint import LAST_FREE_EPOCH, MAX_EPOCH, Settings
from link import Link
from mutate import changed, damaged
from wire_compact import Direction, Timing

MAX = 0xFFFFFFFF
MAX_64 = (1 << 64) - 1


def random_incarnation(rng: Random) -> int:
    """A random incarnation, occasionally one at the ends of the range."""
    return rng.choice([1 << 32, MAX_64] + 6 * [rng.randrange(1 << 32, 1 << 64)])


def random_settings(rng: Random) -> Settings:
    """Settings of a line peer on the compact wire."""
    local_player, peer_player = rng.sample([0, 1, 2, 258, 65535, rng.randrange(65536)], 2)
    if local_player == peer_player:
        peer_player = (local_player + 1) % 65536
    return Settings(
        "compact", rng.choice([1, 1, 1, 2, 4, 8, 16, 32]),
        rng.choice([0, 1, rng.getrandbits(64), (1 << 64) - 1]),
        rng.choice([0, 0, 1, 2, 6, rng.randrange(LAST_FREE_EPOCH), LAST_FREE_EPOCH - 1]),
        local_player, peer_player,
        rng.randbytes(16) if rng.random() < 0.35 else None, 3,
        rng.choice([16667, 16667, 33333, 8333, 1000, 250_001]),
        rng.choice([200_000, 200_000, 20_000, 99_999, 1_000_000, 1_999_999]),
        random_incarnation(rng), rng.choice([None, None, 1, random_incarnation(rng)]),
        rng.choice([0, 0, 0, 1, 3, 100, 255, 256, 1000, rng.getrandbits(32) >> 1, MAX - 40,
                    MAX - 300]), rng.random() < 0.5, rng.choice([120, 120, 30]),
        rng.choice([0, 0, 1, 6, 40, 255]), rng.choice([None, None, 0, 1, 250]))


class CompactCase:
    """Makes datagrams of one peer for a line peer whose state a model shares."""

    def __init__(self, rng: Random, link: Link) -> None:
        """Starts without datagrams."""
        self.rng = rng
        self.link = link
        self.model = link.session
        self.history: list[bytes] = []
        self.reflected: list[bytes] = []
        self.sent = rng.choice([0, 0, rng.randrange(65536)])
        # What the case is mostly about: inputs, hellos, or hellos with another tag.
        self.mood = rng.choice(["inputs", "inputs", "inputs", "hellos", "hellos", "foreign"])
        # Whether inputs are random and seldom acknowledged, so that datagrams are cut.
        self.is_full = link.settings.input_len >= 16 and rng.random() < 0.7
        # How often words come.
        self.words_below = 0.21 if len(self.model.links) == 1 else 0.45
        # The round trip in units of 250 us, if it is not any: it rises and falls by queues.
        self.shortest_trip = rng.choice([0, 1, 100, 500, 3000])
        self.trip = self.shortest_trip if rng.random() < 0.6 else None
        self.peer_clock = rng.randrange(65536)
        self.longest_queue = rng.choice([150, 400, 8000])
        self.is_filling = True
        # Runs that say hello besides the one that is known.
        self.others = [random_incarnation(rng) for _ in range(2)]

    def push_data(self) -> bytes:
        """An input to push."""
        m = self.model
        if self.is_full:
            return self.rng.randbytes(self.link.settings.input_len)
        return changed(self.rng, self.link.reference(self.link.local_inputs, m.send_next))

    def datagram(self) -> bytes:
        """The next datagram for both to receive."""
        rng = self.rng
        how = rng.random()
        if self.mood == "foreign" and rng.random() < 0.5:
            return self._foreign_hello()
        if self.mood == "hellos" and rng.random() < 0.7:
            return self._hello()
        if self.link.handshake.partner is None and rng.random() < 0.3:
            return self.hello_that_helps()
        if not self.link.liveness.is_alive(self.model.now) and rng.random() < 0.25:
            return self.hello_that_helps() if rng.random() < 0.3 else self._hello()
        if how < 0.04 and self.history:
            return rng.choice(self.history[-40:])
        if how < 0.06 and self.reflected:
            return rng.choice(self.reflected[-10:])
        if how < 0.07:
            return rng.randbytes(rng.choice([0, 1, 2, 3, 5, 6, 11, rng.randrange(60)]))
        if how < 0.13:
            datagram = self._hello()
        elif how < 0.15:
            datagram = self._bye()
        elif how < 0.18:
            datagram = self._checksums()
        elif how < self.words_below:
            datagram = self._word()
        else:
            datagram = self._inputs()
        if rng.random() < 0.25:
            return damaged(rng, datagram)
        self.history.append(datagram)
        return datagram

    def _direction(self) -> Direction:
        """The direction of the peer's datagrams, occasionally a wrong one."""
        rng, right = self.rng, self.link.inbound()
        if rng.random() > 0.04:
            return right
        other = [replace(right, epoch=(right.epoch + 4) & MAX),
                 replace(right, epoch=(right.epoch + 1) & MAX),
                 replace(right, sender_incarnation=right.sender_incarnation ^ 1),
                 replace(right, receiver_incarnation=right.receiver_incarnation ^ 1 << 63),
                 replace(right, sender_incarnation=rng.choice(self.others)),
                 replace(right, first_frame=(right.first_frame + 1) & MAX),
                 replace(right, short_tags=not right.short_tags),
                 replace(right, sender=right.receiver, receiver=right.sender),
                 replace(right, session_id=right.session_id ^ 1), replace(right, window=8),
                 replace(right, input_len=right.input_len + 1),
                 replace(right, key=None if right.key else bytes(16)), self.link.outbound()]
        return rng.choice(other)

    # Input datagrams.

    def _numbers(self) -> tuple[int, int]:
        """E and n: mostly new frames, also old, straddling, far and impossible ones."""
        rng, recv_next, window = self.rng, self.link.recv_next, self.link.settings.window
        kind = rng.random()
        if kind < 0.45:  # what a real peer sends, from its `acked` on
            base = recv_next - rng.choice([0, 0, 1, 2, 5, rng.randint(0, 60)])
            end = recv_next + rng.choice([0, 1, 1, 2, 3, rng.randint(0, 30)])
        elif kind < 0.6:  # old inputs, or an acknowledgement without inputs
            end = recv_next - rng.choice([0, 0, 1, rng.randint(0, 130)])
            base = end - rng.choice([0, 0, 1, rng.randint(0, 40), rng.randint(0, window)])
        elif kind < 0.75:  # straddling, whole windows
            base = recv_next - rng.randint(0, window)
            end = base + rng.randint(0, window)
        elif kind < 0.85:  # at the edges of what is allowed
            base = recv_next + rng.choice([0, 0, 1, 2, -window, 1 - window, -window - 1])
            end = base + rng.choice([0, 1, 14, 15, 16, window - 1, window])
        elif kind < 0.92:
            end = recv_next + rng.choice([window, window + 1, 127, 128, 129, -127, -128, -129, 256])
            base = end - rng.choice([0, 1, window, window + 1, 127, rng.randint(0, window)])
        else:
            base = recv_next - rng.randint(0, 10)
            end = base + rng.randint(window - 2, window + 6)
        end = min(max(end, 0), MAX)
        count = min(max(end - base, 0), 270)
        return end, count

    def _ack(self) -> int:
        """A: mostly between `acked` and `send_next`."""
        rng, m = self.rng, self.model
        kind = rng.random()
        if self.is_full and rng.random() < 0.9:
            return min(self.link.acked + rng.choice([0, 0, 0, 1, 5]), m.send_next)
        if kind < 0.8:
            low = min(self.link.acked, m.send_next)
            return rng.choice([low, m.send_next, rng.randint(low, m.send_next)])
        if kind < 0.92:
            return max(0, m.send_next - rng.choice([rng.randint(0, 300), 255, 256]))
        return min(MAX, m.send_next + rng.randint(1, 260))

    def _timing(self) -> Timing | None:
        """A timing block, without an echo of what nobody can have sent to a peer that joined late."""
        block = self._any_timing()
        if block is not None and self.link.added_at:
            now = self.model.now
            if (now // 250 - block.echo) % 65536 * 250 > now - self.link.added_at:
                return replace(block, echo=0)
        return block

    def _any_timing(self) -> Timing | None:
        """A timing block: mostly the next one of the peer, with a plausible echo."""
        rng = self.rng
        self.sent = (self.sent + 1) % 65536
        if rng.random() < 0.6:
            return None
        clock = self.model.now // 250
        echo = (clock - rng.choice([0, 1, 40, rng.randrange(4000), rng.randrange(65536)])) % 65536
        if rng.random() < 0.15:
            echo = rng.choice([0, 1, (clock + 1) % 65536, (clock + 2) % 65536, 65535])
        sent = self.sent
        if rng.random() < 0.15:
            block = self.link.estimates.block
            last = block.sent if block else sent
            step = rng.choice([0, -1, 1, 32767, 32768, -32768, rng.randrange(65536)])
            sent = (last + step) % 65536
        lost = rng.choice([0, 0, 8, 128, 255, rng.randrange(256)])
        lead = rng.choice([-128, 127, rng.randrange(-127, 127), rng.randrange(-12, 12)])
        if self.trip is None or rng.random() < 0.02:
            return Timing(rng.randrange(65536), echo, sent, lost, lead)
        return self._block_of_a_path(clock, sent, lost, lead)

    def _block_of_a_path(self, clock: int, sent: int, lost: int, lead: int) -> Timing:
        """A timing block whose round trip rises and falls by queues."""
        assert self.trip is not None
        rng, most = self.rng, self.longest_queue
        step = rng.randint(-most // 40, most // 6)
        self.trip = max(self.trip + (step if self.is_filling else -step), self.shortest_trip)
        if rng.random() < 0.02:
            self.trip = self.shortest_trip
        queued = self.trip - self.shortest_trip
        if queued == 0 or queued > most:
            self.is_filling = queued == 0
        inward = self.shortest_trip // 2 + rng.randint(0, queued)
        stamp = (clock + self.peer_clock - inward) % 65536
        return Timing(stamp, (clock - self.trip) % 65536 or 1, sent, rng.choice([0, 0, 0, lost]), lead)

    def _inputs(self) -> bytes:
        """An input datagram of valid or nearly valid content, with a valid tag."""
        rng, m = self.rng, self.model
        end, count = self._numbers()
        timing = self._timing()
        base = end - count
        reference = self.link.reference(self.link.remote_inputs, base)
        if rng.random() < 0.03:
            reference = rng.randbytes(len(reference))
        inputs: list[bytes] = []
        before = reference
        for frame in range(base, end):
            known = self.link.remote_inputs.get(frame)
            if known is None or rng.random() < 0.01:
                known = changed(rng, before)
            inputs.append(known)
            before = known
        forms = rng if rng.random() < 0.4 else None
        direction, ack = self._direction(), self._ack()
        if base < 0 or count > self.link.settings.window or rng.random() < 0.15:
            return self._sealed(direction, end, ack, count, timing,
                                body.encode(reference, inputs, forms))
        return wire_compact.encode(direction, base, reference, inputs, ack, timing, rng=forms)

    def _sealed(self, direction: Direction, end: int, ack: int, count: int,
                timing: Timing | None, data: bytes) -> bytes:
        """An input datagram with a valid tag over damaged content."""
        rng = self.rng
        if rng.random() < 0.7:
            data = damaged(rng, data)
        type_byte = 0x80 | (0x40 if timing else 0) | direction.epoch % 4 << 4 | min(count, 15)
        if rng.random() < 0.2:
            type_byte = (type_byte ^ 1 << rng.randrange(7)) & 0xFF
        if rng.random() < 0.03:
            type_byte = type_byte & 0xF0 | 15
        rest = bytes([count - 15]) if count >= 15 else b""
        rest += timing.pack() if timing else b""
        return wire_compact.seal(direction, end, ack, type_byte, rest + data)

    # Hello.

    def _true_hello(self) -> control.Hello:
        """The next hello of a peer that is in the state the line peer knows of."""
        h, s = self.link.handshake, self.link.settings
        incarnation = h.run or (h.candidate.incarnation if h.candidate else self.others[0])
        number = h.candidate.number if h.candidate and h.run is None else h.received_number
        return control.Hello(
            1, s.peer_player, s.local_player, s.input_len, s.window, s.input_tag_size,
            control.PLAYING, s.frame_us, s.ping_us // 1000, s.first_frame, self.model.epoch,
            incarnation, number + 1, s.incarnation, h.hello_number)

    def hello_that_helps(self) -> bytes:
        """A hello that makes inputs flow, unless a restart waits for an epoch."""
        s = self.link.settings
        return control.encode_hello(s.session_id, s.key, self._true_hello())

    def _run_of_hello(self, true: control.Hello) -> control.Hello:
        """The run that says a hello, and what it knows of the local one."""
        rng, h, s = self.rng, self.link.handshake, self.link.settings
        incarnation = rng.choice(3 * [true.incarnation] + 2 * self.others)
        if h.candidate and rng.random() < 0.3:
            incarnation = h.candidate.incarnation
        number = true.number + rng.choice([0, 0, 0, 1, 5, -1])
        if incarnation != true.incarnation:
            number = rng.choice([1, 2, 3, rng.randrange(1, 1 << 32)])
        named = rng.choice(3 * [s.incarnation] + [0, s.incarnation ^ 1])
        answered = rng.choice([h.hello_number, h.hello_number, h.asked, h.asked + 1, 0, 1])
        return replace(true, incarnation=incarnation, number=number & MAX, named=named,
                       answered=answered & MAX, flags=rng.choice([0, 1, 1, 255, 254]))

    def _hello(self) -> bytes:
        """A hello of any kind, with a valid tag."""
        rng, s, true = self.rng, self.link.settings, self._true_hello()
        if rng.random() < 0.6:
            true = self._run_of_hello(true)
        ahead = max(self.model.epoch, self.link.handshake.announced) + rng.choice([0, 1, 1, 2])
        choices = [
            true, true, true, true, replace(true, frame_us=true.frame_us + 1),
            replace(true, ping_ms=rng.choice([0, 1, 300, 1000, 20_000])),
            replace(true, epoch=rng.choice([0, max(true.epoch - 1, 0), ahead, ahead,
                                            rng.getrandbits(31), LAST_FREE_EPOCH + 1])),
            replace(true, epoch=ahead, first_frame=true.first_frame ^ 1),
            replace(true, epoch=rng.choice([MAX_EPOCH, MAX_EPOCH + 1, MAX])),
            replace(true, incarnation=0), replace(true, number=0),
            replace(true, input_len=true.input_len % 255 + 1),
            replace(true, window=rng.choice([2, 29, 119, 121, 127, 255])),
            replace(true, tag_size=rng.choice([2, 4, 8])),
            replace(true, first_frame=(true.first_frame + 1) & MAX),
            replace(true, sender=s.local_player, receiver=s.peer_player),
            replace(true, sender=(s.peer_player + 1) % 65536),
            replace(true, receiver=(s.local_player + 1) % 65536),
            replace(true, version=rng.choice([0, 2])),
            replace(true, window=119, incarnation=rng.choice(self.others)),
            replace(true, version=3, sender=s.local_player),
        ]
        rest = rng.choice(choices).pack()
        if rng.random() < 0.15:
            rest = damaged(rng, rest)
        return control.seal_hello(s.session_id, s.key, rest)

    def _foreign_hello(self) -> bytes:
        """A hello with the tag of another session or key."""
        rng, s = self.rng, self.link.settings
        key = rng.choice([s.key, None if s.key else bytes(16)])
        rest = self._true_hello().pack()[:rng.choice([47, 47, 47, 4, 5])]
        return control.seal_hello(s.session_id ^ 1, key, rest)

    # Bye.

    def _bye(self) -> bytes:
        """A bye, mostly a valid one."""
        rng, direction = self.rng, self._direction()
        bye = control.Bye(direction.receiver_incarnation, rng.choice([self.model.epoch, 0, MAX]),
                          rng.choice([self.link.recv_next, rng.getrandbits(32)]))
        if rng.random() < 0.1:
            bye = replace(bye, named=bye.named ^ 1)
        rest = bye.pack()
        if rng.random() < 0.1:
            rest = damaged(rng, rest)
        return control.seal_bye(direction, rest)

    # Checksums.

    def _checksums(self) -> bytes:
        """A checksums datagram, for whose frames there are free slots."""
        rng, m = self.rng, self.model
        known, free_slots = self.link.checksums.waiting, self.link.checksums.free_slots
        frames = set(rng.sample(sorted(known), rng.randint(0, len(known))))
        new = {self.link.recv_next + rng.randint(0, 200) for _ in range(rng.randint(0, min(free_slots, 4)))}
        frames = sorted(frame for frame in frames | new if frame <= MAX)
        if rng.random() < 0.1:
            frames.reverse()
        hashes = tuple((frame, rng.getrandbits(64)) for frame in frames)
        acknowledged = rng.choice([0, 0, 0, 0, 1, m.send_next, MAX])
        rest = control.Checksums(acknowledged, hashes).pack()
        if rng.random() < 0.1 and free_slots > 5 and len(frames) < 3:
            rest = damaged(rng, rest)[:240]
        return control.seal_checksums(self._direction(), rest)

    # Word.

    def _word(self) -> bytes:
        """A word of any kind, mostly with a valid tag."""
        rng, forms = self.rng, self.rng if self.rng.random() < 0.4 else None
        rest = cases_word.random_word(rng, self.link).pack(self.link.settings.input_len, forms)
        if rng.random() < 0.1:
            rest = damaged(rng, rest)
        return word.seal_word(self._direction(), rest[:1000])
