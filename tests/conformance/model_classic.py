"""A model endpoint of the classic wire: inputs, requests, pings (2.2 to 2.4)."""

from __future__ import annotations

import wire_classic
from endpoint import Settings
from liveness import Liveness
from model import Model
from wire_classic import Message
from wire_compact import Refused

# The frame that is never pushed.
NEVER_PUSHED = 2 ** 32 - 1

# How many VALIDATION_PINGs are sent without a sign that the peer knows them (2.4).
VALIDATIONS = 10

# After how many unanswered requests they are at least how far apart (2.3).
BACKOFF = ((10, 8_000_000), (3, 1_000_000), (0, 0))

# Rounding of the smoothed RTT is free, so a request that it paces may be this early or late.
ROUNDING = 16


class ClassicModel(Model):
    """An endpoint of the classic wire with one peer."""

    def __init__(self, settings: Settings) -> None:
        """Adds the peer at time 0."""
        super().__init__(settings)
        self.lost = 0
        self.rtt: float | None = None
        # Only whether calls came late is taken from it.
        self.liveness = Liveness(settings)
        self.pings: list[tuple[bytes, int]] = []
        self.last_ping: int | None = None
        self.ping_pending = True
        self.validations: list[bytes] = []
        self.validations_left = VALIDATIONS
        self.last_validation: int | None = None
        self.validation_pending = True
        self.last_request: int | None = None
        self.requests_unanswered = 0
        self.request: tuple[int, int] | None = None
        self.last_response: int | None = None
        self.last_input: int | None = None
        self.pongs: dict[int, bytes] = {}
        self.last_pong: dict[int, int] = {}
        # Whether the endpoint that this one is compared with has just sent a request.
        self.hint: bool | None = None
        self.is_open = True
        self._start_epoch()

    def called(self) -> None:
        """Notes how late the endpoint is called."""
        limit = self.liveness.limit // 2
        measures_itself = self.is_open and not self.is_closed and self.asked is not None and self.now >= self.asked + limit
        self.liveness.called(self.now, self.asked, measures_itself)

    def _start_epoch(self) -> None:
        """Resets the state of 2.2."""
        self.send_next = self.recv_end = self.settings.first_frame
        self.moved_at = self.now
        self.local_inputs: dict[int, int] = {}
        self.sent_end = self.send_next
        self.received: dict[int, int] = {}
        self.undelivered: set[int] = set()

    # Pushing, receiving, epochs.

    def do_push(self, data: bytes) -> None:
        """Pushes a local input."""
        self.local_inputs[self.send_next] = data[0]
        self.local_inputs.pop(self.send_next - self.settings.window, None)
        self.send_next += 1

    def do_begin(self) -> None:
        """Begins an epoch, and drops the requests of the last one at both endpoints (2.3)."""
        self._start_epoch()
        self.last_request = None
        self.request = None

    def do_close(self, player: int) -> None:
        """Handles the closing of the transport."""
        self.is_open = False

    def do_open(self, player: int) -> None:
        """Handles the reopening of the transport, unless it is open."""
        if self.is_open or self.is_closed:
            return
        self.is_open = True
        self.pings = []
        self.rtt = None
        self.ping_pending = True
        self.validations = []
        self.validations_left = VALIDATIONS
        self.validation_pending = True
        self.requests_unanswered = 0
        self.last_request = None
        self.pongs = {}
        self.request = None

    def do_receive(self, player: int, datagram: bytes) -> None:
        """Receives a message of any kind."""
        message = wire_classic.decode(datagram)
        kind = message.kind
        if kind in (wire_classic.INPUT, wire_classic.INPUT_RESPONSE):
            self._take_inputs(message)
            if kind == wire_classic.INPUT:
                self.validations_left = -1
            elif message.entries:
                self.requests_unanswered = 0
        elif kind == wire_classic.PING:
            self.pongs[wire_classic.PONG] = message.bits
        elif kind == wire_classic.VALIDATION_PING:
            self.pongs[wire_classic.VALIDATION_PONG] = message.bits
            if self.validations_left == 0:
                self.validations_left = 1
        elif kind == wire_classic.PONG:
            self._take_pong(message)
        elif kind == wire_classic.VALIDATION_PONG:
            if message.bits not in self.validations:
                raise Refused("UnknownPing")
            self.validations.remove(message.bits)
            self.validations_left = -1
        elif kind == wire_classic.INPUT_REQUEST:
            if message.first > message.last:
                raise Refused("NotAscending")
            self.request = (message.first, message.last)

    def _take_pong(self, message: Message) -> None:
        """Receives a pong, which must answer a local ping."""
        found = [ping for ping in self.pings if ping[0] == message.bits]
        if not found:
            raise Refused("UnknownPing")
        sample = self.now - found[0][1]
        self.pings.remove(found[0])
        if sample > self.now - self.liveness.trips_count_since:
            return
        self.rtt = sample if self.rtt is None else self.rtt * 7 / 8 + sample / 8

    # Inputs (2.2).

    @property
    def low(self) -> int:
        """The first frame of the window."""
        return max(self.settings.first_frame, self.recv_end - self.settings.window)

    def far(self) -> int:
        """The first frame that is too far ahead now."""
        s = self.settings
        return self.recv_end + s.window + 2 * (self.now - self.moved_at) // s.frame_us

    def _take_inputs(self, message: Message) -> None:
        """Receives an INPUT or an INPUT_RESPONSE."""
        if message.player != self.settings.peer_player:
            raise Refused("WrongPlayer")
        entries = wire_classic.in_order(message)
        if entries and entries[0][0] >= self.far():
            raise Refused("TooFar")
        if entries and entries[0][0] == NEVER_PUSHED:
            raise Refused("FrameRange")
        for frame, action in entries:
            if frame >= self.far() or frame == NEVER_PUSHED:
                break
            if frame < self.low or frame in self.received:
                continue
            self.received[frame] = action
            self.undelivered.add(frame)
            if frame >= self.recv_end:
                self._move(frame + 1)
        for frame in sorted(self.undelivered):
            self.deliver(self.settings.peer_player, frame, bytes([self.received[frame]]))
        self.undelivered.clear()

    def _move(self, recv_end: int) -> None:
        """Moves the window, and counts the frames that leave it undelivered."""
        before = self.low
        self.recv_end = recv_end
        self.moved_at = self.now
        leaving = self.low - before
        for frame in [frame for frame in self.received if frame < self.low]:
            del self.received[frame]
            if frame not in self.undelivered:
                leaving -= 1
            self.undelivered.discard(frame)
        self.lost += leaving

    # Polling (2.2 to 2.4).

    def missing(self) -> list[int]:
        """The missing frames (2.3)."""
        return [frame for frame in range(self.low, self.recv_end - self.settings.redundancy)
                if frame not in self.received]

    def _once(self, moment: int, last: int | None) -> int:
        """The moment, or the one after `last` if that is later: never twice at one moment."""
        return moment if last is None else max(moment, last + 1)

    def request_interval(self) -> int:
        """The least time between two INPUT_REQUESTs."""
        interval = self.settings.ping_us if self.rtt is None else int(self.rtt)
        return max(interval, self._backoff())

    def _backoff(self) -> int:
        """The least time between two INPUT_REQUESTs to a peer that leaves so many unanswered."""
        return next(us for count, us in BACKOFF if self.requests_unanswered >= count)

    def _request_moment(self) -> int | None:
        """When an INPUT_REQUEST is due, if any."""
        if not self.missing():
            return None
        if self.last_request is None:
            return 0
        interval = self.request_interval()
        return self._once(self.last_request + interval, self.last_request)

    def _latest_request(self, due: int) -> int:
        """When an INPUT_REQUEST is due at the latest.

        "At most once per smoothed RTT" allows longer intervals; a frame interval is accepted.
        """
        if self.last_request is None:
            return due
        return max(due + (0 if self.rtt is None else ROUNDING),
                   self.last_request + self.settings.frame_us)

    def _request_due(self) -> bool:
        """Whether an INPUT_REQUEST is due now; where the text allows both, the hint decides."""
        due = self._request_moment()
        if due is None:
            return False
        latest = self._latest_request(due)
        unsure = self.last_request is not None and due - ROUNDING <= self.now <= latest
        if unsure and self.hint is not None and self.now != self.last_request:
            return self.hint
        return self.now >= due

    def _response_moment(self) -> int | None:
        """When an INPUT_RESPONSE is due, if any."""
        if self.request is None:
            return None
        return 0 if self.last_response is None else self._once(
            self.last_response + self.settings.ping_us, self.last_response)

    def _ping_moment(self) -> int:
        """When a PING is due."""
        if self.last_ping is None:
            return 0
        if self.ping_pending:
            return self._once(0, self.last_ping)
        return self.last_ping + self.settings.ping_us

    def _validation_moment(self) -> int | None:
        """When a VALIDATION_PING is due, if any."""
        if self.validations_left <= 0:
            return None
        if self.last_validation is None:
            return 0
        if self.validation_pending:
            return self._once(0, self.last_validation)
        return self.last_validation + self.settings.ping_us

    def _moments(self) -> dict[str, int]:
        """When each kind of datagram except INPUT_REQUEST is due."""
        moments = {"ping": self._ping_moment()}
        if self.sent_end < self.send_next:
            moments["input"] = self._once(0, self.last_input)
        validation = self._validation_moment()
        if validation is not None:
            moments["validation"] = validation
        response = self._response_moment()
        if response is not None:
            moments["response"] = response
        for kind in self.pongs:
            moments[str(kind)] = self._once(0, self.last_pong.get(kind))
        return moments

    def poll(self) -> dict[int, list[bytes]]:
        """Every datagram that is due."""
        return {self.settings.peer_player: self._poll()}

    def _poll(self) -> list[bytes]:
        """Every datagram that is due; none once the session or the transport was closed."""
        if self.is_closed or not self.is_open:
            return []
        due = {name for name, moment in self._moments().items() if self.now >= moment}
        sent: list[Message] = []
        if "input" in due:
            count = max(self.settings.redundancy, self.send_next - self.sent_end)
            entries = tuple(self.local_inputs.items())[-count:]
            sent.append(Message(wire_classic.INPUT, self.settings.local_player, entries[-1][0],
                                entries=entries))
            self.sent_end = self.send_next
            self.last_input = self.now
        if self._request_due():
            missing = self.missing()
            sent.append(Message(wire_classic.INPUT_REQUEST, first=missing[0], last=missing[-1]))
            self.last_request = self.now
            self.requests_unanswered += 1
        if "response" in due:
            sent += self._response()
        if "ping" in due:
            bits = wire_classic.clock_bits(self.now)
            sent.append(Message(wire_classic.PING, bits=bits))
            self.pings = (self.pings + [(bits, self.now)])[-8:]
            self.last_ping = self.now
            self.ping_pending = False
        if "validation" in due:
            bits = wire_classic.clock_bits(self.now)
            sent.append(Message(wire_classic.VALIDATION_PING, bits=bits))
            self.validations = (self.validations + [bits])[-8:]
            self.validations_left -= 1
            self.last_validation = self.now
            self.validation_pending = False
        for kind in list(self.pongs):
            if str(kind) in due:
                sent.append(Message(kind, bits=self.pongs.pop(kind)))
                self.last_pong[kind] = self.now
        return [wire_classic.encode(message) for message in sent]

    def _response(self) -> list[Message]:
        """The response to the kept request, if any local input is in its range."""
        assert self.request is not None
        first, last = self.request
        self.request = None
        entries = tuple((frame, action) for frame, action in self.local_inputs.items()
                        if first <= frame <= last)
        if not entries:
            return []
        self.last_response = self.now
        return [Message(wire_classic.INPUT_RESPONSE, self.settings.local_player, entries=entries)]

    def next_timeout(self) -> int | None:
        """The next moment at which a datagram becomes due without another call."""
        if self.is_closed or not self.is_open:
            return None
        moments = list(self._moments().values())
        request = self._request_moment()
        if request is not None:
            moments.append(self._latest_request(request))
        return max(min(moments), self.now)

    def statistics(self, player: int) -> dict[str, object]:
        """The figures that can be compared."""
        return {"refused": self.refused, "lost_inputs": self.lost, "rtt_us": self.rtt,
                "margin_millis": None}
