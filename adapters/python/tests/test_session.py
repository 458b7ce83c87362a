"""The session behind Python's types: two endpoints in virtual time, errors, failover."""

import os
import random
import subprocess
import sys
import typing
import unittest

import inputwire as iw
from inputwire import _abi, events


def pair(**settings):
    sessions = [iw.Session(local_player=player, **settings) for player in (0, 1)]
    for player, session in enumerate(sessions):
        session.add_peer(1 - player, now=0.0)
    return sessions


def play(sessions, until, push, loss=0.0, seed=7):
    """Runs two sessions with a delay of 30 ms. Returns the events of each."""
    rng, under_way, seen, connected = random.Random(seed), [], [[], []], [False, False]
    for tick in range(round(until * 1000)):
        now = tick / 1000
        for player, session in enumerate(sessions):
            session.handle_timeout(now)
            for datagram in [entry for entry in under_way if entry[0] <= now and entry[1] == player]:
                under_way.remove(datagram)
                session.handle_datagram(0, datagram[2], now)
            if connected[player] and tick % 16 == 0:
                push(player, session, now)
            for event in session.events():
                seen[player].append(event)
                connected[player] |= isinstance(event, iw.Connected)
            for _, datagram in session.transmits():
                if rng.random() >= loss:
                    under_way.append((now + 0.03, 1 - player, datagram))
    return seen


class Mesh:
    """Three sessions that exchange datagrams at once, except where a link is cut."""

    def __init__(self, **settings):
        self.now, self.dead, self.cut = 1.0, set(), set()
        self.sessions = [iw.Session(local_player=me, max_peers=2, **settings) for me in range(3)]
        # Backwards, so that no survivor is peer 0, which an unset field would be.
        self.peers = [{player: self.add(me, player) for player in (2, 1, 0) if player != me} for me in range(3)]
        self.seen = [[], [], []]
        self.exchange()

    def add(self, me, player, from_frame=None):
        return self.sessions[me].add_peer(player, from_frame=from_frame, now=self.now)

    def frame(self, *pushing):
        """Lets a frame pass in which these players push their own number."""
        self.now += 1 / 60
        for me in pushing:
            self.sessions[me].push_input(bytes([me]), self.now)
        self.exchange()

    def exchange(self):
        for session in self.sessions:
            session.handle_timeout(self.now)
        for me in list(range(3)) * 6:
            self.seen[me].extend(self.sessions[me].events())
            for peer, datagram in self.sessions[me].transmits():
                to = next(player for player, number in self.peers[me].items() if number == peer)
                if self.dead.isdisjoint((me, to)) and (me, to) not in self.cut and me in self.peers[to]:
                    self.sessions[to].handle_datagram(self.peers[to][me], datagram, self.now)

    def departure(self, me, player):
        return self.sessions[me].departure(self.peers[me][player])

    def delivered(self, me, player):
        return [event.frame for event in self.told(me, iw.Input) if event.input == bytes([player])]

    def told(self, me, kind):
        return [event for event in self.seen[me] if isinstance(event, kind)]


