"""A model endpoint of the classic wire: inputs, holes, pings (2.2 to 2.4)."""

from __future__ import annotations

import wire_classic
from end import WINDOW, Settings
from model import Model
from wire_classic import Message
from wire_compact import Refused

# No push gets it.
LAST = 2 ** 32 - 1

# The smoothed RTT may be rounded at will, so a request that it paces is due this much before or after.
ROUNDING = 16


class ClassicModel(Model):
    """One end of the classic wire with one peer."""

    def __init__(self, settings: Settings) -> None:
        """Adds the peer at time 0."""
        super().__init__(settings)
        self.lost = 0
        self.rtt: float | None = None
        self.pings: list[tuple[bytes, int]] = []
        self.last_ping: int | None = None
        self.ping_waits = True
        self.last_request: int | None = None
        self.asked: tuple[int, int] | None = None
        self.last_response: int | None = None
        self.last_input: int | None = None
        self.pongs: dict[int, bytes] = {}
        self.last_pong: dict[int, int] = {}
        # Whether the other end that is compared with this one has sent a request just now.
        self.hint: bool | None = None
        self._start_epoch()

    def _start_epoch(self) -> None:
        """Starts section 2.2 anew."""
        self.next = self.newest = self.settings.first_frame
        self.moved = self.now
        self.ours: dict[int, int] = {}
        self.carried = True
        self.known: dict[int, int] = {}
        self.untold: set[int] = set()

    # Pushing, receiving, epochs.

    def do_push(self, data: bytes) -> None:
        """Takes an input of ours."""
        self.ours[self.next] = data[0]
        self.ours.pop(self.next - WINDOW, None)
        self.next += 1
        self.carried = False

    def do_begin(self) -> None:
        """Starts an epoch anew: its holes, and the peer's, are others, so 2.3 starts anew too."""
        self._start_epoch()
        self.last_request = None
        self.asked = None

    def do_open(self) -> None:
        """Takes note that the transport has opened again."""
        self.pings = []
        self.rtt = None
        self.ping_waits = True
        self.pongs = {}
        self.asked = None

    def do_receive(self, datagram: bytes) -> None:
        """Takes a message of any kind."""
        message = wire_classic.decode(datagram)
        kind = message.kind
        if kind in (wire_classic.INPUT, wire_classic.INPUT_RESPONSE):
            self._take_inputs(message)
        elif kind == wire_classic.PING:
            self.pongs[wire_classic.PONG] = message.bits
        elif kind == wire_classic.VALIDATION_PING:
            self.pongs[wire_classic.VALIDATION_PONG] = message.bits
        elif kind in (wire_classic.PONG, wire_classic.VALIDATION_PONG):
            self._take_pong(message)
        elif kind == wire_classic.INPUT_REQUEST:
            if message.first > message.last:
                raise Refused("frame order")
            self.asked = (message.first, message.last)

    def _take_pong(self, message: Message) -> None:
        """Takes a pong that answers a ping of ours."""
        found = [ping for ping in self.pings if ping[0] == message.bits]
        if message.kind != wire_classic.PONG or not found:
            raise Refused("unasked")
        sample = self.now - found[0][1]
        self.pings.remove(found[0])
        self.rtt = sample if self.rtt is None else self.rtt * 7 / 8 + sample / 8

    # Inputs (2.2).

    @property
    def low(self) -> int:
        """The first frame of the window."""
        return max(self.settings.first_frame, self.newest - WINDOW)

    def far(self) -> int:
        """The first frame that is too far ahead now."""
        return self.newest + WINDOW + 2 * (self.now - self.moved) // self.settings.frame_us

    def _take_inputs(self, message: Message) -> None:
        """Takes an INPUT or an INPUT_RESPONSE."""
        if message.player != self.settings.peer:
            raise Refused("player")
        wire_classic.check_order(message)
        far = self.far()
        if any(frame >= far for frame, _ in message.entries):
            raise Refused("far frame")
        if any(frame == LAST for frame, _ in message.entries):
            raise Refused("frame that no push gets")
        for frame, action in message.entries:
            if frame < self.low or frame in self.known:
                continue
            self.known[frame] = action
            self.untold.add(frame)
            if frame >= self.newest:
                self._move(frame + 1)
        for frame in sorted(self.untold):
            self.told.append((frame, bytes([self.known[frame]])))
        self.untold.clear()

    def _move(self, newest: int) -> None:
        """Moves the window, and counts the frames that leave it without having been told."""
        before = self.low
        self.newest = newest
        self.moved = self.now
        leaving = self.low - before
        for frame in [frame for frame in self.known if frame < self.low]:
            del self.known[frame]
            if frame not in self.untold:
                leaving -= 1
            self.untold.discard(frame)
        self.lost += leaving

    # Polling (2.2 to 2.4).

    def holes(self) -> list[int]:
        """The frames of the window that are worth asking for."""
        return [frame for frame in range(self.low, self.newest - self.settings.redundancy)
                if frame not in self.known]

    def _once(self, moment: int, last: int | None) -> int:
        """A moment, but not the one at which the last of that kind was sent."""
        return moment if last is None else max(moment, last + 1)

    def request_pace(self) -> int:
        """The least time between two INPUT_REQUESTs."""
        return self.settings.ping_us if self.rtt is None else int(self.rtt)

    def _request_moment(self) -> int | None:
        """When an INPUT_REQUEST is due, if one is."""
        if not self.holes():
            return None
        if self.last_request is None:
            return 0
        pace = self.request_pace()
        return self._once(self.last_request + pace, self.last_request)

    def _latest_request(self, due: int) -> int:
        """When an INPUT_REQUEST is due at the latest.

        "At most one per smoothed RTT" lets an end ask less often; a frame interval is little enough.
        """
        if self.last_request is None:
            return due
        return max(due + (0 if self.rtt is None else ROUNDING),
                   self.last_request + self.settings.frame_us)

    def _request_due(self) -> bool:
        """Whether an INPUT_REQUEST is due now, or may be and the hint says so."""
        due = self._request_moment()
        if due is None:
            return False
        latest = self._latest_request(due)
        unsure = self.last_request is not None and due - ROUNDING <= self.now <= latest
        if unsure and self.hint is not None and self.now != self.last_request:
            return self.hint
        return self.now >= due

    def _response_moment(self) -> int | None:
        """When an INPUT_RESPONSE is due, if one is."""
        if self.asked is None:
            return None
        return 0 if self.last_response is None else self._once(
            self.last_response + self.settings.ping_us, self.last_response)

    def _ping_moment(self) -> int:
        """When a PING is due."""
        if self.last_ping is None:
            return 0
        if self.ping_waits:
            return self._once(0, self.last_ping)
        return self.last_ping + self.settings.ping_us

    def _moments(self) -> dict[str, int]:
        """When each kind of datagram but the request is due."""
        moments = {"ping": self._ping_moment()}
        if not self.carried:
            moments["input"] = self._once(0, self.last_input)
        response = self._response_moment()
        if response is not None:
            moments["response"] = response
        for kind in self.pongs:
            moments[str(kind)] = self._once(0, self.last_pong.get(kind))
        return moments

    def poll(self) -> list[bytes]:
        """Every datagram that is due."""
        due = {name for name, moment in self._moments().items() if self.now >= moment}
        sent: list[Message] = []
        if "input" in due:
            entries = tuple(self.ours.items())[-self.settings.redundancy:]
            sent.append(Message(wire_classic.INPUT, self.settings.me, entries[-1][0],
                                entries=entries))
            self.carried = True
            self.last_input = self.now
        if self._request_due():
            holes = self.holes()
            sent.append(Message(wire_classic.INPUT_REQUEST, first=holes[0], last=holes[-1]))
            self.last_request = self.now
        if "response" in due:
            sent += self._response()
        if "ping" in due:
            bits = wire_classic.clock_bits(self.now)
            sent.append(Message(wire_classic.PING, bits=bits))
            self.pings = (self.pings + [(bits, self.now)])[-8:]
            self.last_ping = self.now
            self.ping_waits = False
        for kind in list(self.pongs):
            if str(kind) in due:
                sent.append(Message(kind, bits=self.pongs.pop(kind)))
                self.last_pong[kind] = self.now
        return [wire_classic.encode(message) for message in sent]

    def _response(self) -> list[Message]:
        """The answer to the request that waits, if we have any frame of it."""
        assert self.asked is not None
        first, last = self.asked
        self.asked = None
        entries = tuple((frame, action) for frame, action in self.ours.items()
                        if first <= frame <= last)
        if not entries:
            return []
        self.last_response = self.now
        return [Message(wire_classic.INPUT_RESPONSE, self.settings.me, entries=entries)]

    def next_wake(self) -> int | None:
        """The next moment at which a datagram becomes due by itself."""
        moments = list(self._moments().values())
        request = self._request_moment()
        if request is not None:
            moments.append(self._latest_request(request))
        return max(min(moments), self.now)

    def statistics(self) -> dict[str, object]:
        """The figures that can be compared."""
        return {"refused": self.refused, "lost_inputs": self.lost, "rtt_us": self.rtt}
