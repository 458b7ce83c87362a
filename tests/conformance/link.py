"""One peer of a model endpoint of the compact wire: windows, timing, and what its parts say together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import body
import control
import wire_compact
import word
from checksums import Checksums
from closing import Closing
from congestion import Path, pause
from continuation import Continuation
from departures import Departure
from handshake import Handshake
from hello_schedule import HelloSchedule
from liveness import Liveness
from reports import Reports
from schedule import Schedule
from tags import control_tag_size
from timing import Estimates
from windowed_least import WindowedLeast
from wire_compact import Direction, Received, Refused

if TYPE_CHECKING:
    from model_compact import CompactModel


class Link:
    """What an endpoint keeps about one peer, and does with it."""

    def __init__(self, session: CompactModel, player: int, join_frame: int,
                 incarnation: int) -> None:
        """Adds the peer now; the local run has an incarnation of its own towards it."""
        settings = replace(session.settings, peer_player=player, incarnation=incarnation,
                           peers=(), joins=())
        self.session = session
        self.settings = settings
        self.player = player
        self.join_frame = join_frame
        self.added_at = session.now
        self.is_open = True
        self.refused = 0
        self.reports = Reports()
        self.liveness = Liveness(settings, session.now)
        self.handshake = Handshake(settings, self.liveness, self.reports, session.epoch, session.now)
        self.estimates = Estimates(settings)
        self.hellos = HelloSchedule(settings, self.handshake, self.liveness, self.estimates)
        self.schedule = Schedule(settings, self.liveness, session.now, session.newest_push)
        self.closing = Closing(settings)
        self.departure = Departure()
        # What the line peer sends at this call, to follow where the text leaves a choice.
        self.hint: list[bytes] = []
        self._start_windows()

    def _start_windows(self) -> None:
        """Resets both windows."""
        self.recv_next = self.acked = self.join_frame
        self.source = 0  # S of 3.12: which run is known.
        self.remote_inputs: dict[int, bytes] = {}
        self.continuation = Continuation()
        self.last_body = 0
        self.checksums = Checksums(self.settings.ping_us)
        self._forget_margin()

    def _forget_margin(self) -> None:
        """The samples of the margin are void (5)."""
        self.margin = WindowedLeast(32)

    # Derived from the state.

    @property
    def now(self) -> int:
        """The present time."""
        return self.session.now

    @property
    def epoch(self) -> int:
        """The epoch of the endpoint."""
        return self.session.epoch

    @property
    def send_next(self) -> int:
        """The frame of the next push."""
        return self.session.send_next

    @property
    def reach(self) -> int:
        """The frame up to which this peer may acknowledge, and the greatest E that is sent."""
        return max(self.send_next, self.join_frame)

    @property
    def local_inputs(self) -> dict[int, bytes]:
        """The local inputs that this peer knows or is to know."""
        inputs = self.session.local_inputs
        if self.join_frame == self.settings.first_frame:
            return inputs
        return {frame: data for frame, data in inputs.items() if frame >= self.join_frame}

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

    @property
    def unacknowledged(self) -> int:
        """How many inputs are unacknowledged."""
        return max(self.send_next - self.acked, 0)

    @property
    def holds_window(self) -> bool:
        """Whether the send window waits for this peer."""
        return not self.departure.departed

    @property
    def takes_words(self) -> bool:
        """Whether words are sent to this peer and accepted from it."""
        return self.handshake.run is not None and not self.handshake.halted

    # Epochs, the transport, closing.

    def begin(self) -> None:
        """Begins an epoch."""
        self.join_frame = self.settings.first_frame
        self._start_windows()
        self.handshake.epoch_began(self.now, self.epoch)
        self.schedule.epoch_began(self.now)
        self.estimates.lead.forget()
        self.reports.epoch_began()

    def open(self) -> None:
        """Handles the reopening of the transport, unless it is open."""
        if self.is_open or self.session.is_closed:
            return
        self.is_open = True
        self.liveness.opened(self.now)
        self.handshake.opened(self.now)
        self.schedule.opened(self.now)
        self.estimates.lead.forget()
        self.estimates.forget_rtt()
        self._forget_margin()

    def close(self) -> None:
        """Handles the closing of the transport."""
        self.is_open = False
        self.closing.transport_closed()

    def settle(self) -> None:
        """Sets the moment of the first bye once it is known."""
        delivers = self.unacknowledged > 0 and not self.departure.named
        self.closing.settle(self.now, delivers and not self.session.is_dropped)

    def take_reports(self) -> list[str]:
        """Takes the reports about the peer."""
        if self.handshake.is_ahead:
            self.reports.ahead(self.handshake.announced, self.epoch)
        return self.reports.take()

    # Receiving.

    def receive(self, datagram: bytes) -> None:
        """Receives a datagram of any kind except a word."""
        type_byte = datagram[0]
        if self.departure.named:
            self._receive_of_named(datagram)
        elif type_byte & 0x80:
            self._receive_inputs(datagram)
        elif type_byte == control.HELLO:
            self._receive_hello(datagram)
        elif type_byte == control.BYE:
            self._receive_bye(datagram)
        elif type_byte == control.CHECKSUMS:
            self._require_partner()
            self.checksums.receive(
                self.now, control.open_checksums(self.inbound(), datagram), self.send_next)
            self.handshake.prove(self.now)
        else:
            raise Refused("UnknownType")

    def _require_partner(self) -> None:
        """Refuses a datagram unless inputs are accepted."""
        if self.handshake.partner is None:
            raise Refused("NotReady")

    def _receive_of_named(self, datagram: bytes) -> None:
        """Judges inputs of a named peer up to their front, for the notice only; ignores all else."""
        if datagram[0] & 0x80:
            self._require_partner()
            _, _, rest = wire_compact.open_inputs(
                self.inbound(), datagram, self.recv_next, self.reach)
            wire_compact.split_front(datagram[0], rest)
            if len(datagram) >= 4 + control_tag_size(self.settings.key):
                self.departure.is_owed_notice = True

    def _receive_inputs(self, datagram: bytes) -> None:
        """Receives an input datagram (3.7)."""
        self._require_partner()
        try:
            got = wire_compact.decode(self.inbound(), datagram, self.recv_next, self.reach)
        except wire_compact.OutOfSync as reason:
            if reason.is_reported:
                self.reports.out_of_sync()
            raise
        self.handshake.accepted_inputs(self.now)
        self.source = word.source_of(self.handshake.run)
        self.estimates.accepted()
        moved = self._take_inputs(got)
        if got.ack > self.acked:
            self.acked = got.ack
            moved = True
        if moved:
            self.schedule.progressed(self.now)
        if got.timing and self.estimates.use(
                self.now, got.timing, self.liveness.trips_count_since) or moved:
            self.handshake.input_is_sign_of_life(self.now)
        self.schedule.accepted(self.now, got.count > 0)

    def _take_inputs(self, got: Received) -> bool:
        """Appends the new inputs of a datagram; returns whether there were any."""
        if got.end <= self.recv_next:
            return False
        self.margin.sample(min(max(got.ack - got.end, -128), 127))
        inputs = body.resolve(got.inputs, self.reference(self.remote_inputs, got.base))
        self.append(got.base, tuple(inputs))
        if self.session.pushed_in_epoch:
            self.estimates.lead.inputs_arrived(
                self.now, got.end, self.send_next, self.schedule.newest_push)
        return True

    def append(self, base: int, inputs: tuple[bytes, ...]) -> None:
        """Appends the inputs from frame `base` on that follow those received before."""
        if not base <= self.recv_next < base + len(inputs):
            return
        for frame in range(self.recv_next, base + len(inputs)):
            self.remote_inputs[frame] = inputs[frame - base]
            self.session.deliver(self.player, frame, inputs[frame - base])
        self.recv_next = base + len(inputs)
        oldest = self.recv_next - self.settings.window
        for frame in [frame for frame in self.remote_inputs if frame < oldest]:
            del self.remote_inputs[frame]

    # Hello, bye (3.9) and word (3.12).

    def _receive_hello(self, datagram: bytes) -> None:
        """Receives a hello."""
        s = self.settings
        try:
            rest = control.open_hello(s.session_id, s.key, datagram)
        except Refused as reason:
            if str(reason) == "BadTag":
                self.reports.bad_tag(self.now, self.liveness.is_alive(self.now))
            raise
        beliefs, used = self.handshake.beliefs, self.handshake.used
        self.handshake.receive(self.now, rest)
        if self.handshake.used > used and self.estimates.is_stale:
            self.estimates.forget_numbers()
        if self.handshake.beliefs > beliefs:
            self.estimates.forget()
            self._forget_margin()

    def _open_bye(self, datagram: bytes) -> control.Bye:
        """Every step of a bye."""
        control.check_bye_length(self.settings.key, datagram)
        if self.handshake.run is None:
            raise Refused("NotReady")
        return control.open_bye(self._direction(False, self.handshake.run), datagram)

    def _receive_bye(self, datagram: bytes) -> None:
        """Receives a bye, which names its sender if there is a key."""
        bye = self._open_bye(datagram)
        if self.settings.key is not None and not self.session.is_closed:
            self.session.departures.name(self.now, self)
            self.departure.is_complete = (bye.epoch, bye.end) == (self.epoch, self.recv_next)
        self.reports.closed(bye.epoch, bye.end)

    def _make_bye(self) -> bytes:
        """The local bye."""
        assert self.handshake.run is not None
        bye = control.Bye(self.handshake.run, self.epoch, self.send_next)
        return control.encode_bye(self._direction(True, self.handshake.run), bye)

    def open_word(self, datagram: bytes) -> word.Word:
        """Every step of a word."""
        word.check_length(self.settings.key, datagram)
        self._require_partner()
        try:
            return word.open_word(self.inbound(), datagram,
                                  lambda entry: self.session.departures.is_possible(self, entry))
        except wire_compact.OutOfSync:
            if not self.departure.named:
                self.reports.out_of_sync()
            raise

    # Polling (3.8).

    @property
    def _sends_inputs(self) -> bool:
        """Whether input datagrams may be sent."""
        return (self.handshake.partner is not None and self.closing.sends_inputs
                and not self.departure.named and not self.session.is_dropped)

    @property
    def _sends_hellos(self) -> bool:
        """Whether hellos may be sent."""
        return not self.session.is_closed and not self.departure.named

    @property
    def _sends_checksums(self) -> bool:
        """Whether checksums may be sent."""
        return self.handshake.partner is not None and self._sends_hellos

    @property
    def _sends_byes(self) -> bool:
        """Whether byes may be sent."""
        return self.handshake.run is not None and self.handshake.linked_ever

    @property
    def pause(self) -> int:
        """For how long after the last input datagram they are held back."""
        base = self.estimates.base
        path = Path(base.base, base.queuing_delay, self.estimates.peer_lost,
                    self.unacknowledged, self.last_body)
        return pause(path, self.settings.frame_us, self.liveness.limit)

    def _input_due(self, moment: int) -> bool:
        """Whether an input datagram is due at a moment."""
        return self._sends_inputs and self.schedule.input_due(
            moment, self.unacknowledged > 0, self.acked, self.pause)

    def _word_moments(self) -> list[int]:
        """When a word is due, if any."""
        moment = self.session.departures.word_moment(self.now, self)
        return [] if moment is None else [moment]

    def _poll_inputs(self) -> bytes:
        """The input datagram that is due now."""
        timing = None
        if self.schedule.block_due(self.now, self.pause):
            timing = self.estimates.make_block(
                self.now, self.schedule.total + 1, self.liveness.is_heard(self.now))
        choices = []
        local_inputs, forms = self.local_inputs, self.session.forms
        for choice in self.continuation.choices(
                self.now, self.acked, self.estimates.rtt, self.settings.frame_us):
            inputs = [local_inputs[frame] for frame in range(choice, self.send_next)]
            choices.append((choice, wire_compact.encode(
                self.outbound(), choice, self.reference(local_inputs, choice), inputs,
                self.recv_next, timing, rng=forms)))
        fitting = [choice for choice in choices if choice[1] in self.hint]
        first, datagram = (fitting or choices)[0]
        end, self.last_body = wire_compact.end_and_body(self.outbound(), datagram, first)
        self.schedule.sent_inputs(self.now, timing is not None, self.acked, end)
        self.continuation.sent(self.now, self.acked, first, end, self.send_next)
        return datagram

    def poll(self) -> list[bytes]:
        """Whatever is due, the hello first."""
        sent: list[bytes] = []
        s = self.settings
        if not self.is_open:
            return sent
        if self._sends_hellos and self.hellos.is_due(self.now):
            sent.append(control.encode_hello(s.session_id, s.key, self.handshake.make_hello(self.estimates.is_stale)))
            self.hellos.sent(self.now)
        if self._input_due(self.now):
            sent.append(self._poll_inputs())
        if self._sends_checksums and self.checksums.due(self.now):
            sent.append(control.encode_checksums(self.outbound(), self.checksums.poll(self.now)))
        if any(self.now >= moment for moment in self._word_moments()):
            said = self.session.departures.make_word(self.now, self)
            sent.append(word.encode_word(self.outbound(), said, self.session.forms))
        if self._sends_byes and self.closing.is_due(self.now) and not self.closing.sends_inputs:
            sent.append(self._make_bye())
            self.closing.sent(self.now)
        return sent

    def moments(self) -> list[int]:
        """When datagrams become due without another call."""
        if not self.is_open:
            return []
        moments = self.hellos.moments() if self._sends_hellos else []
        if self._sends_inputs:
            moments += [moment for moment in self.schedule.input_moments(
                self.unacknowledged > 0, self.pause) if self._input_due(max(moment, self.now))]
        if self._sends_checksums:
            moments += self.checksums.moments()
        if self._sends_byes:
            moments += self.closing.moments()
        return moments + self._word_moments()

    def statistics(self) -> dict[str, object]:
        """The figures that can be compared."""
        margin = self.margin.least if self.session.pushed_in_epoch else None
        figures: dict[str, object] = {"refused": self.refused, "unacked": self.unacknowledged,
                                      "margin_millis": None if margin is None else 1000 * margin}
        if self.session.is_closed:
            return figures
        is_gone = not self.is_open or self.departure.named
        figures["health"] = "Disconnected" if is_gone else self.liveness.health(self.now)
        if self.departure.named:
            return figures
        figures["rtt_us"] = self.estimates.rtt
        lead = self.estimates.local_lead(self.now, self.liveness.ping)
        figures["lead_millis"] = None if lead is None else 1000 * lead / self.settings.frame_us
        return figures
