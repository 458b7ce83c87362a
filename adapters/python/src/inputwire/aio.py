"""Drives a session over UDP in an asyncio loop.

    async with await bind(session, ("0.0.0.0", 7000)) as endpoint:
        endpoint.connect(peer, ("203.0.113.7", 7001))
        async for event in endpoint: ...

One socket, one timer. The session keeps what was not taken yet, so a slow application loses nothing: it holds back its
acknowledgements. Refused datagrams are logged at the level DEBUG, by the logger `inputwire`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from types import TracebackType
from typing import Any, AsyncIterator, Optional, cast

from . import events
from ._abi import Status
from ._library import text
from .session import Session, Stats

Address = tuple[Any, ...]

_LOG = logging.getLogger("inputwire")

__all__ = ["Endpoint", "bind"]


async def bind(session: Session, address: tuple[str, int]) -> Endpoint:
    """Opens a UDP socket for a session. Call `connect` for each peer then."""
    loop = asyncio.get_running_loop()
    _, endpoint = await loop.create_datagram_endpoint(lambda: Endpoint(session), local_addr=address)
    return endpoint


class Endpoint(asyncio.DatagramProtocol):
    """A session with its socket and its timer. Its loop's clock is the session's."""

    def __init__(self, session: Session) -> None:
        """`bind` creates it."""
        self.session = session
        self.strangers = 0
        """Datagrams from addresses that no peer has."""
        self._loop = asyncio.get_running_loop()
        self._transport: Optional[asyncio.DatagramTransport] = None
        self._addresses: dict[int, Address] = {}
        self._peers: dict[Address, int] = {}
        self._timer: Optional[asyncio.TimerHandle] = None
        self._flushing: Optional[asyncio.Handle] = None
        self._news = asyncio.Event()

    # The loop's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the socket."""
        # On some systems it is of no class that says so.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: Address) -> None:
        """Hands a datagram to the session."""
        peer = self._peers.get(address)
        if peer is None:
            self.strangers += 1
            _LOG.debug("a datagram from %s, which is the address of no peer", address)
            return
        status = self.session.handle_datagram(peer, data, self._loop.time())
        if status != Status.OK:
            _LOG.debug("refused from peer %d: %s", peer, text(status))
        self._happened()

    def error_received(self, error: Exception) -> None:
        """A port that is closed at the moment, or an address that cannot be reached. The session notices silence by itself."""
        _LOG.debug("the system did not send or receive: %s", error)

    def connection_lost(self, error: Optional[Exception]) -> None:
        """Ends the iteration."""
        self._transport = None
        self._news.set()

    def _happened(self) -> None:
        """Wakes the application, and sends once it had its turn, so that datagrams acknowledge what it took."""
        self._news.set()
        if self._flushing is None:
            self._flushing = self._loop.call_soon(lambda: self._loop.call_soon(self._flush))

    def _flush(self) -> None:
        self._flushing = None
        if self._transport is None:
            return
        for peer, datagram in self.session.transmits():
            if peer in self._addresses:
                self._transport.sendto(datagram, self._addresses[peer])
        if self._timer is not None:
            self._timer.cancel()
        due = self.session.poll_timeout()
        self._timer = None if due is None else self._loop.call_at(due, self._ring)
        if self.session.is_closed:
            self._transport.close()

    def _ring(self) -> None:
        self._timer = None
        self.session.handle_timeout(self._loop.time())
        self._happened()

    # The application's side.

    @property
    def local_address(self) -> Address:
        """Where this endpoint listens."""
        assert self._transport is not None, "the endpoint is closed"
        return cast(Address, self._transport.get_extra_info("sockname"))

    def connect(self, peer: int, address: tuple[str, int]) -> None:
        """Sets where a peer is: at the start, or when it has moved."""
        assert self._transport is not None, "the endpoint is closed"
        if self.session.stats(peer) is None:
            raise ValueError(f"there is no peer {peer}: add it to the session first")
        if not 0 < address[1] < 1 << 16:
            raise ValueError(f"a port is 1 to 65535, not {address[1]}")
        family = self._transport.get_extra_info("socket").family
        resolved: Address = socket.getaddrinfo(*address, family=family, type=socket.SOCK_DGRAM)[0][4]
        self._peers = {known: number for known, number in self._peers.items() if number != peer}
        self._addresses[peer], self._peers[resolved] = resolved, peer
        self._happened()

    def push_input(self, data: bytes) -> int:
        """Records the local input of the next frame, sends it, and returns that frame. Raises `WindowFull` or `TooFarAhead`."""
        frame = self.session.push_input(data, self._loop.time())
        self._happened()
        return frame

    def disconnect_peer(self, peer: int) -> None:
        """Takes nothing more of a peer, and lets the survivors agree on its last input."""
        self.session.disconnect_peer(peer, self._loop.time())
        self._happened()

    def begin_epoch(self, epoch: int) -> None:
        """Begins an epoch."""
        self.session.begin_epoch(epoch, self._loop.time())
        self._happened()

    def stats(self, peer: int) -> Optional[Stats]:
        """Returns a snapshot of a peer's statistics."""
        return self.session.stats(peer)

    async def next_event(self) -> Optional[events.Event]:
        """Waits for the next event. None once the endpoint is closed."""
        while True:
            event = self.session.poll_event()
            if event is not None:
                # Taking it may make an acknowledgement due.
                self._happened()
                return event
            if self._transport is None:
                return None
            self._news.clear()
            await self._news.wait()

    async def __aiter__(self) -> AsyncIterator[events.Event]:
        """Yields events until the endpoint is closed."""
        while (event := await self.next_event()) is not None:
            yield event

    async def close(self, timeout: float = 10.0) -> None:
        """Says goodbye: what is unacknowledged is delivered, then the socket is closed. Gives up after `timeout`."""
        if self._transport is None:
            return
        if self._transport.is_closing():
            await asyncio.sleep(0)
            return
        self.session.close(self._loop.time())
        self._happened()
        deadline = self._loop.time() + timeout
        while self._transport is not None and self._loop.time() < deadline:
            # Events are taken, or the session would wait for them.
            if self.session.poll_event() is None:
                self._news.clear()
                try:
                    await asyncio.wait_for(self._news.wait(), max(deadline - self._loop.time(), 0.001))
                except asyncio.TimeoutError:
                    break
        if self._transport is not None:
            self._transport.close()

    async def __aenter__(self) -> Endpoint:
        """Returns itself."""
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        """Closes the endpoint."""
        await self.close()
