"""A model endpoint of the compact wire: what its peers share."""

from __future__ import annotations

from random import Random

import wire_compact
import word
from departures import Departures
from endpoint import LAST_FREE_EPOCH, MAX_EPOCH, MAX_FRAME, Failed, Settings
from link import Link
from model import Model
from wire_compact import Refused

MOST_PEERS = 7  # Of a line peer.


class CompactModel(Model):
    """An endpoint of the compact wire with one peer or several."""

    def __init__(self, settings: Settings, forms: Random | None = None) -> None:
        """Adds the peers at time 0; with `forms` it sends random legal forms of its inputs."""
        super().__init__(settings)
        self.forms = forms
        self.links: dict[int, Link] = {}
        self.departures = Departures(self.links)
        self.is_dropped = False  # Whether a peer has named this endpoint.
        self._removed = 0
        self.newest_push = 0
        self._start_epoch()
        for player in settings.players:
            if player not in settings.joins:
                self._add(player, settings.first_frame)

    def _start_epoch(self) -> None:
        """Starts without inputs."""
        self.local_inputs: dict[int, bytes] = {}
        self.pushed_in_epoch = False

    def _add(self, player: int, frame: int) -> None:
        """Adds a peer from a join frame."""
        incarnation = self.settings.incarnation + self._removed
        incarnation = incarnation if incarnation < 1 << 64 else (incarnation % (1 << 64) or 1)
        self.links[player] = Link(self, player, frame, incarnation)

    @property
    def link(self) -> Link:
        """The first peer."""
        return self.links[self.settings.players[0]]

    def _link(self, player: int) -> Link:
        """A peer, or `Failed`."""
        if player not in self.links:
            raise Failed("UnknownPeer")
        return self.links[player]

    # Pushing, epochs, peers.

    def do_push(self, data: bytes) -> None:
        """Pushes a local input."""
        for link in self.links.values():
            if link.holds_window and self.send_next - link.acked >= self.settings.window:
                raise Failed("WindowFull")
        self.newest_push = self.now
        for link in self.links.values():
            link.schedule.pushed(self.now, self.send_next >= link.join_frame)
        self.local_inputs[self.send_next] = data
        self.send_next += 1
        self.pushed_in_epoch = True

    def do_begin(self) -> None:
        """Begins an epoch."""
        self._start_epoch()
        for link in self.links.values():
            link.begin()
        self.departures.epoch_began(self.now)

    def may_begin(self, epoch: int) -> bool:
        """Whether an epoch that is greater than the present one may begin."""
        reserve = any(link.handshake.is_ahead or link.handshake.halted or link.reports.is_out_of_sync
                      for link in self.links.values())
        return epoch <= (MAX_EPOCH if reserve else LAST_FREE_EPOCH)

    def do_open(self, player: int) -> None:
        """Handles the reopening of the transport to a peer."""
        self._link(player).open()

    def do_close(self, player: int) -> None:
        """Handles the closing of the transport to a peer."""
        self._link(player).close()

    def do_bye(self) -> None:
        """Closes the session."""
        for link in self.links.values():
            link.closing.close(self.now, link.is_open)

    def do_drop(self, player: int) -> None:
        """Names a peer."""
        link = self._link(player)
        if not self.is_closed:
            self.departures.name(self.now, link, is_reported=False)

    def do_remove(self, player: int) -> None:
        """Removes a peer."""
        link = self._link(player)
        del self.links[player]
        self._removed += 1
        self.departures.peer_removed(self.now, link)

    def do_join(self, player: int, frame: int) -> None:
        """Adds a peer from a join frame."""
        self._check_join(player, frame)
        if self._joins(frame):
            self.send_next = frame
        self._add(player, frame)
        self.departures.peer_added(self.now)

    def _joins(self, frame: int) -> bool:
        """Whether the endpoint itself joins by adding a peer from a join frame."""
        return not self.pushed_in_epoch and frame >= self.settings.first_frame and all(
            link.join_frame == frame for link in self.links.values())

    def may_join(self, player: int, frame: int) -> bool:
        """Whether a peer can be added from a join frame."""
        try:
            self._check_join(player, frame)
        except Failed:
            return False
        return True

    def _check_join(self, player: int, frame: int) -> None:
        """Raises `Failed` unless a peer can be added from a join frame."""
        if self.is_closed:
            raise Failed("Closed")
        if player in self.links or player == self.settings.local_player:
            raise Failed("DuplicatePlayer")
        if len(self.links) == MOST_PEERS:
            raise Failed("TooManyPeers")
        if self.departures.any_departed:
            raise Failed("Departed")
        is_ahead = self._joins(frame) or self.send_next < frame
        is_former = self.departures.may_be_named_late(player, frame)
        if not is_ahead or is_former or frame >= MAX_FRAME:  # The greatest one is never pushed.
            raise Failed("FrameRange")

    # Receiving.

    def do_receive(self, player: int, datagram: bytes) -> None:
        """Receives a datagram of a peer."""
        if player not in self.links:
            raise Refused("UnknownPeer")
        link = self.links[player]
        if len(datagram) > wire_compact.MAX_DATAGRAM:
            raise Refused("TooLong")
        if not datagram:
            raise Refused("Truncated")
        if datagram[0] != word.WORD:
            link.receive(datagram)
            return
        said = link.open_word(datagram)
        if not self.is_closed and self.departures.receive(self.now, link, said):
            link.reports.dropped()
            self.is_closed = self.is_dropped = True
            self.do_bye()

    def count_refusal(self, player: int) -> None:
        """Counts a refused datagram of a peer."""
        if player in self.links:
            self.links[player].refused += 1

    def called(self) -> None:
        """Notes that a call gave the present time."""
        measures_itself = self.asked is not None and not self.is_closed and any(
            link.is_open and self.now >= self.asked + link.liveness.limit // 2
            for link in self.departures.survivors)
        for link in self.links.values():
            link.liveness.called(self.now, self.asked, measures_itself)

    def settle(self) -> None:
        """Does what follows from the time, and from what is known of the departures."""
        for link in self.links.values():
            link.settle()
        self.departures.judge()

    def take_reports(self) -> list[str]:
        """Takes the reports about the peers."""
        return [report for link in self.links.values() for report in link.take_reports()]

    def take_departed(self) -> list[tuple[int, int | None]]:
        """Takes the peers that have departed, each with its last frame."""
        return self.departures.take()

    # Polling.

    def poll(self) -> dict[int, list[bytes]]:
        """Whatever is due, by player."""
        sent = {player: link.poll() for player, link in self.links.items()}
        return {player: datagrams for player, datagrams in sent.items() if datagrams}

    def next_timeout(self) -> int | None:
        """The next moment at which a datagram becomes due without another call."""
        moments = [moment for link in self.links.values() for moment in link.moments()]
        return min((max(moment, self.now) for moment in moments), default=None)

    def statistics(self, player: int) -> dict[str, object]:
        """The figures about a peer that can be compared."""
        return self._link(player).statistics()
