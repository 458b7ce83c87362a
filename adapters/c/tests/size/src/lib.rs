//! The calls of the C interface in Rust, without its checks and conversions, for a comparison of size.

#![no_std]

use core::mem::MaybeUninit;
use core::panic::PanicInfo;
use core::time::Duration;

use inputwire::{
    AddPeerError, ChecksumError, Config, ConfigError, DatagramError, Departure, Epoch, EpochError, Event, Frame, Hello,
    HelloError, Instant, MAX_DATAGRAM_SIZE, Pace, PeerConfig, PeerEvent, PeerId, PeerStats, PushError, Transmit,
};

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

type Session = inputwire::Session<1, 1>;

macro_rules! calls {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty = $body:expr;)*) => {$(
        #[unsafe(no_mangle)]
        pub fn $name($($argument: $type),*) -> $result {
            $body
        }
    )*};
}

calls! {
    rs_config(id: u64, incarnation: Option<u64>, key: Option<[u8; 16]>, short: bool, player: u16, frame: Duration, ping: Duration, max: usize) -> Result<Config, ConfigError> = {
        let builder = Config::builder().session_id(id).local_player(player).frame_interval(frame).ping_interval(ping);
        let builder = builder.interrupt_after(ping).disconnect_after(ping).warning_latency(ping).critical_latency(frame);
        let builder = builder.max_datagram_size(max).redundancy(player as u8).short_tags(short).mesh(short);
        let builder = builder.max_lead(frame.subsec_micros());
        let builder = incarnation.map_or(builder, |incarnation| builder.incarnation(incarnation));
        key.map_or(builder, |key| builder.key(key)).build()
    };
    rs_session_init(to: &mut MaybeUninit<Session>, config: &Config) -> () = { to.write(Session::new(*config)); };
    rs_session_add_peer(session: &mut Session, now: Instant, classic: bool, player: u16, incarnation: u64, key: Option<[u8; 16]>, from: Option<Frame>, margin: Option<u8>) -> Result<PeerId, AddPeerError> = {
        let peer = if classic { PeerConfig::classic(player) } else { PeerConfig::compact(player) };
        let peer = peer.incarnation(incarnation);
        let peer = from.map_or(peer, |from| peer.from(from));
        let peer = margin.map_or(peer, |margin| peer.target_margin(margin));
        session.add_peer(now, key.map_or(peer, |key| peer.key(key)))
    };
    rs_session_disconnect_peer(session: &mut Session, now: Instant, peer: PeerId) -> () = session.disconnect_peer(now, peer);
    rs_session_remove_peer(session: &mut Session, now: Instant, peer: PeerId) -> () = session.remove_peer(now, peer);
    rs_session_push_input(session: &mut Session, now: Instant, input: [u8; 1]) -> Result<Frame, PushError> = session.push_input(now, input);
    rs_session_begin_epoch(session: &mut Session, now: Instant, epoch: Epoch) -> Result<(), EpochError> = session.begin_epoch(now, epoch);
    rs_session_push_checksum(session: &mut Session, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError> = session.push_checksum(now, frame, hash);
    rs_session_close(session: &mut Session, now: Instant) -> () = session.close(now);
    rs_session_set_input_delay(session: &mut Session, frames: u32) -> () = session.set_input_delay(frames);
    rs_session_clear_counters(session: &mut Session) -> () = session.clear_counters();
    rs_session_handle_datagram(session: &mut Session, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> = session.handle_datagram(now, from, datagram);
    rs_session_handle_timeout(session: &mut Session, now: Instant) -> () = session.handle_timeout(now);
    rs_session_handle_transport_closed(session: &mut Session, now: Instant, peer: PeerId) -> () = session.handle_transport_closed(now, peer);
    rs_session_handle_transport_opened(session: &mut Session, now: Instant, peer: PeerId) -> () = session.handle_transport_opened(now, peer);
    rs_session_poll_event(session: &mut Session) -> Option<Event<1>> = session.poll_event();
    rs_session_poll_transmit(session: &mut Session, buf: &'static mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'static>> = session.poll_transmit(buf);
    rs_session_poll_timeout(session: &Session) -> Option<Instant> = session.poll_timeout();
    rs_session_epoch(session: &Session) -> Epoch = session.epoch();
    rs_session_next_epoch(session: &Session) -> Option<Epoch> = session.next_epoch();
    rs_session_incarnation(session: &Session) -> Option<u64> = session.incarnation();
    rs_session_departures_settled(session: &Session) -> bool = session.departures_settled();
    rs_session_is_closed(session: &Session) -> bool = session.is_closed();
    rs_session_next_frame(session: &Session) -> Frame = session.next_frame();
    rs_session_confirmed_frame(session: &Session) -> Option<Frame> = session.confirmed_frame();
    rs_session_local_input(session: &Session, frame: Frame) -> Option<[u8; 1]> = session.local_input(frame);
    rs_session_peer_at(session: &Session, index: usize) -> Option<PeerId> = session.peers().nth(index);
    rs_peer_departure(session: &Session, peer: PeerId) -> Option<Departure> = Some(session.peer(peer)?.departure());
    rs_peer_last_frame(session: &Session, peer: PeerId) -> Option<Frame> = session.peer(peer)?.last_frame();
    rs_peer_remote_input(session: &Session, peer: PeerId, frame: Frame) -> Option<[u8; 1]> = session.peer(peer)?.remote_input(frame);
    rs_peer_latest_input(session: &Session, peer: PeerId) -> Option<(Frame, [u8; 1])> = session.peer(peer)?.latest_input();
    rs_peer_unacked(session: &Session, peer: PeerId) -> Option<u32> = Some(session.peer(peer)?.unacked());
    rs_peer_pace(session: &Session, peer: PeerId) -> Option<Pace> = session.peer(peer)?.pace();
    rs_peer_margin(session: &Session, peer: PeerId) -> Option<i32> = session.peer(peer)?.margin_millis();
    rs_hello_peek(datagram: &[u8]) -> Option<(u8, u16, u16)> = Hello::peek(datagram).map(|hello| (hello.version(), hello.sender(), hello.receiver()));
    rs_hello_fits(datagram: &[u8], config: &Config) -> Option<Result<(), HelloError>> = Some(Hello::peek(datagram)?.fits::<1, 120>(config));
    rs_peer_suggested_delay(session: &Session, peer: PeerId) -> Option<u32> = session.peer(peer)?.suggested_delay();
    rs_peer_stats(session: &Session, peer: PeerId) -> Option<PeerStats> = Some(session.peer(peer)?.stats());
}

// The texts of `iw_status_text` and `iw_event_text`.
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
    rs_hello_text HelloError,
    rs_event_text PeerEvent,
}
