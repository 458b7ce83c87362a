"""Scenes of the way between two endpoints: queues, long silences, large inputs, delays, late calls."""

from __future__ import annotations

from random import Random
from typing import Callable

import wire_compact
from stage import DELAY, FRAME, MS, SECOND, End, Scene, claim, pair


def blocks(end: End, since: int) -> list[tuple[int, wire_compact.Timing]]:
    """The timing blocks that an end has sent since a moment, each with its moment."""
    found = []
    start = 3 + end.settings.input_tag_size
    for datagram, moment in zip(end.sent, end.sent_at):
        if datagram[0] & 0xC0 == 0xC0 and moment >= since:
            at = start + (datagram[0] & 15 == 15)
            found.append((moment, wire_compact.Timing.unpack(datagram[at:at + 8])))
    return found


def input_moments(end: End, since: int) -> list[int]:
    """When an end has sent input datagrams since a moment."""
    return [moment for datagram, moment in zip(end.sent, end.sent_at)
            if datagram[0] & 0x80 and moment >= since]


def datagrams_that_queue_are_thinned_out(scene: Scene) -> None:
    """The round trip rises to 2 s and falls: fewer datagrams, never a long pause, nothing lost."""
    a, b = pair(scene)
    rng = Random(5)
    scene.input = lambda end: rng.randbytes(end.settings.input_len)
    scene.run(2 * SECOND)
    quiet = len(input_moments(a, SECOND))
    start = scene.now
    scene.delay = lambda: DELAY + max(min(scene.now - start, start + 4 * SECOND - scene.now), 0) // 2
    scene.run(4 * SECOND)
    for end in (a, b):
        held = [moment for moment in input_moments(end, start + SECOND) if moment < start + 3 * SECOND]
        claim(9 <= len(held) < quiet // 2, f"{end.name} sent {len(held)} datagrams in 2 s")
        pauses = [later - earlier for earlier, later in zip(held, held[1:])]
        claim(max(pauses) <= 201 * MS, f"{end.name} paused for {max(pauses)} us")
        claim(len(blocks(end, start + SECOND)) >= len(held), "each of them has a timing block")
    scene.run(3 * SECOND)
    for end, other in ((a, b), (b, a)):
        claim(len(input_moments(end, scene.now - SECOND)) >= 55, "each frame has a datagram again")
        claim(end.delivered[-1][0] + 6 > len(other.sent) // 3, "everything arrives")
        claim(scene.now - end.delivered[-1][1] <= 2 * FRAME, "without a gap")


def who_hears_nothing_for_half_the_limit_echoes_nothing(scene: Scene) -> None:
    """The echo stops 250 ms after the last sign of life, and comes back with the next one."""
    a, b = pair(scene)
    scene.run(2 * SECOND)
    scene.is_lost = lambda sender: sender is b
    start = scene.now + DELAY  # Up to then something arrives.
    scene.run(900 * MS)
    echoes = [(moment - start, block.echo) for moment, block in blocks(a, start + FRAME)]
    claim(all((echo == 0) == (after > 250 * MS) for after, echo in echoes
              if not 230 * MS < after <= 250 * MS), f"the echoes are {echoes}")
    scene.is_lost = lambda sender: False
    scene.run(SECOND)
    claim(all(block.echo for _, block in blocks(a, scene.now - 500 * MS)), "it echoes again")


def what_is_missed_is_told(scene: Scene) -> None:
    """Half of the datagrams of one end are lost: the other tells about 128 of 256, then 0 again."""
    a, b = pair(scene)
    rng = Random(7)
    scene.run(SECOND)
    scene.is_lost = lambda sender: sender is b and rng.random() < 0.5
    scene.run(10 * SECOND)
    told = [block.lost for _, block in blocks(a, scene.now - 3 * SECOND)]
    claim(90 <= sum(told) / len(told) <= 166, f"a tells {told}")
    claim(not any(block.lost for _, block in blocks(b, SECOND)), "b missed nothing")
    scene.is_lost = lambda sender: False
    scene.run(10 * SECOND)
    claim(blocks(a, 0)[-1][1].lost <= 1, "it ends")


def each_end_tells_how_far_it_is_ahead(scene: Scene) -> None:
    """One end begins six frames early, with or without an input delay: both agree on who waits."""
    for delay in (0, 6):
        apart = Scene(scene.settings, scene.make)
        a = apart.start("a", 0, 3 << 40, input_delay=delay)
        b = apart.start("b", 1, 5 << 40)
        for _ in range(delay):
            apart.push(a)
            apart.run(MS)
        apart.play(a)
        apart.run(6 * FRAME + FRAME // 3)
        apart.play(b)
        apart.run(5 * SECOND)
        leads = [float(str(end.endpoint.stats().stats["lead_millis"])) for end in (a, b)]
        apart.finish()
        claim(all(4000 <= abs(lead) <= 8000 for lead in leads) and abs(sum(leads)) <= 1200,
              f"the leads are {leads} with a delay of {delay}")


def the_margin_is_how_many_frames_early_inputs_come(scene: Scene) -> None:
    """One end begins six frames early: its inputs come early, those of the other late; an outage shows for a second."""
    a, b = scene.start("a", 0, 3 << 40, target_margin=4), scene.start("b", 1, 5 << 40)
    margin: Callable[[End], object] = lambda end: end.endpoint.stats().stats["margin_millis"]
    scene.run(SECOND)
    claim(margin(a) is None and margin(b) is None, "nothing is known before a push")
    shift = 6 * FRAME + FRAME // 3
    scene.play(a)
    scene.run(shift)
    claim(margin(a) is None and margin(b) is None, "b has pushed nothing")
    scene.play(b)
    early, late = ((way - DELAY) // FRAME * 1000 for way in (shift, -shift))

    def settles() -> bool:
        """Whether they are those in a second. They are compared in each frame."""
        for _ in range(70):
            scene.run(FRAME)
            margin(a), margin(b)
        return (margin(a), margin(b)) == (early, late)

    claim(settles(), f"they are not {early} and {late}")
    scene.is_lost = lambda sender: sender is a
    scene.run(500 * MS)
    scene.is_lost = lambda sender: False
    scene.run(100 * MS)
    claim(margin(a) in (early - 29_000, early - 30_000), "it is 30 frames less after half a second")
    claim(settles(), f"they are not {early} and {late} after the outage")
    scene.stop(b)
    scene.start("another run of b", 1, 7 << 40)
    scene.run(SECOND)
    claim(bool(a.times("Restarted")) and margin(a) is None, "those of another run are forgotten")


def a_margin_has_eight_bits(scene: Scene) -> None:
    """One end begins 150 frames early: more than 127 early and 128 late are not told apart."""
    a, b = scene.start("a", 0, 3 << 40), scene.start("b", 1, 5 << 40)
    scene.play(a)
    scene.run(150 * FRAME)
    scene.play(b)
    scene.run(2 * SECOND)
    told = [end.endpoint.stats().stats["margin_millis"] for end in (a, b)]
    claim(told == [127_000, -128_000], f"they are {told}")


def inputs_that_fill_datagrams_flow_at_one_a_frame(scene: Scene) -> None:
    """Random inputs of 32 bytes over 600 ms: every datagram is cut, and the next one goes on."""
    apart = Scene(scene.settings, scene.make)
    a = apart.start("a", 0, 3 << 40, input_len=32)
    b = apart.start("b", 1, 5 << 40, input_len=32)
    rng = Random(9)
    apart.input = lambda end: rng.randbytes(32)
    apart.delay = lambda: 300 * MS
    apart.play(a, b)
    apart.run(6 * SECOND)
    before = len(a.delivered), len(b.delivered)
    apart.run(4 * SECOND)
    claim(len(a.delivered) - before[0] >= 230 and len(b.delivered) - before[1] >= 230,
          f"{len(a.delivered) - before[0]} and {len(b.delivered) - before[1]} in 4 s")
    turn = 0

    def lose(sender: End) -> bool:
        """Loses one in seven."""
        nonlocal turn
        turn += 1
        return turn % 7 == 0

    apart.is_lost = lose
    apart.run(6 * SECOND)
    apart.is_lost = lambda sender: False
    apart.run(4 * SECOND)
    apart.finish()
    for end in (a, b):
        claim(not end.times("OutOfSync"), f"{end.name} reports {end.reports}")
        claim(apart.now - end.delivered[-1][1] <= SECOND, "inputs flow after the losses")


def a_late_call_finds_what_came_in_time(scene: Scene) -> None:
    """An end that is not called for a second takes nobody for silent, and notices silence soon."""
    a, b = pair(scene)
    scene.run(2 * SECOND)
    scene.is_lost = lambda sender: sender is b
    waiting: list[bytes] = []
    start = len(b.sent)
    a.is_asleep = True
    scene.run(SECOND)
    waiting += b.sent[start:]
    a.is_asleep = False
    for datagram in waiting:
        claim(scene.health(a) != "Interrupted", "nobody was silent")
        scene.receive(a, datagram)
    scene.is_lost = lambda sender: True
    scene.run(400 * MS)
    claim(scene.health(a) not in ("Interrupted", "Disconnected"), "it is not silent for long")
    a.is_asleep = True
    scene.run(SECOND)
    a.is_asleep = False
    scene.do(a, a.endpoint.time(scene.now))
    claim(scene.health(a) != "Interrupted", "something may be waiting")
    scene.run(30 * MS)
    scene.do(a, a.endpoint.time(scene.now))
    claim(scene.health(a) == "Interrupted", "nothing was")


SCENES = [
    datagrams_that_queue_are_thinned_out,
    who_hears_nothing_for_half_the_limit_echoes_nothing,
    what_is_missed_is_told,
    each_end_tells_how_far_it_is_ahead,
    the_margin_is_how_many_frames_early_inputs_come,
    a_margin_has_eight_bits,
    inputs_that_fill_datagrams_flow_at_one_a_frame,
    a_late_call_finds_what_came_in_time,
]
