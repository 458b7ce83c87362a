"""What a compact endpoint reports about its peer, each once (3.10), and in which order (3.7)."""

from __future__ import annotations

import re

SECOND = 1_000_000

# The reports that are delivered only when no input is held, and those that come before the inputs.
LAST = ("OutOfSync", "Restarted", "EpochAhead", "PeerClosed")
FIRST = ("Mismatch", "WrongPlayers", "SecondRun", "Replaced", "Unreadable", "Departing", "Dropped")
# Those whose values are compared. The others may carry any.
_WITH_VALUES = ("EpochAhead", "PeerClosed", "Mismatch")

BAD_TAGS = 5
BAD_TAGS_SPAN = 400_000
SETTLED = 10 * SECOND


def parse(text: str) -> str | None:
    """A report from the text of an event; None for an event that is not compared."""
    found = re.search(r"\b(" + "|".join(FIRST + LAST) + r")\b(.*)", text)
    if found is None:
        return None
    name, rest = found.groups()
    words = re.findall(r"field: (\w+)|\b(\d+)\b", rest) if name in _WITH_VALUES else []
    return " ".join([name, *(field or number for field, number in words)])


class Reports:
    """The reports about one peer that were not delivered yet, and what was reported before."""

    def __init__(self) -> None:
        """Starts without reports."""
        self._new: list[str] = []
        self._latched: set[str] = set()
        self._other_run_since: int | None = None
        self._elsewhere_since: int | None = None
        self._bad_tags = 0
        self._bad_tags_since = 0

    def take(self) -> list[str]:
        """Takes the new reports in the order of their delivery."""
        new, self._new = self._new, []
        return sorted(new, key=lambda report: report.split()[0] in LAST)

    def _once(self, latch: str, report: str = "") -> None:
        """Reports something unless it was reported before."""
        if latch not in self._latched:
            self._latched.add(latch)
            self._new.append(report or latch)

    def epoch_began(self) -> None:
        """A new epoch may be out of sync again."""
        self._latched.discard("OutOfSync")

    def out_of_sync(self) -> None:
        """The peer continues after inputs that are missing."""
        self._once("OutOfSync")

    def wrong_players(self) -> None:
        """An authentic hello was for another pair of players."""
        self._once("WrongPlayers")

    def mismatch(self, field: str, local: int, remote: int) -> None:
        """A hello has another setting."""
        self._once(f"Mismatch {field}", f"Mismatch {field} {local} {remote}")

    def ahead(self, announced: int, epoch: int) -> None:
        """The peer is ahead."""
        pair = f"EpochAhead {announced} {epoch}"
        if pair not in self._latched:
            self._latched = {latch for latch in self._latched if not latch.startswith("EpochAhead")}
            self._once(pair, f"EpochAhead {announced}")

    def departing(self) -> None:
        """The peer was named, and not by the local application."""
        self._new.append("Departing")

    def dropped(self) -> None:
        """The peer has named the local endpoint."""
        self._new.append("Dropped")

    def closed(self, epoch: int, end: int) -> None:
        """A bye was accepted."""
        self._once("PeerClosed", f"PeerClosed {epoch} {end}")

    @property
    def is_out_of_sync(self) -> bool:
        """Whether a datagram was reported as OutOfSync in this epoch."""
        return "OutOfSync" in self._latched

    # Runs.

    def restarted(self) -> None:
        """A run that was linked has been replaced: most other reports are possible again."""
        self._new.append("Restarted")
        kept = ("EpochAhead", "OutOfSync", "WrongPlayers", "Unreadable")
        self._latched = {latch for latch in self._latched if latch.startswith(kept)}

    def run_changed(self) -> None:
        """A run was believed: what was counted for the former one is void."""
        self._other_run_since = self._elsewhere_since = None
        self._latched.discard("PeerClosed")

    def sign_of_life(self, was_alive: bool) -> None:
        """A sign of life of the peer's run."""
        self._bad_tags = 0
        self._elsewhere_since = None
        if not was_alive:
            self._other_run_since = None

    def other_run(self, now: int, limit: int) -> None:
        """A hello was refused because the peer's run is alive."""
        if self._other_run_since is None:
            self._other_run_since = now
        elif now - self._other_run_since >= limit:
            self._once("SecondRun")

    def does_not_know_local_run(self, now: int, since: int) -> None:
        """A hello of a silent peer, which was linked since then, does not name the local run."""
        if now - since > SETTLED:
            self._once("SecondRun")

    def plays_with_other_run(self) -> None:
        """A hello of the peer's run, which was linked, names another local run as the one in use."""
        self._once("Replaced")

    def candidate_elsewhere(self, now: int, limit: int) -> None:
        """A hello that became the candidate says that it plays with another local run."""
        if self._elsewhere_since is None:
            self._elsewhere_since = now
        elif now - self._elsewhere_since >= limit + SECOND:
            self._once("Replaced")

    # Tags.

    def bad_tag(self, now: int, is_alive: bool) -> None:
        """A hello was refused because of its tag."""
        if is_alive:
            return
        if self._bad_tags == 0:
            self._bad_tags_since = now
        self._bad_tags += 1
        if self._bad_tags >= BAD_TAGS and now - self._bad_tags_since >= BAD_TAGS_SPAN:
            self._once("Unreadable")

    def hello_accepted(self) -> None:
        """A hello was not refused."""
        self._bad_tags = 0
        self._latched.discard("Unreadable")
