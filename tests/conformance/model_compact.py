"""A model endpoint of the compact wire: window, hello, epochs, timing (3.6 to 3.10)."""

from __future__ import annotations

from random import Random

import body
import control
import wire_compact
from checksums import Checksums
from endpoint import WINDOW, Failed, Settings
from model import Model
from schedule import Schedule
from wire_compact import Direction, Received, Refused, Timing

UNIT = 250


class CompactModel(Model):
    """An endpoint of the compact wire with one peer."""

    def __init__(self, settings: Settings, forms: Random | None = None) -> None:
        """Adds the peer at time 0; with `forms` it sends random legal forms of its inputs."""
        super().__init__(settings)
        self.forms = forms
        self.peer_incarnation = settings.peer_incarnation
        self.mismatch = False
        self.restarted = False
        self.peer_epoch: int | None = None
        self.schedule = Schedule(settings)
        self.block: tuple[int, int, int] | None = None  # stamp, time it was handled, sent
        self.rtt: float | None = None
        # Whether the text specifies the RTT. It does not if the transport has opened again, nor if
        # a round trip began before the peer was added.
        self.rtt_is_settled = True
        self.checksums = Checksums(settings.ping_us)
        self._start_epoch()

    def _start_epoch(self) -> None:
        """Resets both windows."""
        start = self.settings.first_frame
        self.send_next = self.recv_next = self.acked = start
        self.local_inputs: dict[int, bytes] = {}
        self.remote_inputs: dict[int, bytes] = {}

    # Derived from the state.

    @property
    def runs(self) -> bool:
        """Whether the link runs."""
        return self.peer_incarnation is not None and not self.mismatch and not self.restarted

    @property
    def ahead(self) -> bool:
        """Whether the peer is ahead."""
        return self.peer_epoch is not None and self.peer_epoch > self.epoch

    def outbound(self) -> Direction:
        """The direction of sent datagrams."""
        s = self.settings
        return Direction(s.session_id, s.incarnation, self.peer_incarnation or 0, self.epoch,
                         s.local_player, s.peer_player, s.input_len, WINDOW, s.key)

    def inbound(self) -> Direction:
        """The direction of received datagrams."""
        s = self.settings
        return Direction(s.session_id, self.peer_incarnation or 0, s.incarnation, self.epoch,
                         s.peer_player, s.local_player, s.input_len, WINDOW, s.key)

    def reference(self, inputs: dict[int, bytes], frame: int) -> bytes:
        """The predecessor of the input of `frame`."""
        return inputs.get(frame - 1, bytes(self.settings.input_len))

    # Pushing, receiving, epochs.

    def do_push(self, data: bytes) -> None:
        """Pushes a local input."""
        if self.send_next - self.acked >= WINDOW:
            raise Failed("WindowFull")
        self.schedule.pushed(self.now)
        self.local_inputs[self.send_next] = data
        self.send_next += 1

    def do_begin(self) -> None:
        """Begins an epoch."""
        self.restarted = False
        self._start_epoch()
        self.checksums = Checksums(self.settings.ping_us)
        self.schedule.epoch_began(self.now)

    def do_open(self) -> None:
        """Handles the reopening of the transport."""
        self.schedule.opened(self.now)
        self.rtt_is_settled = False

    def do_receive(self, datagram: bytes) -> None:
        """Receives a datagram of any kind."""
        if len(datagram) > wire_compact.MAX_DATAGRAM:
            raise Refused("TooLong")
        if not datagram:
            raise Refused("Truncated")
        type_byte = datagram[0]
        if type_byte & 0x80:
            self._receive_inputs(datagram)
        elif type_byte == control.HELLO:
            self._receive_hello(datagram)
        elif type_byte == control.BYE:
            if self.peer_incarnation is None:
                raise Refused("NotReady")
            control.open_bye(self.inbound(), datagram)
        elif type_byte == control.CHECKSUMS:
            if not self.runs:
                raise Refused("NotReady")
            self.checksums.receive(self.now, control.open_checksums(self.inbound(), datagram))
        else:
            raise Refused("UnknownType")

    def _receive_inputs(self, datagram: bytes) -> None:
        """Receives an input datagram (3.7)."""
        if not self.runs:
            raise Refused("NotReady")
        got = wire_compact.decode(self.inbound(), datagram, self.recv_next, self.send_next)
        moved = self._take_inputs(got)
        if got.ack > self.acked:
            self.acked = got.ack
            for frame in [frame for frame in self.local_inputs if frame < self.acked - 1]:
                del self.local_inputs[frame]
            moved = True
        if moved:
            self.schedule.progressed(self.now)
        if got.timing and self._use_block(got.timing) or moved:
            self.schedule.alive_at = self.now
        self.schedule.accepted(self.now, got.count > 0)

    def _take_inputs(self, got: Received) -> bool:
        """Appends the new inputs of a datagram; returns whether there were any."""
        if got.end <= self.recv_next:
            return False
        inputs = body.resolve(got.inputs, self.reference(self.remote_inputs, got.base))
        for frame in range(self.recv_next, got.end):
            self.remote_inputs[frame] = inputs[frame - got.base]
            self.delivered.append((frame, self.remote_inputs[frame]))
        self.recv_next = got.end
        for frame in [frame for frame in self.remote_inputs if frame < self.recv_next - WINDOW]:
            del self.remote_inputs[frame]
        return True

    # The timing block (3.6).

    def _use_block(self, timing: Timing) -> bool:
        """Uses a timing block if it is new; returns whether it was."""
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
            if self.now - handled <= max(2_000_000, self.settings.ping_us + 500_000):
                echo = (stamp + held) % 65536 or 1
        return Timing(clock % 65536, echo, (self.schedule.total + 1) % 65536)

    # Hello (3.9, 3.10).

    def _receive_hello(self, datagram: bytes) -> None:
        """Receives a hello."""
        s = self.settings
        rest = control.open_hello(s.session_id, s.key, datagram)
        version = rest[0]
        pair = int.from_bytes(rest[1:3], "big"), int.from_bytes(rest[3:5], "big")
        if pair == (s.local_player, s.peer_player):
            raise Refused("Reflected")
        if pair != (s.peer_player, s.local_player):
            return
        if version != 1:
            self.mismatch = True
            self.schedule.alive_at = self.now
            return
        hello = control.unpack_hello(rest)
        if self.peer_incarnation is not None and hello.incarnation < self.peer_incarnation:
            raise Refused("OldIncarnation")
        self.schedule.alive_at = self.now
        if (hello.input_len, hello.window, hello.first_frame) != (
                s.input_len, WINDOW, s.first_frame):
            self.mismatch = True
            return
        self.mismatch = False
        if self.peer_incarnation is not None and hello.incarnation > self.peer_incarnation:
            self.restarted = True
            self.block = None
            self.rtt = None
            self.rtt_is_settled = True
            self.schedule.has_accepted = False
        self.peer_incarnation = hello.incarnation
        self.peer_epoch = max(hello.epoch, self.peer_epoch or 0)

    def _make_hello(self) -> bytes:
        """The local hello."""
        s = self.settings
        return control.encode_hello(s.session_id, s.key, control.Hello(
            1, s.local_player, s.peer_player, s.input_len, WINDOW, s.frame_us, s.ping_us // 1000,
            s.first_frame, self.epoch, s.incarnation))

    # Polling (3.8).

    @property
    def unacknowledged(self) -> bool:
        """Whether inputs are unacknowledged."""
        return self.send_next > self.acked

    def _input_due(self, moment: int) -> bool:
        """Whether an input datagram is due at a moment."""
        return self.runs and self.schedule.input_due(moment, self.unacknowledged, self.acked)

    def poll(self) -> list[bytes]:
        """Hello and the input datagram, if they are due."""
        sent = []
        if self.schedule.hello_due(self.now, self.ahead):
            self.schedule.sent_hello(self.now)
            sent.append(self._make_hello())
        if self._input_due(self.now):
            timing = self._make_block() if self.schedule.block_due(self.now) else None
            inputs = [self.local_inputs[frame] for frame in range(self.acked, self.send_next)]
            sent.append(wire_compact.encode(
                self.outbound(), self.acked, self.reference(self.local_inputs, self.acked), inputs,
                self.recv_next, timing, rng=self.forms))
            self.schedule.sent_inputs(self.now, timing is not None, self.acked, self.send_next)
        if self.runs and self.checksums.due(self.now):
            sent.append(control.encode_checksums(self.outbound(), self.checksums.poll(self.now)))
        return sent

    def next_timeout(self) -> int | None:
        """The next moment at which a datagram becomes due without another call."""
        moments = self.schedule.hello_moments(self.ahead)
        if self.runs:
            moments += [moment for moment in self.schedule.input_moments(self.unacknowledged)
                        if self._input_due(max(moment, self.now))]
            moments += self.checksums.moments()
        return min((max(moment, self.now) for moment in moments), default=None)

    def statistics(self) -> dict[str, object]:
        """The figures that can be compared."""
        figures = {"refused": self.refused, "unacked": self.send_next - self.acked}
        return {**figures, "rtt_us": self.rtt} if self.rtt_is_settled else figures
