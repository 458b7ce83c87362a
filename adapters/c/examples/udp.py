"""A player over UDP in Python, the other end of `cargo run --example udp`: udp.py LIBRARY compact|classic PORT PEER_PORT"""
import ctypes as c, secrets, socket, sys, time

u32, u64, FRAMES, LOCAL_PLAYER, PEER_PLAYER = c.c_uint32, c.c_uint64, 600, 1, 0
INPUT, CONNECTED, FLUSHED, MAX_DATAGRAM_SIZE = 0, 1, 4, 1024
lib, wire = c.CDLL(sys.argv[1]), {"compact": 0, "classic": 1}[sys.argv[2]]
class Config(c.Structure):  # Names only what is set here; the rest keeps its defaults.
    _fields_ = [("session_id", u64), ("incarnation", u64), ("key", c.c_uint8 * 16), ("local_player", u32), ("rest", u32 * 15)]
class Event(c.Structure):
    _fields_ = [(name, u32) for name in "kind peer frame count value input_len".split()] + [
        ("local", u64), ("remote", u64), ("duration_us", u64), ("input", c.c_uint8 * 16)]

def mix(n):
    n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9 % 2**64
    n = (n ^ n >> 27) * 0x94d049bb133111eb % 2**64
    return n ^ n >> 31
buttons = lambda player, frame: mix(mix(player << 32) ^ frame // 8) % 256  # As in examples/udp/game.rs, epoch 0.
now = lambda: u64(time.monotonic_ns() // 1000)
def check(status):
    assert status >= 0, lib.iw_status_text(status).decode()
    return status
def say(text):
    print(text, file=sys.stderr, flush=True)

lib.iw_status_text.restype = lib.iw_event_text.restype = c.c_char_p
lib.iw_session_size.restype = lib.iw_session_align.restype = c.c_size_t
size, align = lib.iw_session_size(1, 1), lib.iw_session_align()
memory = c.create_string_buffer(size + align)  # Python does not align it; the reference keeps it alive and in place.
start = c.c_void_p(c.addressof(memory) + -c.addressof(memory) % align)
config, event, peer, session, unacked, is_closed, length = Config(), Event(), u32(), c.c_void_p(), u32(), u32(), c.c_size_t()
check(lib.iw_config_default(c.byref(config)))
config.local_player, config.incarnation = LOCAL_PLAYER, secrets.randbits(64) | 1 << 63  # Numbers below 2^32 are refused.
check(lib.iw_session_init(start, c.c_size_t(size), 1, 1, c.byref(config), c.byref(session)))
check(lib.iw_session_add_peer(session, now(), wire, PEER_PLAYER, u64(0), None, c.byref(peer)))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", int(sys.argv[3])))
say(f"player {LOCAL_PLAYER} at port {sys.argv[3]} waits for player {PEER_PLAYER} at port {sys.argv[4]}")
datagram = c.create_string_buffer(MAX_DATAGRAM_SIZE)
def send_all():
    size, to = c.c_size_t(MAX_DATAGRAM_SIZE), u32()
    while check(lib.iw_session_poll_transmit(session, datagram, size, c.byref(length), c.byref(to))) == 0:
        udp.sendto(datagram.raw[:length.value], ("127.0.0.1", int(sys.argv[4])))

refusals = set()
def receive():
    udp.settimeout(0.002)
    try:
        incoming = udp.recv(2048)
    except (TimeoutError, ConnectionError):
        return
    status = lib.iw_session_handle_datagram(session, now(), peer, incoming, c.c_size_t(len(incoming)))
    if status < 0 and next_step is None and status not in refusals:  # It tells why nothing connects.
        refusals.add(status)
        say(f"refused: {lib.iw_status_text(status).decode()}")

received, pushed, next_step, received_at, give_up_at = {}, 0, None, time.monotonic(), time.monotonic() + 60
while time.monotonic() < give_up_at:
    if next_step and pushed < FRAMES and time.monotonic() >= next_step:
        input = bytes([buttons(LOCAL_PLAYER, pushed)])
        pushed += check(lib.iw_session_push_input(session, now(), input, c.c_size_t(1), None, None)) == 0
        next_step += 1 / 60
    check(lib.iw_session_handle_timeout(session, now()))
    while check(lib.iw_session_poll_event(session, c.byref(event))) == 0:
        if event.kind == INPUT:
            right = event.frame not in received and event.input[0] == buttons(PEER_PLAYER, event.frame)
            assert right, f"frame {event.frame} is wrong"
            received[event.frame], received_at = event.input[0], time.monotonic()
        elif event.kind == CONNECTED:
            next_step = time.monotonic()
        elif event.kind != FLUSHED:  # At each pause.
            say(f"player {PEER_PLAYER}: {lib.iw_event_text(event.kind).decode()}")
    send_all()
    check(lib.iw_peer_unacked(session, peer, c.byref(unacked)))
    if pushed == FRAMES and unacked.value == 0 and len(received) >= FRAMES and time.monotonic() > received_at + 1:
        break
    receive()
if next_step is None:
    say(f"player {PEER_PLAYER} has not answered at port {sys.argv[4]} for a minute")
check(lib.iw_session_close(session, now()))
while not is_closed.value:  # What is unacknowledged is delivered, then goodbyes are sent.
    check(lib.iw_session_handle_timeout(session, now()))
    send_all()
    check(lib.iw_session_is_closed(session, c.byref(is_closed)))
    receive()
print(f"pushed={pushed} delivered={len(received)} wrong=0")
sys.exit(not (pushed == FRAMES and all(frame in received for frame in range(FRAMES))))
