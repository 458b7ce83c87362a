"""A player over UDP in Python, the other end of `cargo run --example udp`: udp.py LIBRARY compact|classic PORT PEER_PORT"""
import ctypes as c, socket, sys, time

u32, u64, FRAMES, ME, PEER = c.c_uint32, c.c_uint64, 600, 1, 0
lib, wire = c.CDLL(sys.argv[1]), {"compact": 0, "classic": 1}[sys.argv[2]]
class Config(c.Structure):  # Only what is changed here; the rest keeps its defaults.
    _fields_ = [("session", u64), ("key", c.c_uint8 * 16), ("player", u32), ("incarnation", u32), ("rest", u32 * 12)]
class Event(c.Structure):
    _fields_ = [(name, u32) for name in "kind peer frame count value input_len".split()] + [
        ("ours", u64), ("theirs", u64), ("duration_us", u64), ("input", c.c_uint8 * 16)]

def mix(n):
    n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9 % 2**64
    n = (n ^ n >> 27) * 0x94d049bb133111eb % 2**64
    return n ^ n >> 31
buttons = lambda player, frame: mix(mix(player << 32) ^ frame // 8) % 256  # As in examples/udp/game.rs, epoch 0.
now = lambda: u64(time.monotonic_ns() // 1000)
def must(status):
    assert status >= 0, c.cast(c.c_void_p(lib.iw_status_text(status)), c.c_char_p).value
    return status

lib.iw_status_text.restype = lib.iw_session_size.restype = lib.iw_session_align.restype = c.c_size_t
size, align = lib.iw_session_size(1, 1), lib.iw_session_align()
memory = c.create_string_buffer(size + align)  # Which Python does not align, and must not move: keep it.
start = c.c_void_p(c.addressof(memory) + -c.addressof(memory) % align)
config, event, peer, session, left, length = Config(), Event(), u32(), c.c_void_p(), u32(), c.c_size_t()
must(lib.iw_config_default(c.byref(config)))
config.player, config.incarnation = ME, int(time.time())
must(lib.iw_session_init(start, c.c_size_t(size), 1, 1, c.byref(config), c.byref(session)))
must(lib.iw_add_peer(session, now(), wire, PEER, 0, c.byref(peer)))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", int(sys.argv[3])))
datagram, told, pushed, step, heard, give_up = c.create_string_buffer(1024), {}, 0, None, time.monotonic(), time.monotonic() + 60
while time.monotonic() < give_up:
    if step and pushed < FRAMES and time.monotonic() >= step:
        pushed += must(lib.iw_push_input(session, now(), bytes([buttons(ME, pushed)]), c.c_size_t(1), None, None)) == 0
        step += 1 / 60
    must(lib.iw_handle_timeout(session, now()))
    while must(lib.iw_poll_event(session, c.byref(event))) == 0:
        if event.kind == 0:
            assert event.frame not in told and event.input[0] == buttons(PEER, event.frame), f"frame {event.frame} is wrong"
            told[event.frame], heard = event.input[0], time.monotonic()
        step = time.monotonic() if event.kind == 1 else step
    while must(lib.iw_poll_transmit(session, datagram, c.c_size_t(1024), c.byref(length), c.byref(peer))) == 0:
        udp.sendto(datagram.raw[:length.value], ("127.0.0.1", int(sys.argv[4])))
    must(lib.iw_unacked(session, peer, c.byref(left)))
    if pushed == FRAMES and left.value == 0 and len(told) >= FRAMES and time.monotonic() > heard + 1:
        give_up = 0
    udp.settimeout(0.002)
    try:
        received = udp.recv(2048)
        lib.iw_handle_datagram(session, now(), peer, received, c.c_size_t(len(received)))
    except (TimeoutError, ConnectionError):
        pass
must(lib.iw_leave(session, now()))
while lib.iw_poll_transmit(session, datagram, c.c_size_t(1024), c.byref(length), c.byref(peer)) == 0:
    udp.sendto(datagram.raw[:length.value], ("127.0.0.1", int(sys.argv[4])))
print(f"pushed={pushed} known={len(told)} wrong=0")
sys.exit(not (pushed == FRAMES and all(frame in told for frame in range(FRAMES))))
