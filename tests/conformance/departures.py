"""How the survivors of a player agree on its last input (3.12): the rules over all peers of an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from word import Carried, Entry, Word

if TYPE_CHECKING:
    from link import Link

SHORTEST_INTERVAL = 10_000


class Departure:
    """What 3.12 keeps about one peer."""

    def __init__(self) -> None:
        """Starts with a survivor of a set that is empty."""
        self.named = False
        self.start_epoch()

    def start_epoch(self) -> None:
        """Starts anew, except that a named peer stays named."""
        # Of a named peer.
        self.departed = False
        self.goal = 0
        self.is_complete = False  # Whether it was named by a bye whose end was its E then.
        self.is_owed_notice = False  # Whether a datagram of it came since the last notice.
        self.noticed_at: int | None = None
        # Of a survivor.
        self.word_taken_at: int | None = None
        self.set_grew()

    def set_grew(self) -> None:
        """What was agreed about other players is void."""
        self.agreed = self.acked = self.owed = False
        self.lacks: tuple[int, int] | None = None
        self.word_sent_at: int | None = None

    @property
    def settled(self) -> bool:
        """Whether this survivor and the endpoint need to say nothing more."""
        return self.acked and self.lacks is None


class Departures:
    """The departures of one endpoint."""

    def __init__(self, links: dict[int, Link]) -> None:
        """Starts without named peers."""
        self._links = links
        self._set_grew_at = 0
        # Who was named and removed in this epoch, and the greatest end of them.
        self._former: set[int] = set()
        self._former_end = 0
        self._new: list[tuple[int, int | None]] = []

    # Derived from the state.

    @property
    def named(self) -> list[Link]:
        """The set, by ascending players."""
        return sorted((link for link in self._links.values() if link.departure.named),
                      key=lambda link: link.player)

    @property
    def survivors(self) -> list[Link]:
        """The other peers."""
        return [link for link in self._links.values() if not link.departure.named]

    @property
    def stays(self) -> tuple[int, ...]:
        """The players that stay, as a word says it."""
        return tuple(link.player for link in self.survivors)

    @property
    def any_departed(self) -> bool:
        """Whether a peer has departed and was not removed."""
        return any(link.departure.departed for link in self._links.values())

    # Naming, and what follows from it.

    def name(self, now: int, link: Link, is_reported: bool = True) -> None:
        """Names a peer, unless it is named, and those that nobody could give its inputs."""
        if link.departure.named:
            return
        link.departure.named = True
        if is_reported:
            link.reports.departing()
        self._start_anew(now)
        self._name_joiners(now)

    def _start_anew(self, now: int) -> None:
        """What was agreed is void."""
        self._set_grew_at = now
        for each in self._links.values():
            each.departure.set_grew()
        for each in self.named:
            each.departure.goal = each.recv_next

    def peer_added(self, now: int) -> None:
        """A peer was added: if a peer is named, agreement starts over."""
        if self.named:
            self._start_anew(now)
            self._name_joiners(now)

    def peer_removed(self, now: int, link: Link) -> None:
        """A peer was removed: if it stayed, agreement starts over."""
        if not link.departure.named:
            self._start_anew(now)
        elif self._links:
            self._former.add(link.player % 32)
            self._former_end = max(self._former_end, link.recv_next)

    def may_be_named_late(self, player: int, frame: int) -> bool:
        """Whether late words may name a player that joins from a frame, and mean one that left."""
        return player % 32 in self._former and frame <= self._former_end

    def _name_joiners(self, now: int) -> None:
        """Names the survivors whose join frame is beyond the end of a named peer."""
        for link in self.survivors:
            if any(link.join_frame > each.recv_next for each in self.named):
                self.name(now, link)

    def epoch_began(self, now: int) -> None:
        """An epoch has begun, with empty windows."""
        self._set_grew_at = now
        self._former.clear()
        self._former_end = 0
        for link in self._links.values():
            link.departure.start_epoch()
            link.departure.goal = link.recv_next

    def judge(self) -> None:
        """Finds out what has departed."""
        agreed = all(link.departure.agreed for link in self.survivors) and all(
            link.departure.departed or link.recv_next == link.departure.goal for link in self.named)
        for link in self.named:
            state = link.departure
            if not state.departed and (agreed or state.is_complete):
                state.departed = True
                has_inputs = link.recv_next > link.join_frame
                self._new.append((link.player, link.recv_next - 1 if has_inputs else None))

    def take(self) -> list[tuple[int, int | None]]:
        """Takes those that have departed, each with its last frame."""
        new, self._new = self._new, []
        return new

    # Sending.

    def word_moment(self, now: int, link: Link) -> int | None:
        """When a word to a peer is due, if nothing else happens; None if none is."""
        state = link.departure
        if link.session.is_closed or not link.is_open:
            return None
        if state.named:
            if not state.is_owed_notice or link.handshake.partner is None:
                return None
            return 0 if state.noticed_at is None else state.noticed_at + link.settings.ping_us
        last = state.word_sent_at
        if not link.takes_words or not self.named or state.settled and not state.owed:
            return None
        if last is None:
            return 0
        ping = link.settings.ping_us
        quick = last + min(max(link.settings.frame_us, SHORTEST_INTERVAL, link.pause), ping)
        slow_from = max(self._set_grew_at, state.word_taken_at or 0) + link.schedule.slow_after
        return quick if last <= slow_from else last + ping

    def make_word(self, now: int, link: Link) -> Word:
        """The word to a peer that is due."""
        state = link.departure
        if state.named:
            state.noticed_at, state.is_owed_notice = now, False
            return Word()
        state.word_sent_at, state.owed = now, False
        entries = tuple(Entry(each.player, each.source, self._told(each)) for each in self.named)
        return Word(state.agreed, not state.settled, entries, self.stays,
                    self._carried(state, entries))

    @staticmethod
    def _told(link: Link) -> int:
        """What a word tells of a named peer: of one that is departed nothing more is asked for."""
        given_up = link.departure.goal if link.departure.departed else 0
        return max(link.recv_next, given_up)

    def _carried(self, state: Departure, entries: tuple[Entry, ...]) -> Carried | None:
        """The inputs that a survivor lacks, if they are held."""
        if state.lacks is None:
            return None
        player, base = state.lacks
        if player not in self._links:
            return None
        of = self._links[player]
        frames = range(base, of.recv_next)
        if base < of.join_frame or not all(frame in of.remote_inputs for frame in frames):
            return None
        index = [entry.player for entry in entries].index(player)
        inputs = tuple(of.remote_inputs[frame] for frame in frames)
        return Carried(index, base, inputs) if inputs else None

    # Receiving.

    def is_possible(self, sender: Link, entry: Entry) -> bool:
        """Whether a survivor may say this of a player: of a peer, what both can still agree on."""
        link = self._links.get(entry.player)
        if link is None:
            return True
        if entry.end > max(link.recv_next, sender.join_frame) + link.settings.window:
            return False
        is_earlier = entry.end < link.join_frame
        return is_earlier or entry.source == link.source or 0 in (entry.source, link.source)

    def receive(self, now: int, sender: Link, word: Word) -> bool:
        """Receives a word that passes; returns whether it names the local endpoint."""
        state = sender.departure
        if state.named:
            state.is_owed_notice |= not word.is_farewell
            return False
        if word.is_farewell:
            return True
        state.word_taken_at = now
        said = [(self._links[entry.player], entry) for entry in word.entries
                if entry.player in self._links]
        said = [(link, entry) for link, entry in said if entry.end >= link.join_frame]
        for link, _ in said:
            self.name(now, link)
        if state.named:
            return False
        for link, entry in said:
            link.departure.goal = max(link.departure.goal, entry.end)
            link.source = link.source or entry.source
        if word.carried is not None:
            of = word.entries[word.carried.index]
            for link, entry in said:
                if entry == of and not link.departure.departed:
                    link.append(word.carried.base, word.carried.inputs)
        if [link for link, _ in said] == self.named and self._same_stay(sender, word):
            state.agreed = True
            state.acked |= word.have
            lacking = [entry for link, entry in said if entry.end < link.recv_next]
            state.lacks = (lacking[0].player, lacking[0].end) if lacking else None
        state.owed |= word.reply
        return False

    def _same_stay(self, sender: Link, word: Word) -> bool:
        """Whether the same players stay with both, apart from these two."""
        there = sorted(word.stays)
        here = sorted({*self.stays, sender.session.settings.local_player} - {sender.player})
        return there == here
