"""Compares the models of both wires with the test vectors and with the line peer."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Callable, Iterator

import forms
import lines
import mesh_scenes
import mesh_storm
import play
import promises
import plans
import scenes
import storm
import vectors
from compare import Comparison
from compare_mesh import MeshComparison
from endpoint import Endpoint, Settings
from model_classic import ClassicModel
from model_compact import CompactModel
from twin import Disagreement, Twin
from wire_compact import Refused

FAILURES = (Disagreement, lines.Broken, play.Failure, Refused, scenes.Failure, storm.Failure)

Compared = Comparison | MeshComparison
Start = Callable[[str, int, Path], Compared]


def row(label: str, figures: str, started: float) -> None:
    """Prints one row of the table."""
    print(f"{label:<38} {figures:<72} {time.monotonic() - started:6.1f} s", flush=True)


def make_model(settings: Settings) -> Endpoint:
    """A model endpoint; with an odd session id it sends its inputs in random legal forms."""
    if settings.wire == "classic":
        return ClassicModel(settings)
    return CompactModel(settings, Random(settings.session_id) if settings.session_id % 2 else None)


def twin_maker(options: argparse.Namespace) -> Callable[[Settings], Endpoint]:
    """Makes line peers with their models, or models only if there is no line peer."""
    return CompactModel if options.alone else lambda settings: Twin(settings, options.lines)


def line_maker(options: argparse.Namespace, wire: str) -> Callable[[Settings], Endpoint]:
    """Makes the line peers of a play; on the compact wire each with a model that does the same."""
    if wire == "classic":
        return lambda settings: lines.LinePeer(settings, options.lines)
    return twin_maker(options)


@contextmanager
def reproducible(options: argparse.Namespace, what: str, name: str = "") -> Iterator[None]:
    """Ends the run at a failure, and says how to see it again."""
    try:
        yield
    except FAILURES as error:
        told = f"{name}: {error}" if name else error
        raise SystemExit(f"DISAGREE  {told}\n  reproduce: python3 tests/conformance/check.py "
                         f"--seed {options.seed} --frames {options.frames} {what}") from error


def check_vectors() -> None:
    """Part 1: the vectors."""
    started = time.monotonic()
    for label, number in vectors.check_all():
        row(label, f"{number} hold", started)


def compared(options: argparse.Namespace, part: str, start: Start) -> Iterator[Compared]:
    """Runs one random session after the other until enough datagrams were received."""
    case, done = options.case or 0, 0
    while done < options.datagrams:
        with reproducible(options, f"--only {part} --case {case}  (--show prints the commands)"):
            session = start(options.seed, case, options.lines)
            transcript = session.twin.line.transcript
            try:
                session.run(options.datagrams - done)
            except FAILURES as error:
                raise Disagreement(
                    f"{error}\n  after command {len(transcript)}: {transcript[-1]}\n"
                    f"  model: {session.model.last_reason or 'ok'}, at {session.model.now}\n"
                    f"  lines {' '.join(session.settings.options())}") from error
            finally:
                if options.show:
                    print("\n".join(transcript))
        yield session
        done += session.counts["ok"] + session.counts["refused"]
        case += 1
        if options.case is not None:
            return


def check_datagrams(options: argparse.Namespace) -> None:
    """Part 2: random sessions with random and mutated datagrams."""
    started = time.monotonic()
    totals = {wire: Counter() for wire in ("compact", "classic")}
    for session in compared(options, "datagrams", Comparison):
        totals[session.settings.wire].update(session.counts)
    for wire, counts in totals.items():
        row(f"datagrams, {wire}",
            f"{counts['ok'] + counts['refused']} received, {counts['ok']} accepted, "
            f"{counts['inputs']} inputs delivered, {counts['sent']} sent", started)


def check_mesh(options: argparse.Namespace) -> None:
    """Part 2b: random sessions with several peers."""
    started = time.monotonic()
    counts, departed = Counter(), 0
    for session in compared(options, "mesh", MeshComparison):
        counts.update(session.counts)
        departed += session.departed
    row("datagrams of several peers",
        f"{counts['ok'] + counts['refused']} received, {counts['ok']} accepted, {counts['inputs']} inputs, "
        f"{counts['sent']} sent, {departed} departed", started)


def check_plays(options: argparse.Namespace) -> None:
    """Part 3: games over a virtual network."""
    for number, plan in enumerate(plans.PLANS):
        if options.case is not None and options.case != number:
            continue
        started = time.monotonic()
        kind = play.ClassicPlay if plan.settings.wire == "classic" else play.Play
        game = kind(plan, options.frames, options.seed, make_model,
                    make_model if options.alone else line_maker(options, plan.settings.wire))
        with reproducible(options, f"--only plays --case {number}", plan.name):
            game.run()
        world = game.world
        row(plan.name, f"{game.delivered} inputs delivered, {game.lost} lost, "
            f"{world.datagrams} datagrams ({world.dropped} dropped), {world.now / 1e6:.0f} s",
            started)


def check_scenes(options: argparse.Namespace) -> None:
    """Part 4: two endpoints and an attacker."""
    started = time.monotonic()
    with reproducible(options, "--only scenes"):
        count = sum(1 for _ in scenes.play_all(twin_maker(options)))
    row("scenes", f"{count} hold", started)


def check_departures(options: argparse.Namespace) -> None:
    """Part 4b: three and four endpoints, one of which leaves."""
    started = time.monotonic()
    with reproducible(options, "--only departures"):
        count = sum(1 for _ in mesh_scenes.play_all(twin_maker(options), options.case))
    row("scenes of departures", f"{count} hold", started)


def check_storms(options: argparse.Namespace) -> None:
    """Part 5: restarts, second programs, replays and epochs at once, then quiet."""
    for number in range(options.storms):
        if options.case is not None and options.case != number:
            continue
        started = time.monotonic()
        plan = storm.PLANS[number % len(storm.PLANS)]
        now = storm.Storm(plan, f"{options.seed}/{number}", twin_maker(options), CompactModel)
        with reproducible(options, f"--storms {options.storms} --only storms --case {number}", plan.name):
            now.run()
        row(plan.name, f"{len(now.programs)} programs, {now.reports['Restarted']} restarts "
            f"reported, {sum(each.delivered for each in now.programs)} inputs, none mixed; healed "
            f"in {now.healed_after / 1e6:.1f} s", started)


def check_mesh_storms(options: argparse.Namespace) -> None:
    """Part 5b: deaths, byes, accusations, cut ways, replays and epochs among several, then quiet."""
    for number in range(options.storms):
        if options.case is not None and options.case != number:
            continue
        started = time.monotonic()
        plan = mesh_storm.PLANS[number % len(mesh_storm.PLANS)]
        now = mesh_storm.MeshStorm(
            plan, f"{options.seed}/{number}", twin_maker(options),
            lambda settings: CompactModel(settings, Random(settings.incarnation)))
        with reproducible(options, f"--storms {options.storms} --only mesh-storms --case {number}", plan.name):
            now.run()
        departures = sum(len(player.departures) for player in now.players)
        row(plan.name, f"{len(now.players)} players, {departures} departures, {now.delivered} inputs, "
            f"{len(now.playing)} play on and agree", started)


def check_forms(options: argparse.Namespace) -> None:
    """Part 6: the format of the line peer's answers."""
    started = time.monotonic()
    with reproducible(options, "--only forms"):
        row("format of the answers", f"{forms.check_all(options.lines)} hold", started)


