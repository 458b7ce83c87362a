"""The format of the line peer's answers to unreadable lines and to calls that fail."""

from __future__ import annotations

import subprocess
from pathlib import Path

from endpoint import Settings
from lines import Broken, LinePeer

UNREADABLE = ["", "nonsense", "push", "push 1", "push x 00", "push 1 0", "push 1 zz", "rx 1",
              "rx -1 00", "rx 1 0", "time", "time now", "time 18446744073709551616", "epoch 1",
              "epoch 1 x", "epoch 1 4294967296", "close", "open", "bye", "bye x", "stats 1 2 3"]

# Calls that fail, long after the time before: they change nothing either.
FAILING = ["join 9000000 1 5", "join 9000000 0 5", "join 9000000 2 4294967295", "drop 9000000 7", "remove 9000000 7"]

# Options of a compact line peer that are an error, each with what it says.
REFUSED = [([], "incarnation"), (["--incarnation", "4294967295"], "incarnation"),
           (["--incarnation", "0"], "incarnation"),
           (["--incarnation", "18446744073709551616"], "incarnation"),
           (["--incarnation", str(1 << 40), "--epoch", "2147483648"], "epoch")]


class BadForm(Broken):
    """A wrong answer."""


def check_all(path: Path) -> int:
    """Checks that unreadable lines and calls that fail are errors without effect, and that other lines work."""
    count = 0
    line = LinePeer(Settings(peer_incarnation=1 << 40), path)
    try:
        line.time(1000)
        before = line.stats()
        for text in UNREADABLE + FAILING:
            answer = line.command(text)
            if answer.result != "error" or answer.inputs or answer.sent:
                raise BadForm(f"the line {text!r} is answered {answer}")
            after = line.stats()
            if (after.stats, after.timeout) != (before.stats, before.timeout):
                raise BadForm(f"the line {text!r} changes something")
            count += 1
        for text, wanted in (("epoch 1000 0", "error"), ("push 1000 00", "pushed"),
                             ("rx 1000 -", "refused"), ("mute", "ok"), ("unmute", "ok"),
                             ("close 2000", "ok"), ("open 3000", "ok"), ("bye 4000", "ok"),
                             ("bye 4000", "ok"), ("push 4000 00", "error"),
                             ("epoch 4000 1", "error")):
            answer = line.command(text)
            if answer.result != wanted:
                raise BadForm(f"the line {text!r} is answered {answer.result}, not {wanted}")
            count += 1
        line.stop()
    finally:
        line.kill()
    options = ["--wire", "classic", "--incarnation", "1"]  # It is unused there.
    done = subprocess.run([str(path), *options], stdin=subprocess.DEVNULL, timeout=10, check=False)
    if done.returncode != 0:
        raise BadForm(f"with the options {options}: status {done.returncode}")
    count += 1
    for options, word in REFUSED:
        done = subprocess.run([str(path), *options], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=10, check=False)
        if done.returncode == 0 or word not in done.stderr:
            raise BadForm(f"with the options {options}: status {done.returncode}, {done.stderr!r}")
        count += 1
    return count