class Departures(unittest.TestCase):
    def test_when_a_player_dies_the_survivors_agree_on_its_last_input_and_one_who_comes_back_joins_from_a_later_frame(self):
        mesh = Mesh()
        for _ in range(5):
            mesh.frame(0, 1, 2)
        mesh.cut = {(2, 1)}
        for _ in range(3):
            mesh.frame(0, 1, 2)
        mesh.dead = {2}
        self.assertEqual(mesh.departure(1, 2), iw.Departure(iw.DepartureKind.PRESENT, None))
        mesh.sessions[1].disconnect_peer(mesh.peers[1][2], mesh.now)
        self.assertEqual(mesh.departure(1, 2), iw.Departure(iw.DepartureKind.DEPARTING, 5))
        self.assertFalse(mesh.sessions[1].departures_settled)
        for _ in range(10):
            mesh.frame(0, 1)
        for me in (0, 1):
            self.assertEqual(mesh.delivered(me, 2), list(range(8)))
            self.assertEqual(mesh.departure(me, 2), iw.Departure(iw.DepartureKind.DEPARTED, 7))
            self.assertEqual(mesh.told(me, iw.Departed), [iw.Departed(mesh.peers[me][2], 7)])
            self.assertTrue(mesh.sessions[me].departures_settled)
        self.assertEqual(mesh.told(0, iw.Departing), [iw.Departing(mesh.peers[0][2], mesh.peers[0][1])])
        self.assertEqual(mesh.told(1, iw.Departing), [])

        mesh.dead, mesh.cut = set(), set()
        mesh.sessions[2], mesh.peers[2] = iw.Session(local_player=2, max_peers=2), {}
        for me in (0, 1):
            with self.assertRaisesRegex(iw.InputwireError, "a departed peer is still there"):
                mesh.add(me, 7, 40)
            mesh.sessions[me].remove_peer(mesh.peers[me][2], mesh.now)
            with self.assertRaisesRegex(iw.InputwireError, "from a frame ahead of every push"):
                mesh.add(me, 2, 18)
            mesh.peers[me][2], mesh.peers[2][me] = mesh.add(me, 2, 40), mesh.add(2, me, 40)
        for frame in range(18, 60):
            mesh.frame(*((0, 1) if frame < 40 else (0, 1, 2)))
        mesh.exchange()
        for me in (0, 1):
            self.assertEqual(mesh.delivered(me, 2), [*range(8), *range(40, 60)])
        self.assertEqual([session.confirmed_frame for session in mesh.sessions], [59, 59, 59])

    def test_a_player_who_is_disconnected_and_plays_on_is_dropped_and_its_session_closed(self):
        mesh = Mesh()
        mesh.sessions[0].disconnect_peer(mesh.peers[0][2], mesh.now)
        for _ in range(5):
            mesh.frame(0, 1)
        self.assertEqual(len(mesh.told(2, iw.Dropped)), 0, "it has sent nothing yet")
        mesh.frame(0, 1, 2)
        for _ in range(20):
            mesh.frame(0, 1)
        (dropped,) = mesh.told(2, iw.Dropped)
        self.assertIn(dropped.by, mesh.peers[2].values())
        self.assertTrue(mesh.sessions[2].is_closed)
        self.assertEqual(mesh.told(0, iw.Departed), [iw.Departed(mesh.peers[0][2], None)])

    def test_without_a_mesh_a_disconnected_peer_has_departed_at_once(self):
        mesh = Mesh(mesh=False)
        mesh.frame(0, 1, 2)
        mesh.sessions[0].disconnect_peer(mesh.peers[0][2], mesh.now)
        self.assertEqual(mesh.departure(0, 2), iw.Departure(iw.DepartureKind.DEPARTED, 0))
        self.assertEqual(mesh.departure(1, 2).kind, iw.DepartureKind.PRESENT)

    def test_a_push_too_far_ahead_names_the_peer_whose_inputs_are_missing(self):
        session = pair(max_lead=8)[0]
        for _ in range(8):
            session.push_input(b"x", 0.0)
        with self.assertRaises(iw.TooFarAhead) as ahead:
            session.push_input(b"x", 0.0)
        self.assertEqual((ahead.exception.waiting_for, ahead.exception.status), (0, iw.Status.TOO_FAR_AHEAD))