def check_promises(options: argparse.Namespace) -> None:
    """Part 7: what the classic wire promises."""
    started = time.monotonic()
    with reproducible(options, "--only promises"):
        row("promises, classic", f"{promises.check_all(options.lines)} hold", started)


PARTS = {"vectors": lambda options: check_vectors(), "datagrams": check_datagrams,
         "mesh": check_mesh, "plays": check_plays, "scenes": check_scenes,
         "departures": check_departures, "storms": check_storms, "mesh-storms": check_mesh_storms,
         "forms": check_forms, "promises": check_promises}


def main() -> None:
    """Runs the parts; exits with status 1 at the first disagreement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datagrams", type=int, default=2000, help="how many datagrams are received")
    parser.add_argument("--frames", type=int, default=2000, help="how many frames a play has")
    parser.add_argument("--storms", type=int, default=max(len(storm.PLANS), len(mesh_storm.PLANS)),
                        help="how many storms")
    parser.add_argument("--seed", default="1", help="the seed of everything random")
    parser.add_argument("--lines", type=Path, default=lines.DEFAULT, help="the line peer to run")
    parser.add_argument("--only", choices=PARTS, help="one part only")
    parser.add_argument("--case", type=int, help="one case of that part only")
    parser.add_argument("--show", action="store_true", help="print the commands of each case")
    parser.add_argument("--alone", action="store_true",
                        help="no line peer: vectors, and the models against each other")
    options = parser.parse_args()
    if not options.alone and not options.lines.exists():
        raise SystemExit(f"no line peer at {options.lines}: build it with "
                         "`cargo build --release --example lines`, or use --alone")
    for name, part in PARTS.items():
        if options.only in (None, name) and not (options.alone and name in ("datagrams", "mesh", "forms", "promises")):
            part(options)
    print("everything agrees")


if __name__ == "__main__":
    try:
        main()
    except (vectors.Mismatch, AssertionError) as error:
        sys.exit(f"DISAGREE  {error}")
