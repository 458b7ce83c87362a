"""Scenes of three and four endpoints, one of which leaves: what 3.12 promises.

Each scene is played without a key and with one.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Callable, Iterator

import word
from endpoint import Settings
from mesh_stage import Mesh, MeshEnd, claim, incarnation_of
from stage import DELAY, FRAME, MS, SECOND, Maker
from word import Carried, Entry, Word, pack_entries, pack_stays

__all__ = ["play_all"]

KEY = bytes(range(16))
TRIP = 2 * DELAY


# What scenes have in common.


def started(settings: Settings, make: Maker, count: int, **changes: object) -> Mesh:
    """Endpoints that have played for a second."""
    mesh = Mesh(replace(settings, **changes), make, count)
    mesh.run(SECOND)
    claim(all(len(end.delivered) == count - 1 for end in mesh.ends), "all play")
    return mesh


def lose_to(mesh: Mesh, sender: int, *receivers: int) -> None:
    """Loses everything from an endpoint to some others."""
    mesh.is_lost = lambda a, b, datagram: a == sender and b in receivers


def die_unevenly(mesh: Mesh, leaver: int, apart: int, *deaf: int) -> None:
    """An endpoint is killed after some of the others have missed its last inputs for a while."""
    lose_to(mesh, leaver, *deaf)
    mesh.run(apart)
    mesh.stop(mesh.ends[leaver])
    mesh.run(2 * DELAY)
    mesh.is_lost = lambda a, b, datagram: False


def survivors(mesh: Mesh) -> list[MeshEnd]:
    """The endpoints that run."""
    return [end for end in mesh.ends if end.is_running]


def source_of(end: MeshEnd) -> int:
    """What words call its run."""
    return word.source_of(end.settings.incarnation)


def same_inputs(player: int, *ends: MeshEnd) -> None:
    """Claims that several endpoints have delivered the same inputs of a player."""
    first = ends[0].delivered.get(player)
    claim(all(end.delivered.get(player) == first for end in ends),
          f"inputs of {player} up to {[end.end_of(player) for end in ends]}")


# The scenes.


def all_get_what_one_has(settings: Settings, make: Maker) -> None:
    """A player dies with different last inputs: the greatest counts, and then all are silent."""
    for missing in (0, 3, 30, 100):
        mesh = started(settings, make, 4)
        die_unevenly(mesh, 3, missing * FRAME, *((0, 1) if missing else ()))
        ends = survivors(mesh)
        greatest = max(end.end_of(3) for end in ends)
        apart = greatest - min(end.end_of(3) for end in ends)
        claim(apart >= missing - 3 if missing else apart <= 1, f"the ends are {apart} apart")
        began = mesh.now
        mesh.drop(ends[0], 3)
        mesh.run(SECOND)
        mesh.claim_agreement(3, greatest - 1, *ends)
        same_inputs(3, *ends)
        took = max(end.departed_at[3] for end in ends) - began
        claim(took <= 3 * DELAY + 8 * FRAME + (2 * TRIP if missing else 0), f"it took {took} us")
        claim(not ends[0].times("Departing") and all(
            len(end.times("Departing")) == 1 for end in ends[1:]), "reported where a word names")
        mesh.claim_silence(SECOND, *ends)
        for end in ends:
            claim(end.end_of((end.player + 1) % 3) > greatest + 60, "the others play on")
        mesh.finish()


def a_player_that_never_sent_an_input_departs_with_none(settings: Settings, make: Maker) -> None:
    """It was there, and pushed nothing."""
    mesh = Mesh(settings, make, 0)
    for player in range(3):
        mesh.start(player, [each for each in range(3) if each != player])
    mesh.play(*mesh.ends[:2])
    mesh.run(SECOND)
    mesh.stop(mesh.ends[2])
    mesh.drop(mesh.ends[1], 2)
    mesh.run(SECOND)
    mesh.claim_agreement(2, None, *mesh.ends[:2])
    mesh.finish()


def a_named_player_holds_the_send_window(settings: Settings, make: Maker) -> None:
    """Pushes fail at the window's end until the player has departed."""
    mesh = started(settings, make, 3)
    mesh.stop(mesh.ends[2])
    mesh.is_lost = lambda a, b, datagram: datagram[0] == word.WORD
    mesh.drop(mesh.ends[0], 2)
    mesh.run(4 * SECOND)
    end = mesh.ends[0]
    claim(end.next_frame <= 60 + settings.window + 5 and not end.departed, "it is held")
    mesh.is_lost = lambda a, b, datagram: False
    mesh.run(SECOND)
    claim(2 in end.departed and end.next_frame > 60 + settings.window + 20, "it is released")
    mesh.finish()


def one_with_one_peer_is_alone_at_once(settings: Settings, make: Maker) -> None:
    """Without survivors a named player departs in the same call."""
    mesh = started(settings, make, 2)
    mesh.stop(mesh.ends[1])
    mesh.drop(mesh.ends[0], 1)
    claim(mesh.ends[0].departed == {1: mesh.ends[0].end_of(1) - 1}, "at once")
    mesh.run(5 * SECOND)
    claim(mesh.ends[0].next_frame > 300, "it plays on alone")
    mesh.finish()


def a_long_shortage_is_repaired_in_pieces(settings: Settings, make: Maker) -> None:
    """Random large inputs do not fit a datagram: prefix by prefix, a whole window of them."""
    mesh = started(settings, make, 3, input_len=32, window=120)
    die_unevenly(mesh, 2, 3 * SECOND, 0)
    a, b, _ = mesh.ends
    apart = b.end_of(2) - a.end_of(2)
    claim(apart >= settings.window - 5, f"the ends are {apart} apart")
    mesh.drop(a, 2)
    mesh.run(2 * SECOND)
    mesh.claim_agreement(2, b.end_of(2) - 1, a, b)
    same_inputs(2, a, b)
    mesh.claim_silence(SECOND, a, b)
    mesh.finish()


