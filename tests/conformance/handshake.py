"""Which run of the peer a compact endpoint believes, and how a hello changes that (3.9, 3.10)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import control
from endpoint import MAX_EPOCH, Settings
from liveness import Liveness
from reports import Reports
from wire_compact import Refused


@dataclass(frozen=True)
class Candidate:
    """A run that said hello and is not believed yet."""

    incarnation: int
    number: int = 0
    ping_us: int | None = None


class Handshake:
    """The state of 3.10 for one peer."""

    def __init__(self, settings: Settings, liveness: Liveness, reports: Reports, epoch: int,
                 now: int = 0) -> None:
        """Starts with the candidate that was configured, if any."""
        self._settings = settings
        self._liveness = liveness
        self._reports = reports
        self.epoch = epoch
        self.run: int | None = None
        self._linked_at = 0
        self.candidate: Candidate | None = None
        if settings.peer_incarnation is not None:
            self.candidate = Candidate(settings.peer_incarnation)
        self.linked = self.linked_ever = self.halted = False
        self.hello_number = self.asked = self.received_number = self.announced = 0
        self.wanted = self.owed = False
        self.used = 0  # How many hellos of `run` were used.
        # Whether a hello became due at once, and when that happened last.
        self.at_once = True
        self.at_once_at = now
        # How many runs were believed: estimates of an earlier one are void.
        self.beliefs = 0

    # Derived from the state.

    @property
    def partner(self) -> int | None:
        """The incarnation under which inputs are sent and accepted, if any."""
        if self.run is not None:
            return None if self.halted else self.run
        return self.candidate.incarnation if self.candidate else None

    @property
    def is_ahead(self) -> bool:
        """Whether the peer is ahead."""
        return self.announced > self.epoch

    # Changes that do not come from a hello.

    def _due_at_once(self, now: int) -> None:
        """A hello becomes due at once."""
        self.at_once = True
        self.at_once_at = now

    def opened(self, now: int) -> None:
        """The transport has opened again."""
        self._due_at_once(now)

    def epoch_began(self, now: int, epoch: int) -> None:
        """An epoch has begun."""
        self.epoch = epoch
        self.linked = self.halted = self.owed = False
        self._due_at_once(now)

    def prove(self, now: int) -> None:
        """Something was accepted under `partner`: a candidate is proven by that."""
        if self.run is None and self.candidate:
            self.run = self.candidate.incarnation
            self.received_number = self.candidate.number
            self._liveness.set_peer_ping(self.candidate.ping_us)
            self._liveness.run_became_known()
            self.candidate = None
            self._due_at_once(now)

    def accepted_inputs(self, now: int) -> None:
        """An input datagram was accepted."""
        self.prove(now)
        if not self.linked_ever:
            self._linked_at = now
        self.linked = self.linked_ever = True

    def sign_of_life(self, now: int) -> None:
        """A sign of life of the peer's run."""
        self._reports.sign_of_life(self._liveness.is_alive(now))
        self._liveness.sign(now)
        self.asked = self.hello_number
        self.candidate = None

    def input_is_sign_of_life(self, now: int) -> None:
        """The input datagram that was accepted is a sign of life."""
        self.sign_of_life(now)
        self.wanted = False

    # Sending.

    def make_hello(self, asks: bool) -> control.Hello:
        """The next local hello; `asks` says whether the peer's blocks are stale."""
        s = self._settings
        self.hello_number += 1
        self.at_once = self.owed = False
        flags = named = answered = 0
        if self.candidate:
            named, answered = self.candidate.incarnation, self.candidate.number
        elif self.run is not None:
            named, answered = self.run, self.received_number
            flags = control.PLAYING if answered else 0
        if asks:
            flags |= control.ASKS
        return control.Hello(
            1, s.local_player, s.peer_player, s.input_len, s.window, s.input_tag_size, flags,
            s.frame_us, s.ping_us // 1000, s.first_frame, self.epoch, s.incarnation,
            self.hello_number, named, answered)

    # Receiving.

    def receive(self, now: int, rest: bytes) -> None:
        """Steps 4 to 9 of a hello, from everything after its tag."""
        s = self._settings
        version = rest[0]
        pair = int.from_bytes(rest[1:3], "big"), int.from_bytes(rest[3:5], "big")
        if pair == (s.local_player, s.peer_player):
            raise Refused("Reflected")
        if pair != (s.peer_player, s.local_player):
            self._reports.wrong_players()
        elif version != 1:
            self._reports.mismatch("Version", 1, version)
        else:
            hello = control.unpack_hello(rest)
            if hello.incarnation == 0 or hello.number == 0 or hello.epoch > MAX_EPOCH:
                raise Refused("EpochRange")
            if not self._has_mismatch(hello):
                self._receive_matching(now, hello)
        self._reports.hello_accepted()

    def _has_mismatch(self, hello: control.Hello) -> bool:
        """Step 7: reports each setting that differs."""
        s = self._settings
        settings = [("InputLen", s.input_len, hello.input_len), ("Window", s.window, hello.window),
                    ("TagSize", s.input_tag_size, hello.tag_size)]
        if hello.epoch == self.epoch:
            settings.append(("FirstFrame", s.first_frame, hello.first_frame))
        differing = [(field, local, remote) for field, local, remote in settings if local != remote]
        for field, local, remote in differing:
            self._reports.mismatch(field, local, remote)
        return bool(differing)

    def _receive_matching(self, now: int, hello: control.Hello) -> None:
        """Steps 8 and 9."""
        names_local_run = hello.named == self._settings.incarnation
        if hello.incarnation == self.run:
            if hello.number <= self.received_number:
                raise Refused("LateHello")
            if hello.playing and not names_local_run:
                if self.linked_ever:
                    self._reports.plays_with_other_run()
                return
            if self.linked_ever and not names_local_run and not self._liveness.is_alive(now):
                self._reports.does_not_know_local_run(now, self._linked_at)
            self._use(now, hello)
            return
        if self.linked_ever and self._liveness.is_alive(now):
            self.owed = True
            self._reports.other_run(now, self._liveness.limit)
            raise Refused("OtherRun")
        if self.candidate is None or self.candidate.incarnation != hello.incarnation:
            self._due_at_once(now)
        else:
            hello = replace(hello, number=max(hello.number, self.candidate.number))
        self.candidate = Candidate(hello.incarnation, hello.number, hello.ping_ms * 1000)
        if hello.playing and not names_local_run:
            self._reports.candidate_elsewhere(now, self._liveness.limit)
        if names_local_run and (self.run is None or hello.answered > self.asked):
            self._believe(now, hello)

    def _believe(self, now: int, hello: control.Hello) -> None:
        """The sender of a hello is the peer's run from now on."""
        if self.linked_ever:
            self.halted = True
            self._reports.restarted()
        self._reports.run_changed()
        self.run = hello.incarnation
        self._liveness.run_became_known()
        self.received_number = self.announced = 0
        self.linked = self.linked_ever = False
        self.beliefs += 1
        self._due_at_once(now)
        self._use(now, hello)

    def _use(self, now: int, hello: control.Hello) -> None:
        """Uses a hello of the peer's run."""
        self.used += 1
        self.received_number = hello.number
        self.announced = max(self.announced, hello.epoch)
        self.sign_of_life(now)
        self.owed |= bool(hello.flags & control.ASKS)
        self._liveness.set_peer_ping(hello.ping_ms * 1000)
        self.wanted = not (hello.playing and hello.named == self._settings.incarnation)
        if hello.frame_us != self._settings.frame_us:
            self._reports.mismatch("FrameInterval", self._settings.frame_us, hello.frame_us)
