"""The format of the line peer's answers to unreadable lines and to calls that fail."""

from __future__ import annotations

from pathlib import Path

from endpoint import Settings
from lines import Broken, LinePeer

UNREADABLE = ["", "nonsense", "push", "push 1", "push x 00", "push 1 0", "push 1 zz", "rx 1",
              "rx -1 00", "rx 1 0", "time", "time now", "time 18446744073709551616", "epoch 1",
              "epoch 1 x", "epoch 1 4294967296", "close", "open", "stats 1 2 3"]


class BadForm(Broken):
    """A wrong answer."""


def check_all(path: Path) -> int:
    """Checks that unreadable lines are errors without effect, and that other lines work."""
    count = 0
    line = LinePeer(Settings(peer_incarnation=1), path)
    try:
        line.time(1000)
        before = line.stats()
        for text in UNREADABLE:
            answer = line.command(text)
            if answer.result != "error" or answer.inputs or answer.sent:
                raise BadForm(f"the line {text!r} is answered {answer}")
            after = line.stats()
            if (after.stats, after.timeout) != (before.stats, before.timeout):
                raise BadForm(f"the line {text!r} changes something")
            count += 1
        for text, wanted in (("epoch 1000 0", "error"), ("push 1000 00", "pushed"),
                             ("rx 1000 -", "refused"), ("mute", "ok"), ("unmute", "ok"),
                             ("close 2000", "ok"), ("open 3000", "ok")):
            answer = line.command(text)
            if answer.result != wanted:
                raise BadForm(f"the line {text!r} is answered {answer.result}, not {wanted}")
            count += 1
        line.stop()
    finally:
        line.kill()
    return count
