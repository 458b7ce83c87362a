"""A model endpoint of the compact wire: windows, timing, and what its parts say together."""

from __future__ import annotations

from random import Random

import body
import control
import wire_compact
from checksums import Checksums
from closing import Closing
from congestion import Path, pause
from continuation import Continuation
from endpoint import LAST_FREE_EPOCH, MAX_EPOCH, Failed, Settings
from handshake import Handshake
from hello_schedule import HelloSchedule
from liveness import Liveness
from model import Model
from reports import Reports
from schedule import Schedule
from timing import Estimates
from wire_compact import Direction, Received, Refused


class CompactModel(Model):
    """An endpoint of the compact wire with one peer."""

    def __init__(self, settings: Settings, forms: Random | None = None) -> None:
        """Adds the peer at time 0; with `forms` it sends random legal forms of its inputs."""
        super().__init__(settings)
        self.forms = forms
        self.reports = Reports()
        self.liveness = Liveness(settings)
        self.handshake = Handshake(settings, self.liveness, self.reports)
        self.hellos = HelloSchedule(settings, self.handshake, self.liveness)
        self.schedule = Schedule(settings, self.liveness)
        self.closing = Closing(settings)
        self.estimates = Estimates(settings)
        # What the line peer sends at this call, to follow where the text leaves a choice.
        self.hint: list[bytes] = []
        self.checksums = Checksums(settings.ping_us)
        self._start_epoch()

    def _start_epoch(self) -> None:
        """Resets both windows."""
        start = self.settings.first_frame
        self.send_next = self.recv_next = self.acked = start
        self.local_inputs: dict[int, bytes] = {}
        self.remote_inputs: dict[int, bytes] = {}
        self.continuation = Continuation()
        self.last_body = 0

    # Derived from the state.

    def _direction(self, is_outbound: bool, incarnation: int) -> Direction:
        """A direction of the link with a run of the peer."""
        s = self.settings
        runs, players = (s.incarnation, incarnation), (s.local_player, s.peer_player)
        if not is_outbound:
            runs, players = runs[::-1], players[::-1]
        return Direction(s.session_id, *runs, self.epoch, *players, s.input_len, s.window,
                         s.first_frame, s.key, s.short_tags)

    def outbound(self) -> Direction:
        """The direction of sent datagrams."""
        return self._direction(True, self.handshake.partner or self.handshake.run or 0)

    def inbound(self) -> Direction:
        """The direction of received datagrams."""
        return self._direction(False, self.handshake.partner or self.handshake.run or 0)

    def reference(self, inputs: dict[int, bytes], frame: int) -> bytes:
        """The predecessor of the input of `frame`."""
        return inputs.get(frame - 1, bytes(self.settings.input_len))

    # Pushing, receiving, epochs.

    def do_push(self, data: bytes) -> None:
        """Pushes a local input."""
        if self.send_next - self.acked >= self.settings.window:
            raise Failed("WindowFull")
        self.schedule.pushed(self.now)
        self.local_inputs[self.send_next] = data
        self.send_next += 1

    def do_begin(self) -> None:
        """Begins an epoch."""
        self._start_epoch()
        self.checksums = Checksums(self.settings.ping_us)
        self.handshake.epoch_began(self.now, self.epoch)
        self.schedule.epoch_began(self.now)
        self.estimates.lead.forget()
        self.reports.epoch_began()

    def may_begin(self, epoch: int) -> bool:
        """Whether an epoch that is greater than the present one may begin."""
        reserve = self.handshake.is_ahead or self.handshake.halted
        return epoch <= (MAX_EPOCH if reserve else LAST_FREE_EPOCH)

    def do_open(self) -> None:
        """Handles the reopening of the transport."""
        self.liveness.opened(self.now)
        self.handshake.opened(self.now)
        self.schedule.opened(self.now)
        self.estimates.lead.forget()
        self.estimates.forget_rtt()

    def do_close(self) -> None:
        """Handles the closing of the transport."""
        self.closing.transport_closed()

    def do_bye(self) -> None:
        """Closes the session."""
        self.closing.close(self.now, self.is_open)

    def called(self) -> None:
        """Notes that a call gave the present time."""
        self.liveness.called(self.now, self.asked, self.is_open and not self.is_closed)

    def settle(self) -> None:
        """Sets the moment of the first bye once it is known."""
        self.closing.settle(self.now, self.unacknowledged)

    def take_reports(self) -> list[str]:
        """Takes the reports about the peer."""
        if self.handshake.is_ahead:
            self.reports.ahead(self.handshake.announced, self.epoch)
        return self.reports.take()

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
            self._receive_bye(datagram)
        elif type_byte == control.CHECKSUMS:
            if self.handshake.partner is None:
                raise Refused("NotReady")
            self.checksums.receive(self.now, control.open_checksums(self.inbound(), datagram))
            self.handshake.prove(self.now)
        else:
            raise Refused("UnknownType")

    def _receive_inputs(self, datagram: bytes) -> None:
        """Receives an input datagram (3.7)."""
        if self.handshake.partner is None:
            raise Refused("NotReady")
        try:
            got = wire_compact.decode(self.inbound(), datagram, self.recv_next, self.send_next)
        except wire_compact.OutOfSync as reason:
            if reason.is_reported:
                self.reports.out_of_sync()
            raise
        self.handshake.accepted_inputs(self.now)
        self.estimates.accepted()
        moved = self._take_inputs(got)
        if got.ack > self.acked:
            self._acknowledge(got.ack)
            moved = True
        if moved:
            self.schedule.progressed(self.now)
        if got.timing and self.estimates.use(
                self.now, got.timing, self.liveness.trips_count_since) or moved:
            self.handshake.input_is_sign_of_life(self.now)
        self.schedule.accepted(self.now, got.count > 0)

    def _acknowledge(self, ack: int) -> None:
        """Moves `acked`."""
        self.acked = ack
        for frame in [frame for frame in self.local_inputs if frame < ack - 1]:
            del self.local_inputs[frame]

    def _take_inputs(self, got: Received) -> bool:
        """Appends the new inputs of a datagram; returns whether there were any."""
        if got.end <= self.recv_next:
            return False
        inputs = body.resolve(got.inputs, self.reference(self.remote_inputs, got.base))
        for frame in range(self.recv_next, got.end):
            self.remote_inputs[frame] = inputs[frame - got.base]
            self.delivered.append((frame, self.remote_inputs[frame]))
        self.recv_next = got.end
        if self.send_next > self.settings.first_frame:
            self.estimates.lead.inputs_arrived(
                self.now, got.end, self.send_next, self.schedule.newest_push)
        oldest = self.recv_next - self.settings.window
        for frame in [frame for frame in self.remote_inputs if frame < oldest]:
            del self.remote_inputs[frame]
        return True

    # Hello and bye (3.9).

    def _receive_hello(self, datagram: bytes) -> None:
        """Receives a hello."""
        s = self.settings
        try:
            rest = control.open_hello(s.session_id, s.key, datagram)
        except Refused as reason:
            if str(reason) == "BadTag":
                self.reports.bad_tag(self.now, self.liveness.is_alive(self.now))
            raise
        beliefs = self.handshake.beliefs
        self.handshake.receive(self.now, rest)
        if self.handshake.beliefs > beliefs:
            self.estimates.forget()

    def _receive_bye(self, datagram: bytes) -> None:
        """Receives a bye."""
        control.check_bye_length(self.settings.key, datagram)
        if self.handshake.run is None:
            raise Refused("NotReady")
        bye = control.open_bye(self._direction(False, self.handshake.run), datagram)
        self.reports.closed(bye.epoch, bye.end)

    def _make_bye(self) -> bytes:
        """The local bye."""
        assert self.handshake.run is not None
        bye = control.Bye(self.handshake.run, self.epoch, self.send_next)
        return control.encode_bye(self._direction(True, self.handshake.run), bye)

    # Polling (3.8).

    @property
    def unacknowledged(self) -> bool:
        """Whether inputs are unacknowledged."""
        return self.send_next > self.acked

    @property
    def _sends_inputs(self) -> bool:
        """Whether input datagrams may be sent."""
        return self.handshake.partner is not None and self.closing.sends_inputs

    @property
    def _sends_checksums(self) -> bool:
        """Whether checksums may be sent."""
        return self.handshake.partner is not None and not self.is_closed

    @property
    def _sends_byes(self) -> bool:
        """Whether byes may be sent."""
        return self.handshake.run is not None and self.handshake.linked_ever

    @property
    def _pause(self) -> int:
        """For how long after the last input datagram they are held back."""
        base = self.estimates.base
        path = Path(base.base, base.queuing_delay, self.estimates.peer_lost,
                    self.send_next - self.acked, self.last_body)
        return pause(path, self.settings.frame_us, self.liveness.limit)

    def _input_due(self, moment: int) -> bool:
        """Whether an input datagram is due at a moment."""
        return self._sends_inputs and self.schedule.input_due(
            moment, self.unacknowledged, self.acked, self._pause)

    def _poll_inputs(self) -> bytes:
        """The input datagram that is due now."""
        timing = None
        if self.schedule.block_due(self.now, self._pause):
            timing = self.estimates.make_block(
                self.now, self.schedule.total + 1, self.liveness.is_heard(self.now))
        choices = []
        for first in self.continuation.choices(
                self.now, self.acked, self.estimates.rtt, self.settings.frame_us):
            inputs = [self.local_inputs[frame] for frame in range(first, self.send_next)]
            choices.append((first, wire_compact.encode(
                self.outbound(), first, self.reference(self.local_inputs, first), inputs,
                self.recv_next, timing, rng=self.forms)))
        fitting = [choice for choice in choices if choice[1] in self.hint]
        first, datagram = (fitting or choices)[0]
        end, self.last_body = wire_compact.end_and_body(self.outbound(), datagram, first)
        self.schedule.sent_inputs(self.now, timing is not None, self.acked, end)
        self.continuation.sent(self.now, self.acked, first, end, self.send_next)
        return datagram

    def poll(self) -> list[bytes]:
        """Whatever is due, the hello first."""
        sent = []
        s = self.settings
        if not self.is_closed and self.hellos.is_due(self.now):
            sent.append(control.encode_hello(s.session_id, s.key, self.handshake.make_hello()))
            self.hellos.sent(self.now)
        if self._input_due(self.now):
            sent.append(self._poll_inputs())
        if self._sends_checksums and self.checksums.due(self.now):
            sent.append(control.encode_checksums(self.outbound(), self.checksums.poll(self.now)))
        if self._sends_byes and self.closing.is_due(self.now) and not self.closing.sends_inputs:
            sent.append(self._make_bye())
            self.closing.sent(self.now)
        return sent

    def next_timeout(self) -> int | None:
        """The next moment at which a datagram becomes due without another call."""
        moments = [] if self.is_closed else self.hellos.moments()
        if self._sends_inputs:
            moments += [moment for moment in self.schedule.input_moments(
                self.unacknowledged, self._pause) if self._input_due(max(moment, self.now))]
        if self._sends_checksums:
            moments += self.checksums.moments()
        if self._sends_byes:
            moments += self.closing.moments()
        return min((max(moment, self.now) for moment in moments), default=None)

    def statistics(self) -> dict[str, object]:
        """The figures that can be compared."""
        figures: dict[str, object] = {
            "refused": self.refused, "unacked": self.send_next - self.acked}
        if not self.is_closed:
            is_open = self.is_open
            figures["health"] = self.liveness.health(self.now) if is_open else "Disconnected"
        lead = self.estimates.local_lead(self.now, self.liveness.ping)
        figures["rtt_us"] = self.estimates.rtt
        figures["lead_millis"] = None if lead is None else 1000 * lead / self.settings.frame_us
        return figures
