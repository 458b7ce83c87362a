//! Every public function as a pointer.

use core::fmt::Display;

use inputwire::{
    AddPeerError, ChecksumError, Config, ConfigBuilder, ConfigError, DatagramError, Epoch, EpochError, Event, Failover,
    Field, Frame, Health, Instant, Pace, PeerConfig, PeerId, PeerStats, PushError, Rates, Refused, RttStats, Session,
    Totals, Transmit,
};

/// A function, whatever its type.
pub struct Door(#[expect(dead_code, reason = "for the linker to follow")] *const ());

// SAFETY: nobody looks behind it.
unsafe impl Sync for Door {}

pub type Doors = &'static [Door];

macro_rules! doors {
    ($($function:expr,)*) => { const { &[$(Door($function as *const ()),)*] } };
}

/// The functions of a session with room for two peers, of either wire if `INPUT` is 1.
pub const fn session<const INPUT: usize, const WINDOW: usize>() -> Doors {
    doors![
        // What we do.
        Session::<2, INPUT, WINDOW>::new,
        Session::<2, INPUT, WINDOW>::add_peer,
        Session::<2, INPUT, WINDOW>::close_peer,
        Session::<2, INPUT, WINDOW>::open_peer,
        Session::<2, INPUT, WINDOW>::remove_peer,
        Session::<2, INPUT, WINDOW>::push_input,
        Session::<2, INPUT, WINDOW>::begin_epoch,
        Session::<2, INPUT, WINDOW>::push_checksum,
        Session::<2, INPUT, WINDOW>::leave,
        Session::<2, INPUT, WINDOW>::clear_counters,
        // What happens to us, and what we say.
        Session::<2, INPUT, WINDOW>::handle_datagram,
        Session::<2, INPUT, WINDOW>::handle_timeout,
        Session::<2, INPUT, WINDOW>::poll_transmit,
        Session::<2, INPUT, WINDOW>::poll_event,
        Session::<2, INPUT, WINDOW>::poll_timeout,
        // What we know.
        Session::<2, INPUT, WINDOW>::config,
        Session::<2, INPUT, WINDOW>::epoch,
        newest_peer::<INPUT, WINDOW>,
        Session::<2, INPUT, WINDOW>::next_frame,
        Session::<2, INPUT, WINDOW>::own_input,
        Session::<2, INPUT, WINDOW>::input,
        Session::<2, INPUT, WINDOW>::newest_input,
        Session::<2, INPUT, WINDOW>::known,
        Session::<2, INPUT, WINDOW>::confirmed,
        Session::<2, INPUT, WINDOW>::unacked,
        Session::<2, INPUT, WINDOW>::pace,
        Session::<2, INPUT, WINDOW>::suggested_delay,
        Session::<2, INPUT, WINDOW>::stats,
        <Session<2, INPUT, WINDOW> as Clone>::clone,
        <Session<2, INPUT, WINDOW> as Clone>::clone_from,
        <Session<2, INPUT, WINDOW> as PartialEq>::eq,
        PeerConfig::<INPUT>::compact,
        PeerConfig::<INPUT>::incarnation,
        PeerConfig::<INPUT>::player,
        PeerConfig::<INPUT>::is_classic,
        PeerConfig::<INPUT>::known_incarnation,
        PeerConfig::<INPUT>::player,
        PeerConfig::<INPUT>::is_classic,
        PeerConfig::<INPUT>::known_incarnation,
        <PeerConfig<INPUT> as PartialEq>::eq,
        <Event<INPUT> as PartialEq>::eq,
    ]
}

/// What does not depend on the size of an input, and what only inputs of one byte have.
pub const SHARED: Doors = doors![
    PeerConfig::<1>::classic,
    Config::builder,
    ConfigBuilder::session,
    ConfigBuilder::player,
    ConfigBuilder::key,
    ConfigBuilder::incarnation,
    ConfigBuilder::first_frame,
    ConfigBuilder::frame_interval,
    ConfigBuilder::ping_interval,
    ConfigBuilder::interrupt_after,
    ConfigBuilder::disconnect_after,
    ConfigBuilder::warning_latency,
    ConfigBuilder::critical_latency,
    ConfigBuilder::redundancy,
    ConfigBuilder::early_copies,
    ConfigBuilder::datagram_max,
    ConfigBuilder::build,
    Config::session,
    Config::player,
    Config::is_keyed,
    Config::incarnation,
    Config::first_frame,
    Config::frame_interval,
    Config::ping_interval,
    Config::interrupt_after,
    Config::disconnect_after,
    Config::warning_latency,
    Config::critical_latency,
    Config::redundancy,
    Config::early_copies,
    Config::datagram_max,
    Config::session,
    Config::player,
    Config::is_keyed,
    Config::incarnation,
    Config::first_frame,
    Config::frame_interval,
    Config::ping_interval,
    Config::interrupt_after,
    Config::disconnect_after,
    Config::warning_latency,
    Config::critical_latency,
    Config::redundancy,
    Config::early_copies,
    Config::datagram_max,
    Failover::new,
    Failover::interrupt_after,
    Failover::handle_heard,
    Failover::handle_health,
    Failover::handle_timeout,
    Failover::routes,
    Failover::poll_change,
    Failover::poll_timeout,
    <Failover as PartialEq>::eq,
    Frame::new,
    Frame::get,
    Epoch::new,
    Epoch::get,
    PeerId::new,
    PeerId::get,
    <Frame as Ord>::cmp,
    <Epoch as Ord>::cmp,
    <PeerId as Ord>::cmp,
    Instant::from_micros,
    Instant::as_micros,
    Instant::saturating_add,
    Instant::saturating_since,
    Instant::default,
    <Instant as Ord>::cmp,
    Refused::get,
    Refused::total,
    last_refused,
    PeerStats::since,
    Rates::per_second,
    Pace::stretch,
    Failover::new,
    Failover::interrupt_after,
    Failover::handle_heard,
    Failover::handle_health,
    Failover::handle_timeout,
    Failover::routes,
    Failover::poll_change,
    Failover::poll_timeout,
    <Frame as Display>::fmt,
    <Epoch as Display>::fmt,
    <PeerId as Display>::fmt,
    <Field as Display>::fmt,
    <ConfigError as Display>::fmt,
    <AddPeerError as Display>::fmt,
    <PushError as Display>::fmt,
    <ChecksumError as Display>::fmt,
    <EpochError as Display>::fmt,
    <DatagramError as Display>::fmt,
    planted,
];

/// Walks through `Session::peers`, whose type has no name.
fn newest_peer<const INPUT: usize, const WINDOW: usize>(session: &Session<2, INPUT, WINDOW>) -> Option<PeerId> {
    Session::peers(session).last()
}

/// Walks through `Refused::iter`, whose type has no name.
fn last_refused(refused: &Refused) -> Option<(DatagramError, u32)> {
    Refused::iter(refused).last()
}

/// Panics if the proof is to be proved.
fn planted(bytes: &[u8]) -> u8 {
    if cfg!(feature = "planted") { bytes[0] } else { 0 }
}
