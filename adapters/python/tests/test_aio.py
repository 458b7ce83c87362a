"""The asyncio driver over UDP on the loopback."""

import asyncio
import socket
import unittest

import inputwire as iw
from inputwire.aio import bind


class Driver(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        loop = asyncio.get_running_loop()
        self.endpoints = []
        for player in (0, 1):
            session = iw.Session(session_id=5, local_player=player)
            session.add_peer(1 - player, now=loop.time())
            self.endpoints.append(await bind(session, ("127.0.0.1", 0)))
        for player, endpoint in enumerate(self.endpoints):
            endpoint.connect(0, self.endpoints[1 - player].local_address)

    async def until(self, endpoint, kind):
        while not isinstance(event := await asyncio.wait_for(endpoint.next_event(), 10), kind):
            self.assertIsNotNone(event)
        return event

    async def connected(self):
        await asyncio.gather(*(self.until(endpoint, iw.Connected) for endpoint in self.endpoints))

    async def test_an_input_arrives_without_a_call_of_the_application_and_closing_delivers_the_rest(self):
        await self.connected()
        zero, one = self.endpoints
        for number in range(50):
            self.assertEqual(zero.push_input(bytes([number])), number)
        async with zero:
            pass
        received = [event async for event in self.rest(one)]
        self.assertEqual([event.input[0] for event in received], list(range(50)))
        self.assertTrue(zero.session.is_closed)
        await one.close()

    async def rest(self, endpoint):
        async for event in endpoint:
            if isinstance(event, iw.PeerClosed):
                return
            if isinstance(event, iw.Input):
                yield event

    async def test_inputs_that_the_application_does_not_take_stay_unacknowledged_beyond_a_window(self):
        await self.connected()
        zero, one = self.endpoints
        pushed = 0
        with self.assertRaises(iw.WindowFull):
            for _ in range(1_000):
                zero.push_input(bytes([pushed % 256]))
                pushed += 1
                await asyncio.sleep(0.0005)
        self.assertLessEqual(pushed, 2 * iw.WINDOW)
        for frame in range(pushed):
            self.assertEqual((await self.until(one, iw.Input)).frame, frame)
        await asyncio.gather(zero.close(), one.close())

    async def test_datagrams_of_strangers_are_counted_and_change_nothing(self):
        await self.connected()
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stranger.sendto(b"hello", self.endpoints[0].local_address)
        stranger.close()
        for _ in range(1_000):
            await asyncio.sleep(0.001)
            if self.endpoints[0].strangers:
                break
        self.assertEqual(self.endpoints[0].strangers, 1)
        self.assertEqual(self.endpoints[0].stats(0).refused, {})
        await asyncio.gather(*(endpoint.close() for endpoint in self.endpoints))

    async def test_a_peer_that_is_not_there_and_a_port_that_none_can_be_are_refused(self):
        endpoint = self.endpoints[0]
        with self.assertRaisesRegex(ValueError, "no peer 7"):
            endpoint.connect(7, ("127.0.0.1", 7000))
        for port in (0, 65_536, -1):
            with self.assertRaisesRegex(ValueError, "a port is"):
                endpoint.connect(0, ("127.0.0.1", port))
        await self.connected()

    async def test_two_ends_that_play_as_one_player_are_told_so_by_the_log(self):
        session = iw.Session(session_id=5, local_player=0)
        session.add_peer(1, now=asyncio.get_running_loop().time())
        twin = await bind(session, ("127.0.0.1", 0))
        self.endpoints[0].connect(0, twin.local_address)
        twin.connect(0, self.endpoints[0].local_address)
        with self.assertLogs("inputwire", "DEBUG") as log:
            for _ in range(1000):
                if any("player numbers" in line for line in log.output):
                    break
                await asyncio.sleep(0.01)
            else:
                self.fail(log.output)
        await asyncio.gather(twin.close(), *(endpoint.close() for endpoint in self.endpoints))

    async def test_a_closed_endpoint_ends_the_iteration_and_can_be_closed_again(self):
        zero, one = self.endpoints
        waiting = asyncio.create_task(anext(aiter(one.__aiter__()), None))
        await asyncio.gather(zero.close(), one.close(timeout=0.2))
        while await asyncio.wait_for(waiting, 5) is not None:
            waiting = asyncio.create_task(anext(aiter(one.__aiter__()), None))
        self.assertIsNone(await one.next_event())
        await one.close()


if __name__ == "__main__":
    unittest.main()
