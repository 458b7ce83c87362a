//! What a session for one peer takes in Rust, to be compared with the C interface: the same calls, but nothing is checked
//! and nothing turned into plain numbers.

#![no_std]

use core::panic::PanicInfo;

use inputwire::{
    AddPeerError, ChecksumError, Config, ConfigError, DATAGRAM_MAX, DatagramError, Epoch, EpochError, Event, Frame,
    Instant, Pace, PeerConfig, PeerId, PeerStats, PushError, Transmit,
};

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

type Session = inputwire::Session<1, 1>;

macro_rules! calls {
    ($($name:ident($session:ident: $how:ty $(, $argument:ident: $kind:ty)*) -> $answer:ty = $body:expr;)*) => {$(
        #[unsafe(no_mangle)]
        pub fn $name($session: $how $(, $argument: $kind)*) -> $answer {
            $body
        }
    )*};
}

calls! {
    rs_config(id: u64, key: Option<[u8; 16]>, player: u16, frame: core::time::Duration, ping: core::time::Duration, max: usize)
        -> Result<Config, ConfigError> = {
            let builder = Config::builder().session(id).player(player).frame_interval(frame).ping_interval(ping);
            let builder = builder.interrupt_after(ping).disconnect_after(ping).warning_latency(ping).critical_latency(frame);
            let builder = builder.datagram_max(max).redundancy(player as u8).incarnation(player.into());
            key.map_or(builder, |key| builder.key(key)).build()
        };
    rs_session_init(to: &mut core::mem::MaybeUninit<Session>, config: &Config) -> () = { to.write(Session::new(*config)); };
    rs_add_peer(session: &mut Session, now: Instant, classic: bool, player: u16, incarnation: u32) -> Result<PeerId, AddPeerError> = {
        let peer = if classic { PeerConfig::classic(player) } else { PeerConfig::compact(player) };
        session.add_peer(now, peer.incarnation(incarnation))
    };
    rs_close_peer(session: &mut Session, now: Instant, peer: PeerId) -> () = session.close_peer(now, peer);
    rs_open_peer(session: &mut Session, now: Instant, peer: PeerId) -> () = session.open_peer(now, peer);
    rs_remove_peer(session: &mut Session, now: Instant, peer: PeerId) -> () = session.remove_peer(now, peer);
    rs_push_input(session: &mut Session, now: Instant, input: [u8; 1]) -> Result<Frame, PushError> = session.push_input(now, input);
    rs_begin_epoch(session: &mut Session, now: Instant, epoch: Epoch) -> Result<(), EpochError> = session.begin_epoch(now, epoch);
    rs_push_checksum(session: &mut Session, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError> = session.push_checksum(now, frame, hash);
    rs_leave(session: &mut Session, now: Instant) -> () = session.leave(now);
    rs_clear_counters(session: &mut Session) -> () = session.clear_counters();
    rs_handle_datagram(session: &mut Session, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> = session.handle_datagram(now, from, datagram);
    rs_handle_timeout(session: &mut Session, now: Instant) -> () = session.handle_timeout(now);
    rs_poll_transmit(session: &mut Session, buffer: &'static mut [u8; DATAGRAM_MAX]) -> Option<Transmit<'static>> = session.poll_transmit(buffer);
    rs_poll_event(session: &mut Session) -> Option<Event<1>> = session.poll_event();
    rs_poll_timeout(session: &Session) -> Option<Instant> = session.poll_timeout();
    rs_epoch(session: &Session) -> Epoch = session.epoch();
    rs_peer_at(session: &Session, index: usize) -> Option<PeerId> = session.peers().nth(index);
    rs_next_frame(session: &Session) -> Frame = session.next_frame();
    rs_own_input(session: &Session, frame: Frame) -> Option<[u8; 1]> = session.own_input(frame);
    rs_input(session: &Session, peer: PeerId, frame: Frame) -> Option<[u8; 1]> = session.input(peer, frame);
    rs_newest_input(session: &Session, peer: PeerId) -> Option<(Frame, [u8; 1])> = session.newest_input(peer);
    rs_known(session: &Session, peer: PeerId) -> Option<Frame> = session.known(peer);
    rs_confirmed(session: &Session) -> Option<Frame> = session.confirmed();
    rs_unacked(session: &Session, peer: PeerId) -> u32 = session.unacked(peer);
    rs_peer_pace(session: &Session, peer: PeerId) -> Option<Pace> = session.pace(peer);
    rs_suggested_delay(session: &Session, peer: PeerId) -> Option<u32> = session.suggested_delay(peer);
    rs_peer_stats(session: &Session, peer: PeerId) -> Option<PeerStats> = session.stats(peer);
}

// In words what the C interface says in words.
macro_rules! texts {
    ($($name:ident $error:ty,)*) => {$(
        #[unsafe(no_mangle)]
        pub fn $name(error: $error, to: &mut dyn core::fmt::Write) -> core::fmt::Result {
            write!(to, "{error}")
        }
    )*};
}

texts! {
    rs_config_text ConfigError,
    rs_add_peer_text AddPeerError,
    rs_push_text PushError,
    rs_checksum_text ChecksumError,
    rs_epoch_text EpochError,
    rs_datagram_text DatagramError,
}