class Sessions(unittest.TestCase):
    def test_every_input_is_delivered_once_and_in_order_although_a_fifth_of_all_datagrams_is_lost(self):
        pushed = [[], []]

        def push(player, session, now):
            if len(pushed[player]) < 600:
                data = bytes([len(pushed[player]) % 256, player])
                try:
                    self.assertEqual(session.push_input(data, now), len(pushed[player]))
                    pushed[player].append(data)
                except iw.WindowFull as full:
                    self.assertEqual(full.waiting_for, 0)

        sessions = pair(input_len=2, key=bytes(range(16)))
        seen = play(sessions, 14, push, loss=0.2)
        for player, other in ((0, 1), (1, 0)):
            inputs = [event for event in seen[player] if isinstance(event, iw.Input)]
            self.assertEqual([event.input for event in inputs], pushed[other])
            self.assertEqual([event.frame for event in inputs], list(range(600)))
            self.assertEqual(sessions[player].confirmed_frame, 599)
            self.assertEqual(sessions[player].remote_input(0, 599), pushed[other][599])
            self.assertEqual(sessions[player].latest_input(0), (599, pushed[other][599]))
            self.assertEqual(sessions[player].local_input(599), pushed[player][599])
            stats = sessions[player].stats(0)
            self.assertAlmostEqual(stats.rtt_smoothed, 0.06, delta=0.02)
            self.assertEqual((stats.unacked, stats.health), (0, iw.Health.GOOD))
            self.assertIsInstance(sessions[player].pace(0), iw.Pace)

    def test_a_full_window_names_the_peer_that_is_waited_for(self):
        session = pair()[0]
        for _ in range(iw.WINDOW):
            session.push_input(b"x", 0.0)
        with self.assertRaises(iw.WindowFull) as full:
            session.push_input(b"x", 0.0)
        self.assertEqual((full.exception.waiting_for, full.exception.status), (0, iw.Status.WINDOW_FULL))
        self.assertEqual(session.unacked(0), iw.WINDOW)
        self.assertEqual(session.peers, [0])

    def test_a_refused_call_says_what_to_do(self):
        session = pair()[0]
        for call, words in [
            (lambda: session.push_input(b"xy", 0.0), "another length"),
            (lambda: session.add_peer(2, now=0.0), "no place"),
            (lambda: session.begin_epoch(0, 0.0), "epochs only grow"),
            (lambda: iw.Session(frame_interval=0.0), "frame_interval"),
            (lambda: iw.Session(incarnation=5), "random number"),
            (lambda: iw.Session(input_len=3), "without sessions of this size"),
        ]:
            with self.assertRaisesRegex(iw.InputwireError, words):
                call()
        with self.assertRaises(ValueError):
            iw.Session(key=b"short")
        session.clear()
        with self.assertRaisesRegex(iw.InputwireError, "not a session"):
            session.poll_event()

    def test_a_value_that_no_field_holds_is_refused_by_its_name_and_never_cut_off(self):
        for settings, name in [({"session_id": -1}, "session_id"), ({"session_id": 2**64}, "session_id"),
                               ({"local_player": 2**16}, "local_player"), ({"incarnation": 2**64}, "incarnation"),
                               ({"first_frame": -1}, "first_frame"), ({"max_lead": 2**32 + 60}, "max_lead"),
                               ({"redundancy": 2**32 + 3}, "redundancy"), ({"max_peers": 2**32 + 1}, "max_peers"),
                               ({"input_len": 2**32 + 1}, "input_len"), ({"max_datagram_size": 2**32 + 100}, "max_datagram_size")]:
            with self.assertRaisesRegex(ValueError, name):
                iw.Session(**settings)
        session = iw.Session(session_id=2**64 - 1, local_player=2**16 - 1)
        with self.assertRaisesRegex(ValueError, "player"):
            session.add_peer(2**16)
        with self.assertRaisesRegex(ValueError, "'compact' or 'classic'"):
            session.add_peer(1, wire="clasic")
        for data in (1, "a", [1]):
            with self.assertRaisesRegex(TypeError, r"bytes\(\[1\]\)"):
                session.push_input(data)
        for call, name in [
            (lambda: session.add_peer(1, from_frame=2**32 + 7), "from_frame"),
            (lambda: session.begin_epoch(2**32 + 1), "epoch"),
            (lambda: session.skip_to(-1, b"x"), "frame"),
            (lambda: session.push_checksum(2**32, 0), "frame"),
            (lambda: session.set_input_delay(-1), "frames"),
            (lambda: session.handle_timeout(-1.0), "now"),
            (lambda: iw.Hello(b"", 1, 0, 1).fits(local_player=2**16), "local_player"),
            (lambda: iw.Hello(b"", 1, 0, 1).fits(first_frame=-1), "first_frame"),
        ]:
            with self.assertRaisesRegex(ValueError, name):
                call()
        self.assertEqual((session.epoch, session.next_frame, session.peers), (0, 0, []))

    def test_a_library_that_is_not_there_is_an_import_error_that_names_the_install_command(self):
        run = subprocess.run(
            [sys.executable, "-c", "import inputwire"], env={**os.environ, "INPUTWIRE_LIBRARY": "/nowhere/library.so"},
            capture_output=True, text=True, check=False)
        self.assertIn("ImportError", run.stderr)
        self.assertIn("pip install ./adapters/python", run.stderr)

    def test_a_refused_datagram_is_a_status_that_is_counted_and_no_exception(self):
        session = pair()[0]
        self.assertEqual(session.handle_datagram(0, b"\x2f" * 20, 0.0), iw.Status.UNKNOWN_TYPE)
        self.assertEqual(session.handle_datagram(7, b"\x2f", 0.0), iw.Status.UNKNOWN_PEER)
        self.assertEqual(session.handle_datagram(0, bytes(2000), 0.0), iw.Status.TOO_LONG)
        self.assertEqual(session.stats(0).refused, {iw.Status.UNKNOWN_TYPE: 1, iw.Status.TOO_LONG: 1})
        self.assertIsNone(session.stats(7))

    def test_the_margin_is_how_many_frames_early_inputs_come_and_the_pace_keeps_the_target(self):
        for target, stretch in [(1, 4_000), (2, 200), (3, -650)]:
            client, server = (iw.Session(local_player=player, mesh=False) for player in (0, 1_000))
            client.add_peer(1_000, target_margin=target, now=0.0)
            server.add_peer(0, now=0.0)
            self.assertEqual((client.margin(0), client.stats(0).margin_millis), (None, None))
            for frame in range(100):
                now = 1 + frame / 60
                for me in (client, server):
                    me.handle_timeout(now)
                    if me is client or frame >= 2:
                        me.push_input(b"x", now)
                    for sender, receiver in [(client, server), (server, client)] * 3:
                        for _, datagram in sender.transmits():
                            receiver.handle_datagram(0, datagram, now)
                        list(receiver.events())
            self.assertEqual((client.margin(0), client.stats(0).margin_millis), (2_000, 2_000))
            self.assertEqual(client.pace(0).stretch_ppm, stretch)
        for refused in (-1, 251):
            with self.assertRaises(ValueError):
                iw.Session().add_peer(1, target_margin=refused)

    def test_a_server_learns_from_a_hello_who_wants_to_play_and_what_differs(self):
        for key in (None, bytes(16)):
            client = iw.Session(session_id=3, local_player=7, input_len=4, key=key)
            client.add_peer(1_000, now=0.0)
            _, datagram = client.poll_transmit()
            hello = iw.Hello.peek(datagram)
            self.assertEqual((hello.version, hello.sender, hello.receiver), (1, 7, 1_000))
            right = {"session_id": 3, "local_player": 1_000, "input_len": 4, "key": key}
            self.assertTrue(hello.fits(**right))
            self.assertEqual(hello.fits(**right | {"input_len": 2}), iw.Fit(iw.Status.HELLO_MISMATCH, iw.Field.INPUT_LEN, 2, 4))
            self.assertFalse(hello.fits(**right | {"first_frame": 9}))
            self.assertEqual(hello.fits(**right | {"local_player": 8}), iw.Fit(iw.Status.HELLO_OTHER_PLAYER))
            self.assertEqual(hello.fits(**right | {"session_id": 4}), iw.Fit(iw.Status.BAD_TAG))
            self.assertIn(hello.fits(**right | {"key": b"another key here"}).status, (iw.Status.BAD_TAG, iw.Status.WRONG_LENGTH))
            with self.assertRaisesRegex(iw.InputwireError, "without sessions of this size"):
                hello.fits(**right | {"input_len": 3})
        for junk in (b"", b"\x2f" * 60, datagram[:5], bytes(2000)):
            self.assertIsNone(iw.Hello.peek(junk))

    def test_a_desync_and_a_goodbye_are_reported(self):
        sessions = pair()

        def push(player, session, now):
            frame = session.push_input(b"x", now) if session.next_frame < 300 else 299
            if frame % 60 == 40:
                session.push_checksum(frame - 40, player if frame > 200 else 5, now)

        seen = play(sessions, 6, push)
        for player in (0, 1):
            desyncs = [event for event in seen[player] if isinstance(event, iw.Desync)]
            self.assertEqual((desyncs[0].frame, desyncs[0].local, desyncs[0].remote), (180, player, 1 - player))
        sessions[0].close(6.0)
        closing = play(sessions, 8, lambda *_: None)
        self.assertTrue(sessions[0].is_closed)
        self.assertIn("PeerClosed", [type(event).__name__ for event in closing[1]])

    def test_every_kind_of_event_has_a_class_and_every_class_is_in_the_union(self):
        for kind in _abi.EventKind:
            event = events.read(_abi.EventStruct(kind=kind, value=1))
            self.assertIsInstance(event, typing.get_args(iw.Event))
            if kind != _abi.EventKind.OTHER:
                self.assertNotIsInstance(event, iw.Other, f"{kind!r} has no class in events.py")

    def test_a_failover_uses_the_relay_again_when_the_direct_route_falls_silent(self):
        failover, changes, now = iw.Failover(), [], 0.0
        while now < 12.0:
            now += 1 / 60
            if now < 8.0:
                failover.handle_health(iw.Health.GOOD, now)
                failover.handle_heard(relay=False, now=now)
            failover.handle_timeout(now)
            relay = failover.routes_for(round(now * 60))
            change = failover.poll_change()
            if change is not None:
                self.assertEqual(change.relay, relay)
                changes.append((round(now, 1), change.cause))
        self.assertEqual(changes, [(3.0, iw.RouteCause.WELL), (8.5, iw.RouteCause.SILENT)])


if __name__ == "__main__":
    unittest.main()
