"""The package plays with the independent peer of tests/conformance, in virtual time, over its bad networks."""

import pathlib
import sys
import unittest
from dataclasses import replace

import inputwire as iw

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests/conformance"))
import plans  # noqa: E402
from check import make_model  # noqa: E402
from endpoint import Answer, Settings  # noqa: E402
from play import ClassicPlay, Play  # noqa: E402

FRAMES = 600


class Package:
    """A session of the package, with the calls of an endpoint of tests/conformance."""

    def __init__(self, settings: Settings) -> None:
        self.session = iw.Session(
            session_id=settings.session_id, local_player=settings.local_player, input_len=settings.input_len,
            key=settings.key, short_tags=settings.short_tags, first_frame=settings.first_frame,
            frame_interval=settings.frame_us / 1e6, ping_interval=settings.ping_us / 1e6,
            disconnect_after=settings.disconnect_us / 1e6, redundancy=settings.redundancy,
            incarnation=settings.incarnation)
        if settings.epoch:
            self.session.begin_epoch(settings.epoch, 0.0)
        self.session.set_input_delay(settings.input_delay)
        self.player = settings.peer_player
        self.peer = self.session.add_peer(
            self.player, wire=settings.wire, incarnation=settings.peer_incarnation or 0, now=0.0)

    def answer(self, result: str, detail: str = "") -> Answer:
        """Takes what is new."""
        answer = Answer(result, detail)
        for event in self.session.events():
            if isinstance(event, iw.Input):
                answer.inputs_of.setdefault(self.player, []).append((event.frame, event.input))
            elif isinstance(event, iw.EpochAhead):
                answer.events.append(f"EpochAhead {event.epoch}")
            elif isinstance(event, (iw.Restarted, iw.OutOfSync)):
                answer.events.append(type(event).__name__)
        answer.sent_to[self.player] = [datagram for _, datagram in self.session.transmits()]
        timeout = self.session.poll_timeout()
        answer.timeout = None if timeout is None else round(timeout * 1e6)
        return answer

    def push(self, now: int, data: bytes) -> Answer:
        try:
            return self.answer("pushed", str(self.session.push_input(data, now / 1e6)))
        except iw.WindowFull as full:
            return self.answer("error", str(full))

    def receive(self, now: int, datagram: bytes, player: int | None = None) -> Answer:
        status = self.session.handle_datagram(self.peer, datagram, now / 1e6)
        return self.answer("ok" if status == iw.Status.OK else "refused", status.name.title().replace("_", ""))

    def time(self, now: int) -> Answer:
        self.session.handle_timeout(now / 1e6)
        return self.answer("ok")

    def begin(self, now: int, epoch: int) -> Answer:
        self.session.begin_epoch(epoch, now / 1e6)
        return self.answer("ok")

    def close(self, now: int, player: int | None = None) -> Answer:
        self.session.handle_transport_closed(self.peer, now / 1e6)
        return self.answer("ok")

    def open(self, now: int, player: int | None = None) -> Answer:
        self.session.handle_transport_opened(self.peer, now / 1e6)
        return self.answer("ok")

    def stats(self) -> Answer:
        stats = self.session.stats(self.peer)
        answer = self.answer("ok")
        answer.stats = {"unacked": stats.unacked, "lost_inputs": stats.lost_inputs}
        return answer

    def stop(self) -> None:
        self.session.clear()


class Conformance(unittest.TestCase):
    def test_the_independent_peer_and_the_package_deliver_each_others_inputs_in_every_play(self):
        played = 0
        for plan in plans.PLANS:
            if plan.settings.input_len > 16:  # The C library has no such sessions.
                plan = replace(plan, settings=replace(plan.settings, input_len=16))
            with self.subTest(plan.name):
                kind = Play if plan.settings.wire == "compact" else ClassicPlay
                game = kind(plan, FRAMES, "package", make_model, Package)
                game.run()
                # On the classic wire some inputs are lost.
                self.assertGreaterEqual(game.delivered, FRAMES if plan.settings.wire == "compact" else FRAMES // 2)
                played += game.delivered
        print(f"{len(plans.PLANS)} plays, {played} inputs delivered")


if __name__ == "__main__":
    unittest.main()