def words_are_lost_doubled_and_reordered(settings: Settings, make: Maker) -> None:
    """Half of the words are lost, the others come twice and in any order: the same end."""
    for seed in range(4):
        rng = Random(seed)
        mesh = started(settings, make, 4)
        die_unevenly(mesh, 1, 10 * FRAME, 2)
        mesh.is_lost = lambda a, b, datagram: datagram[0] == word.WORD and rng.random() < 0.5
        mesh.copies = lambda: 2
        mesh.delay = lambda: rng.randint(5 * MS, 120 * MS)
        ends = survivors(mesh)
        greatest = max(end.end_of(1) for end in ends)
        mesh.drop(rng.choice(ends), 1)
        mesh.run(3 * SECOND)
        mesh.claim_agreement(1, greatest - 1, *ends)
        mesh.claim_silence(SECOND, *ends)
        turn = [each for end in ends for each in end.words]
        for end in ends:
            for _, player, datagram in list(end.words):
                mesh.deliver(end.player, player, datagram)
        claim(len(turn) > 0, "there were words")
        mesh.run(SECOND)
        mesh.claim_silence(SECOND, *ends)
        mesh.claim_agreement(1, greatest - 1, *ends)
        mesh.finish()


def the_nth_word_alone_arrives(settings: Settings, make: Maker) -> None:
    """Each direction loses all of its first words but one."""
    for nth in range(1, 6):
        mesh = started(settings, make, 3)
        die_unevenly(mesh, 2, 5 * FRAME, 0)
        counts: dict[tuple[int, int], int] = {}

        def lose(a: int, b: int, datagram: bytes, counts=counts, nth=nth) -> bool:
            """Loses the first eight words of a direction, except one."""
            if datagram[0] != word.WORD:
                return False
            counts[a, b] = counts.get((a, b), 0) + 1
            return counts[a, b] <= 8 and counts[a, b] != nth

        mesh.is_lost = lose
        a, b, _ = mesh.ends
        mesh.drop(a, 2)
        mesh.run(2 * SECOND)
        mesh.claim_agreement(2, b.end_of(2) - 1, a, b)
        mesh.claim_silence(SECOND, a, b)
        mesh.finish()


