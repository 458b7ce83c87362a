"""Short scenes of two endpoints and an attacker: what must hold whatever is sent, replayed or said.

Each scene is played with every kind of tag.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Iterator

import control
import path_scenes
from endpoint import Settings
from stage import (DELAY, FRAME, LIMIT, MS, SECOND, End, Failure, Maker, Scene, claim, hello, pair)

__all__ = ["Failure", "play_all"]

KEY = bytes(range(16))


# The scenes.


def nothing_that_anyone_says_stops_or_delays_a_link(scene: Scene) -> None:
    """Hellos of other settings and runs, and earlier datagrams, at both ends: no input is late."""
    calm = Scene(scene.settings, scene.make)
    quiet = pair(calm)
    calm.run(4 * SECOND)
    calm.finish()
    ends = pair(scene)
    turn = 0

    def attack() -> None:
        """Says something to both ends."""
        nonlocal turn
        turn += 1
        for victim, peer in (ends, ends[::-1]):
            said = [hello(peer, window=119), hello(peer, input_len=9), hello(peer, tag_size=3),
                    hello(peer, first_frame=1), hello(peer, version=2), hello(peer),
                    hello(peer, epoch=9, number=turn), hello(peer, incarnation=turn << 33, flags=1,
                                                             named=victim.settings.incarnation),
                    hello(peer, answered=1 << 31, named=victim.settings.incarnation)]
            scene.receive(victim, said[turn % len(said)])
            # Not those that are still on their way: they would be early.
            scene.receive(victim, peer.sent[turn * 7 % (len(peer.sent) - 10)])
            scene.receive(victim, victim.sent[turn * 5 % len(victim.sent)])

    scene.at(SECOND, lambda: scene.every(7 * MS, attack))
    scene.run(4 * SECOND)
    for end, undisturbed in zip(ends, quiet):
        claim(len(end.delivered) > 200, f"{end.name} delivered {len(end.delivered)} inputs")
        claim(end.delivered == undisturbed.delivered, f"{end.name} delivered at other moments")
        claim(not end.times("Restarted") and not end.times("EpochAhead"), f"{end.reports}")
        claim(len(end.times("SecondRun")) == 1, f"{end.name} reports its attacker: {end.reports}")


def a_dead_peer_is_noticed_in_time_whatever_is_replayed(scene: Scene) -> None:
    """Interrupted and Disconnected come when they must, although everything is replayed."""
    a, b = pair(scene)
    scene.run(2 * SECOND)
    scene.stop(b)
    scene.run(DELAY)
    last = scene.now
    turn = 0

    def replay() -> None:
        """Replays something of the dead peer, or says something in its name."""
        nonlocal turn
        turn += 1
        scene.receive(a, b.sent[turn % len(b.sent)])
        scene.receive(a, hello(b, number=turn, incarnation=88 << 32, epoch=9))

    scene.every(5 * MS, replay)
    for moment, health in ((LIMIT - FRAME - DELAY, "received"), (LIMIT + MS, "Interrupted"),
                           (5 * SECOND - FRAME - DELAY, "Interrupted"),
                           (5 * SECOND + MS, "Disconnected"), (20 * SECOND, "Disconnected")):
        scene.run(last + moment - scene.now)
        found = scene.health(a)
        found = found if found in ("Interrupted", "Disconnected") else "received"
        claim(found == health, f"{moment} us after the end the peer is {found}, not {health}")
    claim(not a.times("Restarted"), "nobody answered, so nobody restarted")
    claim(not a.times("EpochAhead"), "an epoch is learned from the peer's run only")


def a_restart_is_reported_after_the_silence_and_heals(scene: Scene) -> None:
    """The new run is taken up after the limit, and plays from the next epoch on."""
    a, b = pair(scene)
    scene.run(2 * SECOND)
    scene.stop(b)
    died = scene.now
    fresh = scene.start("b again", 1, 6 << 40)
    scene.play(fresh)
    scene.run(SECOND)
    (reported,) = a.times("Restarted")
    claim(LIMIT - FRAME <= reported - died <= LIMIT + 200 * MS + 6 * DELAY,
          f"reported {reported - died} us after the end")
    epoch = a.epoch + 1
    for end in (a, fresh):
        end.epoch = epoch
        scene.do(end, end.endpoint.begin(scene.now, epoch))
    before = len(a.delivered), len(fresh.delivered)
    scene.run(SECOND)
    claim(len(a.delivered) > before[0] + 40 and len(fresh.delivered) > before[1] + 40,
          "inputs flow again")


def an_earlier_run_does_not_come_back(scene: Scene) -> None:
    """The second run dies, and everything that the first one ever said is replayed."""
    a, b = pair(scene)
    scene.run(SECOND)
    scene.stop(b)
    second = scene.start("b again", 1, 6 << 40)
    scene.play(second)
    scene.run(SECOND)
    for end in (a, second):
        end.epoch += 1
        scene.do(end, end.endpoint.begin(scene.now, end.epoch))
    scene.run(SECOND)
    scene.stop(second)
    delivered, earlier, turn = len(a.delivered), b.sent + second.sent, 0

    def replay() -> None:
        """Replays something of both runs."""
        nonlocal turn
        turn += 1
        scene.receive(a, earlier[turn % len(earlier)])

    scene.every(3 * MS, replay)
    scene.run(6 * SECOND)
    claim(len(a.times("Restarted")) == 1, f"a reports {a.reports}")
    claim(len(a.delivered) <= delivered + 3 and not a.times("EpochAhead"), "nothing old is taken")
    claim(scene.health(a) == "Disconnected", "the peer is dead")


def a_second_program_is_reported_at_both_ends_and_stops_nothing(scene: Scene) -> None:
    """The first program goes on, the second learns that it is the second."""
    a, b = pair(scene)
    scene.run(SECOND)
    second = scene.start("second b", 1, 7 << 40)
    scene.play(second)
    before = len(a.delivered), len(b.delivered)
    scene.run(3 * SECOND)
    claim(len(a.delivered) - before[0] > 170 and len(b.delivered) - before[1] > 170, "no gap")
    claim(not second.delivered, "the second program is given nothing")
    claim(len(a.times("SecondRun")) == 1, f"a reports {a.reports}")
    claim(len(second.times("Replaced")) == 1, f"the second reports {second.reports}")
    scene.stop(b)
    scene.run(2 * SECOND)
    claim(len(a.times("Restarted")) == 1, "the second takes over when the first falls silent")


def another_session_or_key_is_reported_once_at_each_end(scene: Scene) -> None:
    """Session id or key differ: both ends say so, once."""
    s = scene.settings
    other = replace(s, key=bytes(16) if s.key is None else None, short_tags=False)
    for changes in ({"session_id": s.session_id ^ 1}, {"key": other.key, "short_tags": False}):
        apart = Scene(s, scene.make)
        ends = apart.start("a", 0, 3 << 40), apart.start("b", 1, 5 << 40, **changes)
        apart.run(5 * SECOND)
        apart.finish()
        for end in ends:
            claim(len(end.times("Unreadable")) == 1 and not end.delivered,
                  f"{end.name} reports {end.reports} with {changes}")


def other_settings_are_named_at_both_ends(scene: Scene) -> None:
    """Each field that differs is reported once, with both values, and inputs never flow."""
    changes: list[dict[str, object]] = [{"input_len": 8}, {"first_frame": 6}]
    if scene.settings.key:
        changes.append({"short_tags": not scene.settings.short_tags})
    for change in changes:
        apart = Scene(scene.settings, scene.make)
        ends = apart.start("a", 0, 3 << 40), apart.start("b", 1, 5 << 40, **change)
        apart.play(*ends)
        apart.run(3 * SECOND)
        apart.finish()
        for end in ends:
            claim(len(end.times("Mismatch")) == 1 and not end.delivered,
                  f"{end.name} reports {end.reports} with {change}")


def what_was_pushed_before_closing_arrives(scene: Scene) -> None:
    """A push and a bye at once, while one datagram in three arrives: all arrives, then the bye."""
    a, b = pair(scene)
    scene.run(SECOND)
    turn = 0

    def lose(sender: End) -> bool:
        """Loses two of three."""
        nonlocal turn
        turn += 1
        return turn % 3 != 0

    scene.is_lost = lose
    scene.push(a)
    end = int(scene.do(a, a.endpoint.push(scene.now, bytes(a.settings.input_len))).detail) + 1
    scene.do(a, a.endpoint.bye(scene.now))
    scene.run(3 * SECOND)
    claim(b.delivered[-1][0] == end - 1, f"b has inputs up to {b.delivered[-1]}, not {end - 1}")
    claim(a.sent[-1][0] == control.BYE and sum(d[0] == control.BYE for d in a.sent) == 3,
          "three byes end it")
    closed = [report for report, _ in b.reports if report.startswith("PeerClosed")]
    claim(closed == [f"PeerClosed {b.epoch} {end}"], f"b reports {b.reports}")
    claim(b.times("PeerClosed")[0] >= b.delivered[-1][1], "the inputs come first")
    claim(a.endpoint.push(scene.now, bytes(a.settings.input_len)).result == "error", "it is closed")


def a_peer_that_is_ahead_is_reported_until_it_is_reached(scene: Scene) -> None:
    """An epoch of the local end that does not reach the peer's is followed by another report."""
    a, b = pair(scene)
    scene.run(SECOND)
    scene.do(b, b.endpoint.begin(scene.now, 5 + a.epoch))
    scene.run(300 * MS)
    claim(len(a.times("EpochAhead")) == 1, f"{a.reports}")
    scene.do(a, a.endpoint.begin(scene.now, a.epoch + 4))
    claim(len(a.times("EpochAhead")) == 2, "again, since 4 is not 5")
    scene.do(a, a.endpoint.begin(scene.now, a.epoch + 5))
    before = len(a.delivered)
    scene.run(SECOND)
    claim(len(a.times("EpochAhead")) == 2 and len(a.delivered) > before + 40, "reached")


