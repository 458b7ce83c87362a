"""The plays of the default run."""

from __future__ import annotations

from endpoint import Settings
from network import Conditions
from play import Plan

SECOND = 1_000_000
KEY = bytes(range(100, 116))

PLANS = [
    Plan("compact, good network", Settings(session_id=7),
         Conditions(loss=0.01, delay=30_000, jitter=5_000)),
    Plan("compact, bad network, epochs",
         Settings(session_id=8, input_len=4, key=KEY, local_player=3, peer_player=9,
                  short_tags=True),
         Conditions(0.2, 40_000, 120_000, 0.1, ((4 * SECOND, 6 * SECOND),)), epochs=3),
    Plan("compact, large inputs, outage",
         Settings(session_id=9, input_len=32, first_frame=100, epoch=6, frame_us=33_333),
         Conditions(0.1, 80_000, 60_000, 0.05, ((5 * SECOND, 18 * SECOND),))),
    Plan("compact, transport closes", Settings(session_id=10, input_len=2, frame_us=8_333),
         Conditions(0.05, 20_000, 40_000, 0.05, ((3 * SECOND, 7 * SECOND),)), epochs=2, close=True),
    Plan("compact, model restarts", Settings(session_id=11, input_len=8),
         Conditions(0.1, 50_000, 50_000, 0.05), epochs=3, restart="model"),
    Plan("compact, line peer restarts", Settings(session_id=12, input_len=16, key=KEY),
         Conditions(0.1, 50_000, 50_000, 0.05), epochs=3, restart="line"),
    Plan("compact, slow line, input delay",
         Settings(session_id=14, input_len=4, input_delay=3),
         Conditions(0.02, 40_000, 10_000, rate=5_000), noise=True),
    Plan("compact, long round trips, epochs", Settings(session_id=16, input_len=2, input_delay=200),
         Conditions(0.05, 20_000, 20_000, swells=((2 * SECOND, 8 * SECOND, SECOND),
                                                 (12 * SECOND, 13 * SECOND, SECOND))), epochs=2),
    Plan("compact, full datagrams", Settings(session_id=18, input_len=32),
         Conditions(0.1, 140_000, 30_000, 0.02, ((9 * SECOND, 10 * SECOND),)), noise=True),
    Plan("classic, good network", Settings("classic", ping_us=500_000),
         Conditions(loss=0.01, delay=30_000, jitter=5_000)),
    Plan("classic, bad network, epochs",
         Settings("classic", ping_us=500_000, redundancy=3, local_player=1, peer_player=0),
         Conditions(0.2, 40_000, 100_000, 0.1, ((4 * SECOND, 8 * SECOND),)), epochs=3),
    Plan("classic, redundancy 10",
         Settings("classic", ping_us=200_000, redundancy=10, first_frame=3),
         Conditions(0.3, 60_000, 60_000, 0.05, ((6 * SECOND, 7 * SECOND),)), epochs=2),
]
