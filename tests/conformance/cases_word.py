"""Random words, chosen to fit the state of a model."""

from __future__ import annotations

from random import Random

from endpoint import MAX_FRAME
from link import Link
from mutate import changed
from word import Carried, Entry, Word, source_of

MAX_PLAYER = 65535


def random_word(rng: Random, sender: Link) -> Word:
    """A word of a peer: mostly of the present set, with inputs where they help."""
    how = rng.random()
    if how < 0.012:
        return Word()
    players = _players(rng, sender, how)
    entries = tuple(Entry(player, _source(rng, sender, player), _end(rng, sender, player))
                    for player in players)
    carried = _carried(rng, sender, entries) if entries and rng.random() < 0.5 else None
    return Word(rng.random() < 0.5, rng.random() < 0.5, entries,
                _stays(rng, sender, players), carried)


def _players(rng: Random, sender: Link, how: float) -> list[int]:
    """Whom a word names."""
    session = sender.session
    named = {link.player for link in session.departures.named} - {sender.player}
    players = set(named)
    if how < 0.2 or not players:
        players |= {rng.choice([player for player in range(1000, 1010)])}
    if how < 0.14:
        others = [player for player in session.links if player != sender.player]
        players |= set(rng.sample(others, min(len(others), 1)))
    elif how < 0.2:
        players |= {rng.choice([sender.player, session.settings.local_player, 0, MAX_PLAYER])}
    elif how < 0.3 and len(players) > 1:
        players -= set(rng.sample(sorted(players), 1))
    ordered = sorted(players)
    if rng.random() < 0.02:
        ordered = rng.choice([ordered[::-1], ordered + ordered[-1:], list(range(64)),
                              list(range(2000, 2063))])
    return ordered


def _stays(rng: Random, sender: Link, players: list[int]) -> tuple[int, ...]:
    """Who stays: mostly those that do here, unless the word names them, in any order, none twice."""
    session = sender.session
    stays = [player for player in (session.settings.local_player, *session.departures.stays)
             if player not in (sender.player, *players)]
    how = rng.random()
    if how < 0.2:
        rng.shuffle(stays)
    elif how < 0.25:
        stays.append(rng.choice([1000] + [player for player in (MAX_PLAYER, *session.links)
                                          if player not in (sender.player, *stays)]))
    elif how < 0.3 and stays:
        stays.remove(rng.choice(stays))
    elif how < 0.32:
        stays = rng.choice([[], list(range(2000, 2063)), list(range(2000, 2064))])
    return tuple(stays)


def _source(rng: Random, sender: Link, player: int) -> int:
    """The S of a player: mostly the one known here, or of the run known here, else none or any."""
    link = sender.session.links.get(player)
    how = rng.random()
    if link is None or how < 0.04:
        return rng.getrandbits(16)
    if how < 0.1:
        return 0
    return link.source or source_of(link.handshake.run)


def _end(rng: Random, sender: Link, player: int) -> int:
    """The E of a player: mostly about what is known here."""
    link = sender.session.links.get(player)
    if link is None:
        return rng.choice([0, 5, rng.getrandbits(32), MAX_FRAME])
    window = link.settings.window
    step = rng.choice([0, 0, 0, 0, 0, 0, 1, 2, 3, rng.randint(0, 30), -1, -2, -rng.randint(0, 30),
                       -window, -window - 1, window, window + 1])
    if rng.random() < 0.2 and link.departure.named:
        return link.departure.goal
    return min(max(link.recv_next + step, 0), MAX_FRAME)


def _carried(rng: Random, sender: Link, entries: tuple[Entry, ...]) -> Carried:
    """Inputs of one of the players, mostly those that are expected next."""
    index = rng.randrange(len(entries))
    player, _, end = entries[index]
    size, window = sender.settings.input_len, sender.settings.window
    link = sender.session.links.get(player)
    start = end if link is None else min(link.recv_next, end)
    base = min(max(start - rng.choice([0, 0, 0, 1, 2, rng.randint(0, window), -1]), 0), MAX_FRAME)
    count = min(max(end - base, 1), window)
    if rng.random() < 0.2:
        count = rng.choice([1, 2, count + 1, window, window + 1, 255, 0])
    inputs: list[bytes] = []
    before = bytes(size)
    for frame in range(base, base + count):
        known = link.remote_inputs.get(frame) if link else None
        if known is None or rng.random() < 0.02:
            known = changed(rng, before)
        inputs.append(known)
        before = known
    if rng.random() < 0.05:
        index = rng.choice([len(entries), 255])
    return Carried(index, base, tuple(inputs))
