"""Plays over UDP on this machine.

    python -m inputwire demo     two players in one process, with loss; checks every input
    python -m inputwire play     one player, the other end of `cargo run --release --example udp`
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from dataclasses import dataclass, field
from typing import Optional

from . import Connected, Input, PeerClosed, Session, WindowFull
from .aio import Endpoint, bind


def _mix(number: int) -> int:
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    number = (number ^ number >> 27) * 0x94D049BB133111EB % 2**64
    return number ^ number >> 31


def buttons(player: int, frame: int) -> int:
    """A player's buttons in a frame of epoch 0: a hash, so that the other player can check them."""
    return _mix(_mix(player << 32) ^ frame // 8) % 256


class LossyEndpoint(Endpoint):
    """Drops some of what it receives."""

    loss = 0.0
    rng = random.Random(7)

    def datagram_received(self, data: bytes, address: tuple[object, ...]) -> None:
        """Hands most datagrams on."""
        if self.rng.random() >= self.loss:
            super().datagram_received(data, address)


@dataclass
class Tally:
    """What one player saw."""

    player: int
    pushed: int = 0
    delivered: set[int] = field(default_factory=set)
    wrong: int = 0
    stalls: int = 0

    def row(self, endpoint: Endpoint, peer: int) -> str:
        """One line of the summary."""
        stats = endpoint.stats(peer)
        assert stats is not None
        rtt = "?" if stats.rtt_smoothed is None else f"{stats.rtt_smoothed * 1e6:.0f}"
        return (f"player={self.player} pushed={self.pushed} delivered={len(self.delivered)} wrong={self.wrong} "
                f"stalls={self.stalls} sent={stats.packets_sent} received={stats.packets_received} rtt_us={rtt}")


async def play(endpoint: Endpoint, peer: int, player: int, other: int, frames: int, linger: float) -> Tally:
    """Pushes so many frames at 60 Hz, takes as many, and stays until the peer has everything."""
    tally, loop = Tally(player), asyncio.get_running_loop()
    connected, everything, gone = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def receive() -> None:
        async for event in endpoint:
            if isinstance(event, Connected):
                connected.set()
            elif isinstance(event, PeerClosed):
                gone.set()
            elif isinstance(event, Input) and event.frame < frames:
                right = event.frame not in tally.delivered and event.input[0] == buttons(other, event.frame)
                tally.wrong += not right
                tally.delivered.add(event.frame)
                if len(tally.delivered) == frames:
                    everything.set()

    receiver = asyncio.create_task(receive())
    await asyncio.wait_for(connected.wait(), 30)
    next_at = loop.time()
    while tally.pushed < frames and not gone.is_set():
        try:
            endpoint.push_input(bytes([buttons(player, tally.pushed)]))
            tally.pushed += 1
        except WindowFull:
            tally.stalls += 1
        next_at += 1 / 60
        await asyncio.sleep(max(next_at - loop.time(), 0))
    try:
        await asyncio.wait_for(everything.wait(), 30)
        while endpoint.session.unacked(peer) and not gone.is_set():
            await asyncio.sleep(0.01)
        # The classic wire acknowledges nothing, so the peer may still ask for inputs.
        await asyncio.sleep(0 if gone.is_set() else linger)
    except asyncio.TimeoutError:
        pass
    await endpoint.close()
    await receiver
    return tally


def is_right(tally: Tally, frames: int) -> bool:
    """Whether every input was pushed and delivered."""
    return tally.pushed == frames and len(tally.delivered) == frames and tally.wrong == 0


async def demo(frames: int, loss: float) -> bool:
    """Two players in one process."""
    loop = asyncio.get_running_loop()
    endpoints: list[LossyEndpoint] = []
    for player in (0, 1):
        session = Session(session_id=0x1BADCAFE, local_player=player)
        session.add_peer(1 - player, now=loop.time())
        _, endpoint = await loop.create_datagram_endpoint(
            lambda session=session: LossyEndpoint(session), local_addr=("127.0.0.1", 0))  # type: ignore[misc]
        endpoint.loss = loss
        endpoints.append(endpoint)
    ports = [endpoint.local_address[1] for endpoint in endpoints]
    for player, endpoint in enumerate(endpoints):
        endpoint.connect(0, ("127.0.0.1", ports[1 - player]))
    print(f"Two players over UDP, {frames} frames, {loss:.0%} of all datagrams dropped on purpose.")
    tallies = await asyncio.gather(*(
        play(endpoint, 0, player, 1 - player, frames, 0.0) for player, endpoint in enumerate(endpoints)))
    for tally, endpoint in zip(tallies, endpoints):
        print(tally.row(endpoint, 0))
    return all(is_right(tally, frames) for tally in tallies)


async def alone(options: argparse.Namespace) -> bool:
    """One player against another program."""
    loop = asyncio.get_running_loop()
    session = Session(session_id=options.session, local_player=options.me)
    other = 1 - options.me
    peer = session.add_peer(other, wire=options.wire, now=loop.time())
    port, peer_port = options.port or 7000 + options.me, options.peer_port or 7000 + other
    endpoint = await bind(session, ("127.0.0.1", port))
    endpoint.connect(peer, ("127.0.0.1", peer_port))
    print(f"player {options.me} at port {port} waits for player {other} at port {peer_port}", flush=True)
    tally = await play(endpoint, peer, options.me, other, options.frames, 1.0)
    print(tally.row(endpoint, peer))
    return is_right(tally, options.frames)


def main(arguments: Optional[list[str]] = None) -> int:
    """Runs a command. Returns 0 if every input was delivered and right."""
    parser = argparse.ArgumentParser(prog="python -m inputwire", description="Plays over UDP on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    shown = commands.add_parser("demo", help="two players in one process, with loss")
    shown.add_argument("--frames", type=int, default=600)
    shown.add_argument("--loss", type=float, default=10.0, metavar="PERCENT")
    one = commands.add_parser("play", help="one player, the other end of the Rust example udp")
    one.add_argument("--wire", choices=["compact", "classic"], default="compact")
    one.add_argument("--me", type=int, choices=[0, 1], default=1)
    one.add_argument("--port", type=int, help="7000 + the player number, unless given")
    one.add_argument("--peer-port", type=int, help="likewise")
    one.add_argument("--frames", type=int, default=600)
    one.add_argument("--session", type=lambda text: int(text, 16), default=0, metavar="HEX")
    options = parser.parse_args(arguments)
    playing = demo(options.frames, options.loss / 100) if options.command == "demo" else alone(options)
    try:
        return 0 if asyncio.run(playing) else 1
    except OSError as error:
        print(f"python -m inputwire: the socket failed: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