def a_goodbye_is_believed_with_a_key(settings: Settings, make: Maker) -> None:
    """With a key the bye names its sender, at once if nothing is missing; without one it is a hint."""
    mesh = started(settings, make, 3)
    leaver = mesh.ends[2]
    leaver.is_playing = False
    mesh.run(SECOND // 2)
    mesh.do(leaver, leaver.endpoint.bye(mesh.now))
    mesh.run(DELAY + MS)
    ends = mesh.ends[:2]
    claim(all(end.times("PeerClosed") for end in ends), "the bye arrives")
    if settings.key:
        mesh.claim_agreement(2, leaver.next_frame - 1, *ends)
        claim(all(end.departed_at[2] <= mesh.now for end in ends), "at once")
    else:
        claim(not any(end.departed for end in ends), "a hint")
        mesh.run(SECOND)
        for end in ends:
            mesh.drop(end, 2)
    mesh.run(SECOND)
    mesh.claim_agreement(2, leaver.next_frame - 1, *ends)
    claim(all(len(end.times("Departing")) == (1 if settings.key else 0) for end in ends), "named by it")
    mesh.claim_silence(SECOND, *ends)
    mesh.finish()


def a_goodbye_with_missing_inputs_is_repaired(settings: Settings, make: Maker) -> None:
    """One has missed the last inputs and gets the bye; another has them all."""
    mesh = started(settings, make, 4)
    leaver = mesh.ends[3]
    lose_to(mesh, 3, 0)
    mesh.run(10 * FRAME)
    leaver.is_playing = False
    mesh.do(leaver, leaver.endpoint.bye(mesh.now))
    mesh.run(3 * SECOND)
    mesh.is_lost = lambda a, b, datagram: False
    ends = mesh.ends[:3]
    mesh.stop(leaver)
    if not settings.key:
        mesh.drop(ends[1], 3)
    mesh.run(SECOND)
    mesh.claim_agreement(3, leaver.next_frame - 1, *ends)
    same_inputs(3, *ends)
    mesh.claim_silence(SECOND, *ends)
    mesh.finish()


def who_is_accused_falsely_is_dropped(settings: Settings, make: Maker) -> None:
    """A player that lives is disconnected by one: all name it, and it is told."""
    mesh = started(settings, make, 4)
    accused = mesh.ends[2]
    mesh.drop(mesh.ends[0], 2)
    mesh.run(SECOND)
    claim(len(accused.times("Dropped")) == 1, f"it reports {accused.reports}")
    ends = [mesh.ends[0], mesh.ends[1], mesh.ends[3]]
    last = ends[0].departed.get(2)
    claim(last is not None, "it has departed")
    mesh.claim_agreement(2, last, *ends)
    byes = {player: sum(d[0] == 0x21 for _, to, d in accused.sent if to == player)
            for player in (0, 1, 3)}
    claim(byes == {0: 3, 1: 3, 3: 3}, f"three byes to each: {byes}")
    claim(mesh.do(accused, accused.endpoint.push(mesh.now, bytes(settings.input_len))).result
          == "error", "it is closed")
    notices = [said for said in mesh.said(ends[0], accused) if said.is_farewell]
    claim(1 <= len(notices) <= 3, f"{len(notices)} notices")
    mesh.claim_silence(SECOND, *ends)
    mesh.finish()


def who_is_cut_off_from_one_is_told(settings: Settings, make: Maker) -> None:
    """The accused hears nothing of its accuser: the others tell it."""
    mesh = started(settings, make, 4)
    mesh.is_lost = lambda a, b, datagram: {a, b} == {0, 2}
    mesh.run(SECOND)
    mesh.drop(mesh.ends[0], 2)
    mesh.run(SECOND)
    claim(len(mesh.ends[2].times("Dropped")) == 1, f"it reports {mesh.ends[2].reports}")
    ends = [mesh.ends[0], mesh.ends[1], mesh.ends[3]]
    mesh.claim_agreement(2, max(end.end_of(2) for end in ends) - 1, *ends)
    mesh.claim_silence(SECOND, *ends)
    mesh.finish()


def two_that_accuse_each_other_are_both_out(settings: Settings, make: Maker) -> None:
    """Accusations cross between four: each of the two others hears another one first."""
    mesh = started(settings, make, 4)
    mesh.is_lost = lambda a, b, datagram: datagram[0] == word.WORD and (a, b) in ((1, 2), (0, 3))
    mesh.drop(mesh.ends[0], 1)
    mesh.drop(mesh.ends[1], 0)
    mesh.run(DELAY + 10 * MS)
    mesh.is_lost = lambda a, b, datagram: False
    mesh.run(2 * SECOND)
    ends = mesh.ends[2:]
    for player in (0, 1):
        mesh.claim_agreement(player, max(end.end_of(player) for end in ends) - 1, *ends)
        same_inputs(player, *ends)
    mesh.claim_silence(SECOND, *mesh.ends)
    mesh.finish()


def the_first_accusation_of_a_third_decides(settings: Settings, make: Maker) -> None:
    """Of three, two accuse each other: exactly one is left with the third."""
    for first in (0, 1):
        mesh = started(settings, make, 3)
        mesh.is_lost = lambda a, b, datagram, first=first: a == 1 - first and b == 2
        mesh.drop(mesh.ends[0], 1)
        mesh.drop(mesh.ends[1], 0)
        mesh.run(100 * MS)
        mesh.is_lost = lambda a, b, datagram: False
        mesh.run(SECOND)
        third, kept, out = mesh.ends[2], mesh.ends[first], mesh.ends[1 - first]
        claim(list(third.departed) == [1 - first], f"{third.departed}")
        claim(len(out.times("Dropped")) == 1 and not kept.times("Dropped"), "one is out")
        mesh.claim_agreement(1 - first, third.departed[1 - first], third, kept)
        mesh.finish()


def a_second_one_leaves_before_the_first_is_agreed_on(settings: Settings, make: Maker) -> None:
    """The only one that has the first leaver's last inputs dies before, or after its words."""
    for heard in (False, True):
        mesh = started(settings, make, 4)
        die_unevenly(mesh, 3, 12 * FRAME, 0, 1)
        a, b, holder, _ = mesh.ends
        low, high = max(a.end_of(3), b.end_of(3)), holder.end_of(3)
        claim(high >= low + 9, "the holder is ahead")
        mesh.is_lost = lambda x, y, datagram, heard=heard: (
            2 in (x, y) and not heard or (x, y) == (2, 1))
        mesh.drop(a, 3)
        mesh.run(400 * MS)
        mesh.stop(holder)
        mesh.is_lost = lambda x, y, datagram: False
        mesh.drop(b, 2)
        mesh.run(SECOND)
        mesh.claim_agreement(3, (high if heard else low) - 1, a, b)
        mesh.claim_agreement(2, max(end.end_of(2) for end in (a, b)) - 1, a, b)
        same_inputs(2, a, b)
        same_inputs(3, a, b)
        mesh.claim_silence(SECOND, a, b)
        mesh.finish()


def two_at_once_depart(settings: Settings, make: Maker) -> None:
    """Two of four die, and each survivor notices another one first."""
    mesh = started(settings, make, 4)
    lose_to(mesh, 2, 0)
    mesh.run(6 * FRAME)
    mesh.stop(mesh.ends[2])
    mesh.stop(mesh.ends[3])
    mesh.run(TRIP)
    a, b = mesh.ends[:2]
    mesh.is_lost = lambda x, y, datagram: False
    mesh.drop(a, 2)
    mesh.drop(b, 3)
    mesh.run(SECOND)
    for player in (2, 3):
        mesh.claim_agreement(player, max(a.end_of(player), b.end_of(player)) - 1, a, b)
        same_inputs(player, a, b)
    mesh.claim_silence(SECOND, a, b)
    mesh.finish()


def a_third_departs_after_one_has_departed(settings: Settings, make: Maker) -> None:
    """A departed player stays in the set: the next departure carries both."""
    mesh = started(settings, make, 4)
    mesh.stop(mesh.ends[3])
    mesh.drop(mesh.ends[0], 3)
    mesh.run(SECOND)
    ends = mesh.ends[:3]
    mesh.claim_agreement(3, ends[0].departed.get(3), *ends)
    mesh.stop(mesh.ends[2])
    mesh.drop(mesh.ends[1], 2)
    since = mesh.now
    mesh.run(SECOND)
    mesh.claim_agreement(2, mesh.ends[1].departed.get(2), *mesh.ends[:2])
    said = mesh.said(mesh.ends[0], mesh.ends[1], since)
    claim(all([entry.player for entry in each.entries] == [2, 3] for each in said) and said != [], "both")
    mesh.claim_silence(SECOND, *mesh.ends[:2])
    mesh.finish()


def an_epoch_forgets_what_was_not_agreed(settings: Settings, make: Maker) -> None:
    """An epoch begins while a departure is open: the named player departs again, with none."""
    mesh = started(settings, make, 3)
    die_unevenly(mesh, 2, 5 * FRAME, 0)
    a, b, _ = mesh.ends
    mesh.is_lost = lambda x, y, datagram: datagram[0] == word.WORD
    mesh.drop(a, 2)
    mesh.run(200 * MS)
    old = list(a.words)
    mesh.is_lost = lambda x, y, datagram: False
    for end in (a, b):
        mesh.begin(end, 1)
    for _, player, datagram in old:
        mesh.deliver(0, player, datagram)
    claim(not b.times("Departing"), "words of the epoch before are refused")
    mesh.run(SECOND)
    mesh.claim_agreement(2, None, a, b)
    mesh.begin(a, 2)
    mesh.begin(b, 2)
    mesh.run(SECOND)
    mesh.claim_agreement(2, None, a, b)
    claim(b.end_of(0) > 40 and a.end_of(1) > 40, "they play")
    mesh.claim_silence(SECOND, a, b)
    mesh.finish()


def one_joins_late(settings: Settings, make: Maker) -> None:
    """A fourth player comes from a later frame, plays, and departs."""
    mesh = started(settings, make, 3)
    frame = max(end.next_frame for end in mesh.ends) + 50
    for end in mesh.ends:
        claim(mesh.do(end, end.endpoint.join(mesh.now, 3, frame)).result == "ok", "it is added")
    fresh = mesh.start(3, [0, 1, 2], join=frame)
    mesh.at(mesh.now + 50 * FRAME, lambda: mesh.play(fresh))
    mesh.run(3 * SECOND)
    for end in mesh.ends[:3]:
        claim(end.delivered.get(3, [(0, b"")])[0][0] == frame and end.end_of(3) > frame + 60,
              f"{end.player} has the inputs of the joiner from {end.delivered.get(3, [0])[0]}")
        claim(fresh.delivered[end.player][0][0] == frame and fresh.end_of(end.player) > frame + 60,
              "and it those of the others")
    die_unevenly(mesh, 3, 5 * FRAME, 1)
    mesh.drop(mesh.ends[1], 3)
    mesh.run(SECOND)
    mesh.claim_agreement(3, max(end.end_of(3) for end in mesh.ends[:3]) - 1, *mesh.ends[:3])
    mesh.finish()


def one_that_joins_while_another_leaves_is_caught(settings: Settings, make: Maker) -> None:
    """Nobody could give the joiner the frames before: it is named with the leaver."""
    mesh = started(settings, make, 3)
    frame = max(end.next_frame for end in mesh.ends) + 60
    for end in mesh.ends:
        claim(mesh.do(end, end.endpoint.join(mesh.now, 3, frame)).result == "ok", "it is added")
    joiner = mesh.start(3, [0, 1, 2], join=frame)
    mesh.run(300 * MS)
    mesh.stop(mesh.ends[2])
    mesh.drop(mesh.ends[0], 2)
    mesh.run(SECOND)
    ends = mesh.ends[:2]
    mesh.claim_agreement(2, max(end.end_of(2) for end in ends) - 1, *ends)
    mesh.claim_agreement(3, None, *ends)
    claim(len(joiner.times("Dropped")) == 1, f"the joiner reports {joiner.reports}")
    mesh.finish()


def one_that_comes_while_another_is_named_is_caught(settings: Settings, make: Maker) -> None:
    """A peer that is added while one is named and not departed is named with it."""
    mesh = started(settings, make, 3)
    mesh.stop(mesh.ends[2])
    mesh.is_lost = lambda x, y, datagram: datagram[0] == word.WORD
    a, b = mesh.ends[:2]
    mesh.drop(a, 2)
    frame = max(a.next_frame, b.next_frame) + 60
    for end in (a, b):
        claim(mesh.do(end, end.endpoint.join(mesh.now, 3, frame)).result == "ok", "it is added")
    mesh.is_lost = lambda x, y, datagram: False
    mesh.run(SECOND)
    mesh.claim_agreement(3, None, a, b)
    mesh.claim_silence(SECOND, a, b)
    again = mesh.do(a, a.endpoint.join(mesh.now, 4, a.next_frame + 60)).result
    claim(again == "error", "nobody is added while a departed one is not removed")
    mesh.finish()


def a_departed_player_is_removed_and_comes_back(settings: Settings, make: Maker) -> None:
    """It comes back as the same player, and no word of before names it."""
    mesh = started(settings, make, 3)
    mesh.stop(mesh.ends[2])
    a, b = mesh.ends[:2]
    mesh.drop(a, 2)
    mesh.run(SECOND)
    old = list(a.words)
    frame = max(a.next_frame, b.next_frame) + 60
    for end in (a, b):
        claim(mesh.do(end, end.endpoint.remove(mesh.now, 2)).result == "ok", "it is removed")
        claim(mesh.do(end, end.endpoint.join(mesh.now, 2, frame)).result == "ok", "it is added")
        end.delivered.pop(2)
        end.departed.clear()
    fresh = mesh.start(2, [0, 1], incarnation=incarnation_of(99), join=frame)
    mesh.at(mesh.now + 60 * FRAME, lambda: mesh.play(fresh))
    mesh.run(2 * SECOND)
    for _, player, datagram in old:
        mesh.deliver(0, player, datagram)
    mesh.run(2 * SECOND)
    claim(not b.departed and b.end_of(2) > frame + 60, "it plays")
    mesh.finish()


def a_departure_waits_until_all_have_removed_the_one_before(settings: Settings, make: Maker) -> None:
    """One end has removed whom the other one still names: the sets differ."""
    mesh = started(settings, make, 4)
    a, b = mesh.ends[:2]
    mesh.stop(mesh.ends[3])
    mesh.drop(a, 3)
    mesh.run(SECOND)
    mesh.claim_agreement(3, a.departed.get(3), *mesh.ends[:3])
    mesh.do(b, b.endpoint.remove(mesh.now, 3))
    since = mesh.now
    die_unevenly(mesh, 2, 10 * FRAME, 1)
    mesh.drop(a, 2)
    mesh.run(SECOND)
    claim(2 not in a.departed, "it waits")
    for end, other, players in ((a, b, [2, 3]), (b, a, [2])):
        named = [[entry.player for entry in said.entries] for said in mesh.said(end, other, since)]
        claim(named and all(each == players for each in named), f"{end.player} names {named}")
    mesh.do(a, a.endpoint.remove(mesh.now, 3))
    mesh.run(SECOND // 2)
    mesh.claim_agreement(2, a.end_of(2) - 1, a, b)
    same_inputs(2, a, b)
    mesh.claim_silence(SECOND, a, b)
    mesh.finish()


def newcomer(settings: Settings, make: Maker) -> tuple[Mesh, int]:
    """Two of three play on without the second one, and add a peer from a frame that it has not reached."""
    mesh = started(settings, make, 3)
    a, b, c = mesh.ends
    b.is_playing = False
    frame = max(end.next_frame for end in mesh.ends) + 5
    for end in (a, c):
        claim(mesh.do(end, end.endpoint.join(mesh.now, 3, frame)).result == "ok", "it is added")
    return mesh, frame


def who_has_not_added_a_newcomer_does_not_agree(settings: Settings, make: Maker) -> None:
    """The newcomer may have inputs of the leaver: nothing departs before all have added it."""
    mesh, frame = newcomer(settings, make)
    a, b, _ = mesh.ends
    fresh = mesh.start(3, [0, 1, 2], join=frame)
    mesh.at(mesh.now + 10 * FRAME, lambda: mesh.play(fresh))
    mesh.run(SECOND // 2)
    lose_to(mesh, 2, 0, 1)
    mesh.run(10 * FRAME)
    mesh.stop(mesh.ends[2])
    mesh.run(TRIP)
    mesh.is_lost = lambda x, y, datagram: False
    end = fresh.end_of(2)
    claim(frame < max(a.end_of(2), b.end_of(2)) < end - 5, "the newcomer has the most of the leaver")
    mesh.drop(a, 2)
    mesh.run(SECOND)
    claim(not any(each.departed for each in (a, b, fresh)), "it has departed nowhere")
    claim({(said.have, said.stays) for said in mesh.said(a, b)} == {(False, (1, 3))}, "one has added it")
    claim({(said.have, said.stays) for said in mesh.said(b, a)} == {(False, (0,))}, "one has not")
    claim(mesh.do(b, b.endpoint.join(mesh.now, 3, frame)).result == "ok", "it is added")
    mesh.run(SECOND)
    mesh.claim_agreement(2, end - 1, a, b, fresh)
    same_inputs(2, a, b)
    mesh.claim_silence(SECOND, a, b, fresh)
    mesh.finish()


def who_removes_a_newcomer_agrees(settings: Settings, make: Maker) -> None:
    """One end has added a peer and the other one has not: they agree when it is removed."""
    mesh, _ = newcomer(settings, make)
    a, b, _ = mesh.ends
    mesh.run(SECOND // 2)
    mesh.stop(mesh.ends[2])
    mesh.drop(b, 2)
    mesh.run(SECOND)
    claim(not a.departed and not b.departed, "not the same players stay")
    mesh.do(a, a.endpoint.remove(mesh.now, 3))
    mesh.run(SECOND // 2)
    mesh.claim_agreement(2, max(a.end_of(2), b.end_of(2)) - 1, a, b)
    same_inputs(2, a, b)
    mesh.claim_silence(SECOND, a, b)
    mesh.finish()


def a_survivor_that_restarts_is_waited_for_until_it_is_named(settings: Settings, make: Maker) -> None:
    """Its new run takes no words until it is named, too."""
    mesh = started(settings, make, 3)
    mesh.stop(mesh.ends[2])
    mesh.stop(mesh.ends[1])
    a = mesh.ends[0]
    fresh = mesh.start(1, [0, 2], incarnation=incarnation_of(98))
    mesh.run(2 * SECOND)
    claim(len(a.times("Restarted")) == 1, f"{a.reports}")
    mesh.drop(a, 2)
    mesh.run(SECOND)
    claim(not a.departed, "it waits")
    mesh.drop(a, 1)
    claim(set(a.departed) == {1, 2}, "it is alone")
    claim(fresh.is_running, "the other one runs")
    mesh.finish()


def words_wait_for_the_transport(settings: Settings, make: Maker) -> None:
    """A survivor behind a closed transport is sent nothing, and is asked when it opens."""
    mesh = started(settings, make, 3)
    mesh.stop(mesh.ends[2])
    a, b = mesh.ends[:2]
    mesh.do(a, a.endpoint.close(mesh.now, 1))
    mesh.drop(a, 2)
    mesh.run(SECOND)
    claim(not mesh.said(a, b) and not a.departed, "nothing is sent")
    mesh.do(a, a.endpoint.open(mesh.now, 1))
    mesh.run(SECOND)
    mesh.claim_agreement(2, a.end_of(2) - 1, a, b)
    mesh.finish()


def words_become_rare_when_nobody_answers(settings: Settings, make: Maker) -> None:
    """A word each interval for 10 s, then each ping interval."""
    mesh = started(settings, make, 3)
    mesh.stop(mesh.ends[2])
    mesh.stop(mesh.ends[1])
    a = mesh.ends[0]
    start = mesh.now
    mesh.drop(a, 2)
    mesh.run(20 * SECOND)
    first = [moment for moment, _, _ in a.words if moment < start + 9 * SECOND]
    later = [moment for moment, _, _ in a.words if moment > start + 11 * SECOND]
    claim(500 < len(first) <= 9 * SECOND // FRAME + 2, f"{len(first)} in the first 9 s")
    claim(40 <= len(later) <= 46, f"{len(later)} in the last 9 s")
    mesh.finish()


def refused_words_change_nothing(settings: Settings, make: Maker) -> None:
    """Each step of Refusing, every cut, and every flipped bit."""
    mesh = started(settings, make, 4)
    a, b = mesh.ends[:2]
    direction = mesh.direction(b, a)
    end, window, source = a.end_of(2), settings.window, source_of(mesh.ends[2])

    def sealed(rest: bytes) -> bytes:
        """A word from its bytes after the tag."""
        return word.seal_word(direction, rest)

    def of(*entries: Entry) -> bytes:
        """A word of these entries."""
        return sealed(bytes([0, len(entries), 0]) + pack_entries(*entries))

    size = settings.input_len
    data = [bytes([each] * size) for each in (1, 2)]
    good = Word(True, True, (Entry(2, source, end + 2), Entry(9, 0, 5)), (0, 3),
                Carried(0, end, tuple(data)))
    valid = word.encode_word(direction, good)
    packed = good.pack(size)
    front = packed[:23]
    bad = {
        "flags": [sealed(bytes([flags]) + packed[1:]) for flags in (8, 15, 23, 39, 71, 135)],
        "m": [sealed(bytes([0, 64, 0]) + pack_entries(*(Entry(1000 + at, 0, 0) for at in range(64))))],
        "s": [sealed(bytes([0, 1, 64]) + pack_entries(Entry(9, 0, 5)) + pack_stays(*range(1000, 1064)))],
        "flags of m = 0": [sealed(bytes([flags, 0, 0])) for flags in (1, 2, 3, 8, 128)],
        "s of m = 0": [sealed(bytes([0, 0, 1]) + pack_stays(player)) for player in (0, 3)],
        "more after m = 0": [sealed(bytes(4))],
        "inputs of m = 0": [sealed(bytes([4, 0, 0, 0, 1, 0, 0, 0, 0, 0]))],
        "length": [sealed(packed[:cut]) for cut in range(2, 29)]
        + [sealed(bytes([3]) + packed[1:23] + b"\0"),
           sealed(bytes([0, 1, 2]) + pack_entries(Entry(9, 0, 5)) + pack_stays(2))],
        "order": [of(Entry(9, 0, 1), Entry(2, 0, 1)), of(Entry(9, 0, 1), Entry(9, 0, 1))],
        "players": [of(Entry(0, 0, 1)), of(Entry(1, 0, 1))],
        "too far": [of(Entry(2, source, end + window + 1)), of(Entry(2, source, 0xFFFFFFFF))],
        "another run": [of(Entry(2, other, e)) for other in (source ^ 1, source ^ 0x8000, 0xFFFF)
                        for e in (0, end, end + window)],
        "n": [sealed(front + bytes([0, n]) + packed[25:]) for n in (0, window + 1, 255)],
        "player of the inputs": [sealed(front + bytes([at]) + packed[24:]) for at in (2, 255)],
        "body": [sealed(packed + b"\0"), sealed(packed + b"\1")],
        "inputs beyond E": [sealed(front + bytes([0, 2]) + (end + 1).to_bytes(4, "big") + packed[29:]),
                            sealed(front + bytes([0, 2]) + b"\xff\xff\xff\xff" + packed[29:])],
        "other tags": [word.seal_word(other, packed) for other in (
            direction.in_epoch(1), replace(direction, sender=0, receiver=1),
            replace(direction, sender_incarnation=5), replace(direction, receiver_incarnation=5),
            replace(direction, first_frame=1), replace(direction, key=None if settings.key else KEY))],
        "cut": [valid[:cut] for cut in range(1, len(valid))],
        "flipped": [bytes(byte ^ (1 << bit if at == place else 0) for place, byte in enumerate(valid))
                    for at in range(1, len(valid)) for bit in range(8)],
        "longer": [valid + b"\0", valid + bytes(2000)],
    }
    count, reported = 0, []
    for name, datagrams in bad.items():
        for datagram in datagrams:
            before = a.endpoint.stats(1).stats["refused"]
            answer = mesh.receive(a, 1, datagram)
            claim(answer.result == "refused", f"{name}: {datagram.hex()} is {answer.result}")
            claim(a.endpoint.stats(1).stats["refused"] == before + 1, "it is counted")
            reported += answer.events
            claim(not answer.events or name in ("too far", "another run"), f"{name}: it has an effect")
            claim(not answer.departed, f"{name}: it has an effect")
            count += 1
    claim(reported == ["OutOfSync"], f"what cannot be agreed on is reported once: {reported}")
    claim(count > 150, f"{count} are refused")
    early = mesh.start(5, [6])
    claim(mesh.receive(early, 6, valid).result == "refused", "no run is known")
    mesh.run(100 * MS)
    claim(not a.times("Departing"), "nothing was taken")
    mesh.finish()


def hostile_words_name_and_nothing_more(settings: Settings, make: Maker) -> None:
    """What a survivor may claim: strangers, itself as late, an end that it cannot give."""
    mesh = started(settings, make, 4)
    a, b = mesh.ends[:2]
    claim(mesh.say(b, a, Word(False, True, tuple(Entry(1000 + at, 7, 7) for at in range(63)))).result == "ok",
          "63 strangers")
    mesh.run(200 * MS)
    claim(not a.words and not a.times("Departing"), "strangers name nobody")
    end = a.end_of(2)
    said = Word(True, True, (Entry(2, source_of(mesh.ends[2]), end + settings.window - 40),
                             Entry(3, 0, 0)))
    claim(mesh.say(b, a, said).result == "ok", "it claims to have more")
    claim(len(a.times("Departing")) == 2, f"both are named: {a.reports}")
    mesh.run(SECOND)
    claim(not a.departed, "nobody gives those inputs, so nobody has departed")
    mesh.drop(a, 1)
    mesh.run(300 * MS)
    claim(set(a.departed) == {1, 2, 3}, f"the liar is out: {a.departed}")
    mesh.finish()


def inputs_of_a_word_are_taken_once_and_in_order(settings: Settings, make: Maker) -> None:
    """Straddling, repeated, with a gap, of one that is not named: only what follows is taken."""
    mesh = started(settings, make, 4)
    mesh.is_lost = lambda x, y, datagram: True
    mesh.stop(mesh.ends[3])
    a, b = mesh.ends[:2]
    end, source = a.end_of(3), source_of(mesh.ends[3])

    def real(base: int, count: int) -> Carried:
        """The inputs that were pushed."""
        from mesh_stage import input_of
        return Carried(0, base, tuple(input_of(3, 0, frame, settings.input_len)
                                      for frame in range(base, base + count)))

    for base, count, reached in ((end + 1, 2, end), (end - 2, 2, end), (end - 2, 4, end + 2),
                                 (end, 2, end + 2), (end + 2, 1, end + 3)):
        answer = mesh.say(b, a, Word(False, True, (Entry(3, source, base + count),),
                                carried=real(base, count)))
        claim(answer.result == "ok" and a.end_of(3) == reached,
              f"inputs {base} to {base + count}: {a.end_of(3)}, not {reached}")
    mesh.finish()


def restarted_between(settings: Settings, make: Maker) -> Mesh:
    """Two play with two runs of a third: each of them has never met the other run."""
    mesh = Mesh(settings, make, 3)
    mesh.is_lost = lambda x, y, datagram: {x, y} == {1, 2}
    mesh.run(SECOND)
    mesh.stop(mesh.ends[2])
    mesh.run(2 * DELAY)
    mesh.is_lost = lambda x, y, datagram: {x, y} == {0, 2}
    mesh.play(mesh.start(2, [0, 1], incarnation=incarnation_of(97)))
    mesh.run(SECOND)
    a, b = mesh.ends[:2]
    claim(a.end_of(2) > 50 and b.end_of(2) > 40, "each has inputs of a run")
    claim(not any(end.times("Restarted") for end in (a, b)), "neither has met both runs")
    return mesh


def inputs_of_two_runs_are_not_agreed_on(settings: Settings, make: Maker) -> None:
    """Both survivors report OutOfSync, and nothing departs before the next epoch."""
    for who in ((0, 1), (1, 0)):
        mesh = restarted_between(settings, make)
        first, second = mesh.ends[who[0]], mesh.ends[who[1]]
        mesh.drop(first, 2)
        mesh.run(SECOND)
        claim(len(second.times("OutOfSync")) == 1, f"it is reported once: {second.reports}")
        claim(not second.times("Departing") and not second.words, "its word names no player")
        mesh.drop(second, 2)
        ends = (first.end_of(2), second.end_of(2))
        mesh.run(3 * SECOND)
        for end in (first, second):
            claim(len(end.times("OutOfSync")) == 1, f"{end.player} reports it once: {end.reports}")
            claim(not end.departed, f"{end.departed} have departed at {end.player}")
        claim(ends == (first.end_of(2), second.end_of(2)), "neither takes inputs of another run")
        sources = {entry.source for end, to in ((first, second), (second, first))
                   for said in mesh.said(end, to) for entry in said.entries}
        claim(sources == {source_of(mesh.ends[2]), source_of(mesh.ends[3])}, f"{sources}")
        for end in (first, second):
            mesh.begin(end, 1)
        mesh.run(SECOND)
        mesh.claim_agreement(2, None, first, second)
        mesh.claim_silence(SECOND, first, second)
        claim(all(end.end_of(1 - end.player) > 40 for end in (first, second)), "they play")
        mesh.finish()


def one_without_inputs_takes_those_of_any_run(settings: Settings, make: Maker) -> None:
    """It has never met the leaver: it takes all inputs from words, with the run that they name."""
    mesh = Mesh(settings, make, 4)
    mesh.is_lost = lambda x, y, datagram: {x, y} == {0, 3}
    mesh.run(SECOND)
    mesh.stop(mesh.ends[3])
    mesh.run(2 * DELAY)
    ends = mesh.ends[:3]
    a, b, _ = ends
    greatest = max(end.end_of(3) for end in ends)
    claim(a.end_of(3) == settings.first_frame and greatest > 50, "one has none")
    mesh.drop(a, 3)
    mesh.run(SECOND)
    mesh.claim_agreement(3, greatest - 1, *ends)
    same_inputs(3, *ends)
    said = [entry for each in mesh.said(a, b) for entry in each.entries]
    run = source_of(mesh.ends[3])
    claim(all(entry.source == (run if entry.end else 0) for entry in said), f"{said}")
    claim({entry.source for entry in said} == {0, run}, "it has said both")
    claim(not any(end.times("OutOfSync") for end in ends), "nothing is out of sync")
    mesh.claim_silence(SECOND, *ends)
    mesh.finish()


def the_first_word_that_knows_a_run_decides(settings: Settings, make: Maker) -> None:
    """One that has never met the leaver takes its run from a word, also without inputs, and no other run."""
    mesh = Mesh(settings, make)
    for player in range(3):
        mesh.start(player, [each for each in range(4) if each != player])
    mesh.run(SECOND)
    a, b, c = mesh.ends
    mesh.is_lost = lambda x, y, datagram: True
    first = settings.first_frame

    def say(sender: MeshEnd, source: int) -> str:
        """What comes of a word that knows a run."""
        stays = tuple(end.player for end in mesh.ends if end is not sender)
        return mesh.say(sender, a, Word(False, True, (Entry(3, source, first),), stays)).result

    for source in (0, 7, 0, 7):
        claim(say(b, source) == "ok" == say(c, source), f"S {source}")
    for sender in (b, c):
        claim(say(sender, 8) == "refused", "another run")
        claim(len(a.times("OutOfSync")) == [b, c].index(sender) + 1, f"it is reported: {a.reports}")
    mesh.run(SECOND)
    since = mesh.now - SECOND // 2
    told = {entry for end in (b, c) for said in mesh.said(a, end, since) for entry in said.entries}
    claim(told == {Entry(3, 7, first)}, f"{told}")
    mesh.finish()


def inputs_of_two_runs_do_not_meet_at_a_third(settings: Settings, make: Maker) -> None:
    """Two survivors have met one run each, and a third one none: it has inputs of one of them."""
    mesh = Mesh(settings, make, 4)
    mesh.is_lost = lambda x, y, datagram: 3 in (x, y) and 1 not in (x, y)
    mesh.run(SECOND)
    mesh.stop(mesh.ends[3])
    mesh.run(2 * DELAY)
    mesh.is_lost = lambda x, y, datagram: 3 in (x, y) and 2 not in (x, y)
    mesh.play(mesh.start(3, [0, 1, 2], incarnation=incarnation_of(97)))
    mesh.run(SECOND)
    mesh.stop(mesh.ends[4])
    mesh.run(2 * DELAY)
    mesh.is_lost = lambda x, y, datagram: False
    ends = mesh.ends[:3]
    a, b, c = ends
    claim(a.end_of(3) == settings.first_frame and min(b.end_of(3), c.end_of(3)) > 40, "two have met it")
    mesh.drop(a, 3)
    mesh.run(3 * SECOND)
    for end in ends:
        claim(end.times("OutOfSync"), f"{end.player} reports {end.reports}")
        claim(not end.departed, f"{end.departed} have departed at {end.player}")
    runs = {source_of(end) for end in mesh.ends[3:]}
    adopted = {entry.source for each in (b, c) for said in mesh.said(a, each) for entry in said.entries}
    claim(len(adopted & runs) == 1 and adopted <= {0, *runs}, f"it knows {adopted}")
    for end in ends:
        mesh.begin(end, 1)
    mesh.run(SECOND)
    mesh.claim_agreement(3, None, *ends)
    mesh.claim_silence(SECOND, *ends)
    mesh.finish()


SCENES: list[Callable[[Settings, Maker], None]] = [
    all_get_what_one_has,
    a_player_that_never_sent_an_input_departs_with_none,
    a_named_player_holds_the_send_window,
    one_with_one_peer_is_alone_at_once,
    a_long_shortage_is_repaired_in_pieces,
    words_are_lost_doubled_and_reordered,
    the_nth_word_alone_arrives,
    a_goodbye_is_believed_with_a_key,
    a_goodbye_with_missing_inputs_is_repaired,
    who_is_accused_falsely_is_dropped,
    who_is_cut_off_from_one_is_told,
    two_that_accuse_each_other_are_both_out,
    the_first_accusation_of_a_third_decides,
    a_second_one_leaves_before_the_first_is_agreed_on,
    two_at_once_depart,
    a_third_departs_after_one_has_departed,
    an_epoch_forgets_what_was_not_agreed,
    one_joins_late,
    one_that_joins_while_another_leaves_is_caught,
    one_that_comes_while_another_is_named_is_caught,
    a_departed_player_is_removed_and_comes_back,
    a_departure_waits_until_all_have_removed_the_one_before,
    who_has_not_added_a_newcomer_does_not_agree,
    who_removes_a_newcomer_agrees,
    a_survivor_that_restarts_is_waited_for_until_it_is_named,
    words_wait_for_the_transport,
    words_become_rare_when_nobody_answers,
    refused_words_change_nothing,
    hostile_words_name_and_nothing_more,
    inputs_of_a_word_are_taken_once_and_in_order,
    inputs_of_two_runs_are_not_agreed_on,
    one_without_inputs_takes_those_of_any_run,
    the_first_word_that_knows_a_run_decides,
    inputs_of_two_runs_do_not_meet_at_a_third,
]

SETTINGS = {
    "no key": Settings(session_id=0x6e5),
    "key, short tags": Settings(session_id=0x6e5, key=KEY, short_tags=True),
}


def play_all(make: Maker, only: int | None = None) -> Iterator[str]:
    """Plays every scene with and without a key, and yields the name of each."""
    made: list[object] = []

    def making(settings: Settings) -> object:
        """Makes an endpoint that ends with the scene."""
        endpoint = make(settings)
        made.append(endpoint)
        return endpoint

    for number, scene in enumerate(SCENES):
        if only is not None and number != only:
            continue
        for kind, settings in SETTINGS.items():
            name = f"{scene.__name__} ({kind})"
            try:
                scene(settings, making)
            except Exception as error:
                if not isinstance(error, AssertionError):
                    raise type(error)(f"{name}: {error}") from error
                raise
            finally:
                for endpoint in made:
                    getattr(endpoint, "kill", lambda: None)()
                made.clear()
            yield name
