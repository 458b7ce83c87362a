"""What the classic wire promises a peer that is silent, catches up or never answers (2.2 to 2.4)."""

from __future__ import annotations

from pathlib import Path

import wire_classic
from endpoint import Answer, Settings
from lines import Broken, LinePeer

SECOND = 1_000_000


class Unkept(Broken):
    """A promise that is not kept."""


def expect(what: str, holds: bool, answer: object) -> None:
    """Raises unless it holds."""
    if not holds:
        raise Unkept(f"{what}: {answer}")


def _kinds(answer: Answer) -> list[int]:
    """The types of the datagrams that were sent."""
    return [datagram[0] for datagram in answer.sent]


def _unsent(line: LinePeer) -> None:
    """Everything that was pushed while muted is sent once the channel is free."""
    line.command("mute")
    for frame in range(14):
        line.push(frame, bytes([frame]))
    sent = [wire_classic.decode(each) for each in line.command("unmute").sent]
    frames = [frame for message in sent for frame, _ in message.entries]
    expect("all of 14 frames are sent", frames == list(range(14)), frames)


def _catch_up(line: LinePeer) -> None:
    """A catch-up packet is taken, whatever current frame it names."""
    answer = line.receive(SECOND, bytes.fromhex("010001000000e6020000000032040000003304"))
    expect("frames 50 and 51 are taken", answer.inputs == [(50, b"\x04"), (51, b"\x04")], answer)


def _validation(line: LinePeer) -> None:
    """A validation ping comes at once, and at most ten without an answer."""
    count = _kinds(line.time(0)).count(wire_classic.VALIDATION_PING)
    expect("a validation ping comes at once", count == 1, count)
    for now in range(0, 60 * SECOND, 50_000):
        count += _kinds(line.time(now)).count(wire_classic.VALIDATION_PING)
    expect("at most ten come without an answer", count == 10, count)


def _requests(line: LinePeer) -> None:
    """Requests back off from a peer that never answers, and do not end."""
    ping = next(each for each in line.time(0).sent if each[0] == wire_classic.PING)
    line.receive(30_000, bytes([wire_classic.PONG]) + ping[1:])
    for frame in (0, 20):
        entries = ((frame, 1),)
        line.receive(40_000, wire_classic.encode(
            wire_classic.Message(wire_classic.INPUT, 1, frame, entries=entries)))
    early = late = 0
    for now in range(40_000, 60 * SECOND, 20_000):
        requests = _kinds(line.time(now)).count(wire_classic.INPUT_REQUEST)
        early, late = (early + requests, late) if now < 20 * SECOND else (early, late + requests)
    expect("at most 30 requests in 20 s", 0 < early <= 30, early)
    expect("requests do not end", late >= 4, late)


PROMISES = (_unsent, _catch_up, _validation, _requests)


def check_all(path: Path) -> int:
    """Checks each promise with a line peer of its own, and returns their number."""
    for promise in PROMISES:
        line = LinePeer(Settings("classic", ping_us=500_000), path)
        try:
            promise(line)
            line.stop()
        finally:
            line.kill()
    return len(PROMISES)