def a_replay_at_the_start_keeps_no_peer_away(scene: Scene) -> None:
    """One end is linked; the other one is told of an earlier run before it has any input."""
    a, b = pair(scene)
    scene.run(10 * MS)
    scene.is_lost = lambda sender: sender is a  # Its first hello is on its way.
    scene.run(190 * MS)
    claim(bool(a.delivered) and not b.delivered, "one end is linked")
    scene.receive(b, hello(a, incarnation=99 << 32))
    scene.is_lost = lambda sender: False
    scene.run(SECOND)
    claim(len(b.delivered) > 40, f"b has {len(b.delivered)} inputs")


def a_link_starts_in_two_trips(scene: Scene) -> None:
    """Without loss both ends have an input of the other after two trips."""
    for end in pair(scene):
        scene.push(end)
    scene.run(2 * DELAY + MS)
    for end in scene.ends:
        claim(bool(end.delivered), f"{end.name} has no input after two trips")


SCENES = [
    nothing_that_anyone_says_stops_or_delays_a_link,
    a_dead_peer_is_noticed_in_time_whatever_is_replayed,
    a_restart_is_reported_after_the_silence_and_heals,
    an_earlier_run_does_not_come_back,
    a_second_program_is_reported_at_both_ends_and_stops_nothing,
    another_session_or_key_is_reported_once_at_each_end,
    other_settings_are_named_at_both_ends,
    what_was_pushed_before_closing_arrives,
    a_peer_that_is_ahead_is_reported_until_it_is_reached,
    a_replay_at_the_start_keeps_no_peer_away,
    a_link_starts_in_two_trips,
    *path_scenes.SCENES,
]

SETTINGS = {
    "no key": Settings(session_id=0x5ce),
    "key": Settings(session_id=0x5ce, key=KEY),
    "short tags": Settings(session_id=0x5ce, key=KEY, short_tags=True),
}


def play_all(make: Maker) -> Iterator[str]:
    """Plays every scene with every kind of tag, and yields the name of each."""
    for scene_of in SCENES:
        for kind, settings in SETTINGS.items():
            name = f"{scene_of.__name__} ({kind})"
            scene = Scene(settings, make)
            try:
                scene_of(scene)
                scene.finish()
            except Failure as error:
                raise Failure(f"{name}: {error}") from error
            finally:
                for end in scene.ends:
                    getattr(end.endpoint, "kill", lambda: None)()
            yield name
