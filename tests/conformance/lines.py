"""Drives the line peer (PROTOCOL 5) as a subprocess."""

from __future__ import annotations

import json
import resource
import subprocess
from pathlib import Path

import reports
from endpoint import Answer, Settings

DEFAULT = Path(__file__).resolve().parents[2] / "target" / "release" / "examples" / "lines"


class Broken(Exception):
    """A line peer that violates the format of its answers."""


def _limit_memory() -> None:
    """Limits the memory of a line peer that loops."""
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))


class LinePeer:
    """A line peer, with the calls of an endpoint."""

    def __init__(self, settings: Settings, path: Path = DEFAULT) -> None:
        """Starts the program."""
        self.transcript: list[str] = []
        self.settings = settings
        self.last = Answer("ok")
        self._process = subprocess.Popen(
            [str(path), *settings.options()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            bufsize=-1, preexec_fn=_limit_memory)

    def command(self, line: str) -> Answer:
        """Sends a command and reads its answer."""
        self.transcript.append(line)
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        lines: list[str] = []
        while True:
            raw = self._process.stdout.readline()
            if not raw.endswith(b"\n"):
                raise Broken(f"it ended after {line!r}")
            text = raw[:-1].decode()
            if text == ".":
                self.last = read_answer(lines, self.settings)
                return self.last
            lines.append(text)

    def _of(self, player: int | None) -> str:
        """The player of a line about one peer, which names it if there may be several."""
        if not self.settings.peers:
            return ""
        return f" {self.settings.peers[0] if player is None else player}"

    def push(self, now: int, data: bytes) -> Answer:
        """Pushes an input."""
        return self.command(f"push {now} {data.hex() or '-'}")

    def receive(self, now: int, datagram: bytes, player: int | None = None) -> Answer:
        """Receives a datagram from a peer."""
        return self.command(f"rx {now}{self._of(player)} {datagram.hex() or '-'}")

    def time(self, now: int) -> Answer:
        """Advances the time."""
        return self.command(f"time {now}")

    def begin(self, now: int, epoch: int) -> Answer:
        """Begins an epoch."""
        return self.command(f"epoch {now} {epoch}")

    def bye(self, now: int) -> Answer:
        """Closes the session."""
        return self.command(f"bye {now}")

    def close(self, now: int, player: int | None = None) -> Answer:
        """Reports that the transport has closed."""
        return self.command(f"close {now}{self._of(player)}")

    def open(self, now: int, player: int | None = None) -> Answer:
        """Reports that the transport has opened again."""
        return self.command(f"open {now}{self._of(player)}")

    def drop(self, now: int, player: int) -> Answer:
        """Disconnects a peer."""
        return self.command(f"drop {now} {player}")

    def remove(self, now: int, player: int) -> Answer:
        """Removes a peer."""
        return self.command(f"remove {now} {player}")

    def join(self, now: int, player: int, frame: int) -> Answer:
        """Adds a peer from a join frame."""
        return self.command(f"join {now} {player} {frame}")

    def mute(self) -> Answer:
        """Stops polling."""
        return self.command("mute")

    def unmute(self) -> Answer:
        """Resumes polling."""
        return self.command("unmute")

    def stats(self, player: int | None = None) -> Answer:
        """Requests statistics."""
        return self.command("stats" if player is None else f"stats {player}")

    def stop(self) -> None:
        """Closes its input, and checks that it exits with status 0."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        rest = self._process.stdout.read()
        self._process.stdout.close()
        status = self._process.wait(timeout=10)
        if status != 0 or rest:
            raise Broken(f"at the end of its input: status {status}, output {rest!r}")

    def kill(self) -> None:
        """Kills the program if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


# The order of the lines of an answer.
_ORDER = {"pushed": 0, "ok": 0, "refused": 0, "error": 0, "input": 1, "departed": 1, "event": 1,
          "tx": 2, "stats": 3, "next": 4}


def _with_player(rest: str, settings: Settings) -> tuple[int, str]:
    """The player that a line names if there may be several peers, and the rest of the line."""
    if not settings.peers:
        return settings.peer_player, rest
    player, _, rest = rest.partition(" ")
    return int(player), rest


def read_answer(lines: list[str], settings: Settings) -> Answer:
    """Reads the lines of an answer, and checks their format and order."""
    parts = [line.partition(" ")[::2] for line in lines]
    places = [_ORDER.get(word, 9) for word, _ in parts]
    if places != sorted(places) or places.count(0) != 1 or places.count(4) != 1 or 9 in places:
        raise Broken(f"an answer of the wrong format: {lines}")
    answer = Answer(*parts[0])
    for word, rest in parts[1:]:
        if word == "input":
            player, rest = _with_player(rest, settings)
            frame, _, data = rest.partition(" ")
            if any(player == departed for departed, _ in answer.departed):
                raise Broken(f"an input after the player has departed: {lines}")
            answer.inputs_of.setdefault(player, []).append((int(frame), bytes.fromhex(data)))
        elif word == "departed":
            departed, _, last = rest.partition(" ")
            answer.departed.append((int(departed), None if last == "none" else int(last)))
        elif word == "event":
            report = reports.parse(rest)
            answer.events += [] if report is None else [report]
        elif word == "tx":
            player, rest = _with_player(rest, settings)
            answer.sent_to.setdefault(player, []).append(bytes.fromhex(rest))
        elif word == "stats":
            answer.stats = json.loads(rest)
        elif word == "next" and rest != "none":
            answer.timeout = int(rest)
    return answer
