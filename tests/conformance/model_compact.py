"""A model endpoint of the compact wire: window, hello, epochs, timing (3.6 to 3.10)."""

from __future__ import annotations

from random import Random

import body
import control
import wire_compact
from checksums import Checksums
from end import WINDOW, Failed, Settings
from model import Model
from pace import Pace
from wire_compact import Direction, Received, Refused, Timing

UNIT = 250


class CompactModel(Model):
    """One end of the compact wire with one peer."""

    def __init__(self, settings: Settings, forms: Random | None = None) -> None:
        """Adds the peer at time 0; with `forms` it sends random legal forms of its inputs."""
        super().__init__(settings)
        self.forms = forms
        self.peer_incarnation = settings.peer_incarnation
        self.mismatch = False
        self.restarted = False
        self.peer_epoch: int | None = None
        self.pace = Pace(settings)
        self.block: tuple[int, int, int] | None = None  # stamp, time it was handled, sent
        self.rtt: float | None = None
        # Whether the text settles the RTT: it does not say whether opening again forgets it, nor
        # what a round trip is that began before the peer was added.
        self.rtt_is_settled = True
        self.checksums = Checksums(settings.ping_us)
        self._start_epoch()

    def _start_epoch(self) -> None:
        """Sets both windows to their start."""
        start = self.settings.first_frame
        self.next = self.want = self.acked = start
        self.ours: dict[int, bytes] = {}
        self.theirs: dict[int, bytes] = {}

    # What follows from the state.

    @property
    def runs(self) -> bool:
        """Whether the link runs."""
        return self.peer_incarnation is not None and not self.mismatch and not self.restarted

    @property
    def ahead(self) -> bool:
        """Whether the peer is ahead."""
        return self.peer_epoch is not None and self.peer_epoch > self.epoch

    def outbound(self) -> Direction:
        """The direction of what we send."""
        s = self.settings
        return Direction(s.session, s.incarnation, self.peer_incarnation or 0, self.epoch, s.me,
                         s.peer, s.input_size, WINDOW, s.key)

    def inbound(self) -> Direction:
        """The direction of what we receive."""
        s = self.settings
        return Direction(s.session, self.peer_incarnation or 0, s.incarnation, self.epoch, s.peer,
                         s.me, s.input_size, WINDOW, s.key)

    def reference(self, inputs: dict[int, bytes], frame: int) -> bytes:
        """The input of the frame before `frame`."""
        return inputs.get(frame - 1, bytes(self.settings.input_size))

    # Pushing, receiving, epochs.

    def do_push(self, data: bytes) -> None:
        """Takes an input of ours."""
        if self.next - self.acked >= WINDOW:
            raise Failed("window full")
        self.pace.pushed(self.now)
        self.ours[self.next] = data
        self.next += 1

    def do_begin(self) -> None:
        """Starts an epoch anew."""
        self.restarted = False
        self._start_epoch()
        self.checksums = Checksums(self.settings.ping_us)
        self.pace.epoch_began(self.now)

    def do_open(self) -> None:
        """Takes note that the transport has opened again."""
        self.pace.opened(self.now)
        self.rtt_is_settled = False

    def do_receive(self, datagram: bytes) -> None:
        """Takes a datagram of any kind."""
        if len(datagram) > wire_compact.MAX_DATAGRAM:
            raise Refused("too long")
        if not datagram:
            raise Refused("truncated")
        tag = datagram[0]
        if tag & 0x80:
            self._receive_inputs(datagram)
        elif tag == control.HELLO:
            self._receive_hello(datagram)
        elif tag == control.BYE:
            if self.peer_incarnation is None:
                raise Refused("not known")
            control.open_bye(self.inbound(), datagram)
        elif tag == control.CHECKSUMS:
            if not self.runs:
                raise Refused("not running")
            self.checksums.receive(self.now, control.open_checksums(self.inbound(), datagram))
        else:
            raise Refused("unknown type")

    def _receive_inputs(self, datagram: bytes) -> None:
        """Takes an input datagram (3.7)."""
        if not self.runs:
            raise Refused("not running")
        got = wire_compact.decode(self.inbound(), datagram, self.want, self.next)
        moved = self._take_inputs(got)
        if got.ack > self.acked:
            self.acked = got.ack
            for frame in [frame for frame in self.ours if frame < self.acked - 1]:
                del self.ours[frame]
            moved = True
        if moved:
            self.pace.moved(self.now)
        if got.timing and self._use_block(got.timing) or moved:
            self.pace.heard = self.now
        self.pace.accepted(self.now, got.count > 0)

    def _take_inputs(self, got: Received) -> bool:
        """Appends the new inputs of a datagram, and says whether there were any."""
        if got.end <= self.want:
            return False
        inputs = body.resolve(got.inputs, self.reference(self.theirs, got.base))
        for frame in range(self.want, got.end):
            self.theirs[frame] = inputs[frame - got.base]
            self.told.append((frame, self.theirs[frame]))
        self.want = got.end
        for frame in [frame for frame in self.theirs if frame < self.want - WINDOW]:
            del self.theirs[frame]
        return True

    # The timing block (3.6).

    def _use_block(self, timing: Timing) -> bool:
        """Uses a timing block if it is new, and says whether it was."""
        if self.block is not None:
            rise = (timing.sent - self.block[2]) % 65536
            if not 1 <= rise <= 32767:
                return False
        self.block = (timing.stamp, self.now, timing.sent)
        if timing.echo != 0:
            units = (self.now // UNIT - timing.echo) % 65536
            units = 0 if units >= 65534 else units
            if units < 32768:
                sample = units * UNIT
                self.rtt_is_settled &= sample <= self.now
                self.rtt = sample if self.rtt is None else self.rtt * 7 / 8 + sample / 8
        return True

    def _make_block(self) -> Timing:
        """The timing block of a datagram polled now."""
        clock = self.now // UNIT
        echo = 0
        if self.block is not None:
            stamp, handled, _ = self.block
            held = clock - handled // UNIT
            if held <= 8000:
                echo = (stamp + held) % 65536 or 1
        return Timing(clock % 65536, echo, (self.pace.total + 1) % 65536)

    # Hello (3.9, 3.10).

    def _receive_hello(self, datagram: bytes) -> None:
        """Takes a hello."""
        s = self.settings
        rest = control.open_hello(s.session, s.key, datagram)
        version = rest[0]
        pair = int.from_bytes(rest[1:3], "big"), int.from_bytes(rest[3:5], "big")
        if pair == (s.me, s.peer):
            raise Refused("reflected")
        if pair != (s.peer, s.me):
            return
        if version != 1:
            self.mismatch = True
            self.pace.heard = self.now
            return
        hello = control.unpack_hello(rest)
        if self.peer_incarnation is not None and hello.incarnation < self.peer_incarnation:
            raise Refused("late")
        self.pace.heard = self.now
        if (hello.input_size, hello.window, hello.first_frame) != (
                s.input_size, WINDOW, s.first_frame):
            self.mismatch = True
            return
        self.mismatch = False
        if self.peer_incarnation is not None and hello.incarnation > self.peer_incarnation:
            self.restarted = True
            self.block = None
            self.rtt = None
            self.rtt_is_settled = True
            self.pace.has_accepted = False
        self.peer_incarnation = hello.incarnation
        self.peer_epoch = max(hello.epoch, self.peer_epoch or 0)

    def _make_hello(self) -> bytes:
        """Our hello."""
        s = self.settings
        return control.encode_hello(s.session, s.key, control.Hello(
            1, s.me, s.peer, s.input_size, WINDOW, s.frame_us, s.ping_us // 1000, s.first_frame,
            self.epoch, s.incarnation))

    # Polling (3.8).

    @property
    def owed(self) -> bool:
        """Whether something is unacknowledged."""
        return self.next > self.acked

    def _input_due(self, moment: int) -> bool:
        """Whether an input datagram is due at a moment."""
        return self.runs and self.pace.input_due(moment, self.owed, self.acked)

    def poll(self) -> list[bytes]:
        """Hello and the input datagram, if they are due."""
        sent = []
        if self.pace.hello_due(self.now, self.ahead):
            self.pace.sent_hello(self.now)
            sent.append(self._make_hello())
        if self._input_due(self.now):
            timing = self._make_block() if self.pace.block_due(self.now) else None
            inputs = [self.ours[frame] for frame in range(self.acked, self.next)]
            sent.append(wire_compact.encode(
                self.outbound(), self.acked, self.reference(self.ours, self.acked), inputs,
                self.want, timing, rng=self.forms))
            self.pace.sent_inputs(self.now, timing is not None, self.acked, self.next)
        if self.runs and self.checksums.due(self.now):
            sent.append(control.encode_checksums(self.outbound(), self.checksums.poll(self.now)))
        return sent

    def next_wake(self) -> int | None:
        """The next moment at which a datagram becomes due by itself."""
        moments = self.pace.hello_moments(self.ahead)
        if self.runs:
            moments += [moment for moment in self.pace.input_moments(self.owed)
                        if self._input_due(max(moment, self.now))]
            moments += self.checksums.moments()
        return min((max(moment, self.now) for moment in moments), default=None)

    def statistics(self) -> dict[str, object]:
        """The figures that can be compared."""
        figures = {"refused": self.refused, "unacked": self.next - self.acked}
        return {**figures, "rtt_us": self.rtt} if self.rtt_is_settled else figures
