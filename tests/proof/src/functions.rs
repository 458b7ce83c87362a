//! Tables of function pointers: every public function of the project that a panic could hide in.

use core::fmt::{self, Display, Formatter};

use inputwire::{
    AddPeerError, ChecksumError, Config, ConfigBuilder, ConfigError, DatagramError, Epoch, EpochError, Event, Field,
    Frame, Health, Hello, HelloError, Instant, Pace, PeerConfig, PeerEvent, PeerId, PeerRef, PeerStats, PushError,
    Refused, Session, StatsDelta,
};
use inputwire_failover::Failover;
use inputwire_rollback::{Inputs, Mismatch, PlayerInput, RollbackEvent, SaveState, Step, SyncTest};

/// A pointer to a function of any type.
pub struct Function(#[expect(dead_code, reason = "only the linker follows it")] *const ());

// SAFETY: the pointer is never read.
unsafe impl Sync for Function {}

pub type Table = &'static [Function];

macro_rules! table {
    ($($function:expr,)*) => { const { &[$(Function($function as *const ()),)*] } };
}

/// The functions of a session for two peers, of either wire if `INPUT_LEN` is 1.
pub const fn session<const INPUT_LEN: usize, const WINDOW: usize>() -> Table {
    table![
        Session::<2, INPUT_LEN, WINDOW>::new,
        // Actions.
        Session::<2, INPUT_LEN, WINDOW>::add_peer,
        Session::<2, INPUT_LEN, WINDOW>::disconnect_peer,
        Session::<2, INPUT_LEN, WINDOW>::remove_peer,
        Session::<2, INPUT_LEN, WINDOW>::push_input,
        Session::<2, INPUT_LEN, WINDOW>::skip_to,
        Session::<2, INPUT_LEN, WINDOW>::begin_epoch,
        Session::<2, INPUT_LEN, WINDOW>::push_checksum,
        Session::<2, INPUT_LEN, WINDOW>::close,
        Session::<2, INPUT_LEN, WINDOW>::set_input_delay,
        Session::<2, INPUT_LEN, WINDOW>::clear_counters,
        // Handlers.
        Session::<2, INPUT_LEN, WINDOW>::handle_datagram,
        Session::<2, INPUT_LEN, WINDOW>::handle_timeout,
        Session::<2, INPUT_LEN, WINDOW>::handle_transport_closed,
        Session::<2, INPUT_LEN, WINDOW>::handle_transport_opened,
        // Polls.
        Session::<2, INPUT_LEN, WINDOW>::poll_event,
        Session::<2, INPUT_LEN, WINDOW>::poll_transmit,
        Session::<2, INPUT_LEN, WINDOW>::poll_transmit_to,
        Session::<2, INPUT_LEN, WINDOW>::poll_timeout,
        Session::<2, INPUT_LEN, WINDOW>::timeout_reason,
        // Getters.
        Session::<2, INPUT_LEN, WINDOW>::config,
        Session::<2, INPUT_LEN, WINDOW>::epoch,
        Session::<2, INPUT_LEN, WINDOW>::next_epoch,
        Session::<2, INPUT_LEN, WINDOW>::incarnation,
        Session::<2, INPUT_LEN, WINDOW>::departures_settled,
        Session::<2, INPUT_LEN, WINDOW>::is_closed,
        Session::<2, INPUT_LEN, WINDOW>::next_frame,
        Session::<2, INPUT_LEN, WINDOW>::confirmed_frame,
        Session::<2, INPUT_LEN, WINDOW>::local_input,
        last_peer::<INPUT_LEN, WINDOW>,
        Session::<2, INPUT_LEN, WINDOW>::peer,
        Session::<2, INPUT_LEN, WINDOW>::peer_of,
        PeerRef::<INPUT_LEN>::id,
        PeerRef::<INPUT_LEN>::player,
        PeerRef::<INPUT_LEN>::health,
        PeerRef::<INPUT_LEN>::departure,
        PeerRef::<INPUT_LEN>::last_frame,
        PeerRef::<INPUT_LEN>::remote_input,
        PeerRef::<INPUT_LEN>::latest_input,
        PeerRef::<INPUT_LEN>::unacked,
        PeerRef::<INPUT_LEN>::pace,
        PeerRef::<INPUT_LEN>::margin_millis,
        PeerRef::<INPUT_LEN>::suggested_delay,
        PeerRef::<INPUT_LEN>::stats,
        <Session<2, INPUT_LEN, WINDOW> as Clone>::clone,
        <Session<2, INPUT_LEN, WINDOW> as Clone>::clone_from,
        <Session<2, INPUT_LEN, WINDOW> as PartialEq>::eq,
        PeerConfig::<INPUT_LEN>::compact,
        PeerConfig::<INPUT_LEN>::incarnation,
        PeerConfig::<INPUT_LEN>::key,
        PeerConfig::<INPUT_LEN>::from,
        PeerConfig::<INPUT_LEN>::join_frame,
        PeerConfig::<INPUT_LEN>::target_margin,
        PeerConfig::<INPUT_LEN>::kept_margin,
        PeerConfig::<INPUT_LEN>::is_keyed,
        PeerConfig::<INPUT_LEN>::player,
        PeerConfig::<INPUT_LEN>::is_classic,
        PeerConfig::<INPUT_LEN>::known_incarnation,
        <PeerConfig<INPUT_LEN> as PartialEq>::eq,
        <Event<INPUT_LEN> as PartialEq>::eq,
        <Event<INPUT_LEN> as Display>::fmt,
    ]
}

/// A game without a panic of its own.
fn play<const INPUT_LEN: usize>(state: &mut u64, inputs: &Inputs<'_, INPUT_LEN>) {
    for player in inputs.present() {
        *state = player.input.iter().fold(*state, |state, byte| state.rotate_left(7) ^ u64::from(*byte));
    }
}

/// A game that saves its state itself.
pub struct Dear;

impl<const INPUT_LEN: usize> SaveState<INPUT_LEN> for Dear {
    fn save(&mut self, _: usize) {}
    fn load(&mut self, _: usize) {}
    fn reset(&mut self) {}
    fn advance(&mut self, _: &Inputs<'_, INPUT_LEN>) {}
    fn hash(&self, _: usize) -> u64 {
        0
    }
    fn predict(&mut self, _: u16, latest: Option<&[u8; INPUT_LEN]>, _: u32) -> Option<[u8; INPUT_LEN]> {
        latest.copied()
    }
}

/// A driver for two peers.
type Rollback<const INPUT_LEN: usize, const RING: usize> =
    inputwire_rollback::Rollback<u64, Session<2, INPUT_LEN>, 2, INPUT_LEN, RING>;

/// The functions of the rollback driver.
pub const fn rollback<const INPUT_LEN: usize, const RING: usize>() -> Table {
    table![
        Rollback::<INPUT_LEN, RING>::new,
        Rollback::<INPUT_LEN, RING>::with_checksums,
        Rollback::<INPUT_LEN, RING>::with_predictor,
        Rollback::<INPUT_LEN, RING>::with_max_prediction,
        Rollback::<INPUT_LEN, RING>::with_input_delay,
        Rollback::<INPUT_LEN, RING>::add_peer,
        Rollback::<INPUT_LEN, RING>::disconnect_peer,
        Rollback::<INPUT_LEN, RING>::remove_peer,
        Rollback::<INPUT_LEN, RING>::start_from,
        step::<INPUT_LEN, RING>,
        step_saved::<INPUT_LEN, RING>,
        Rollback::<INPUT_LEN, RING>::end_round,
        Rollback::<INPUT_LEN, RING>::begin_epoch,
        Rollback::<INPUT_LEN, RING>::set_input_delay,
        Rollback::<INPUT_LEN, RING>::set_max_prediction,
        Rollback::<INPUT_LEN, RING>::close,
        Rollback::<INPUT_LEN, RING>::handle_datagram,
        Rollback::<INPUT_LEN, RING>::handle_timeout,
        Rollback::<INPUT_LEN, RING>::handle_transport_closed,
        Rollback::<INPUT_LEN, RING>::handle_transport_opened,
        Rollback::<INPUT_LEN, RING>::poll_event,
        Rollback::<INPUT_LEN, RING>::poll_transmit,
        Rollback::<INPUT_LEN, RING>::poll_transmit_to,
        Rollback::<INPUT_LEN, RING>::poll_timeout,
        Rollback::<INPUT_LEN, RING>::session,
        Rollback::<INPUT_LEN, RING>::endpoint,
        Rollback::<INPUT_LEN, RING>::endpoint_mut,
        Rollback::<INPUT_LEN, RING>::into_endpoint,
        Rollback::<INPUT_LEN, RING>::state,
        Rollback::<INPUT_LEN, RING>::confirmed_state,
        Rollback::<INPUT_LEN, RING>::confirmed_frame,
        Rollback::<INPUT_LEN, RING>::confirmed_input,
        Rollback::<INPUT_LEN, RING>::input_delay,
        Rollback::<INPUT_LEN, RING>::frame_interval,
        Rollback::<INPUT_LEN, RING>::stats,
        <Rollback<INPUT_LEN, RING> as Clone>::clone,
        Inputs::<INPUT_LEN>::input,
        Inputs::<INPUT_LEN>::get,
        Inputs::<INPUT_LEN>::seat::<1>,
        last_present::<INPUT_LEN>,
        SyncTest::<u64, 2, INPUT_LEN, RING>::new,
        test::<INPUT_LEN, RING>,
        <Mismatch<'_, u64> as Display>::fmt,
        first_line,
        <Step as PartialEq>::eq,
        <RollbackEvent as PartialEq>::eq,
    ]
}

// The types of what these take cannot be named.

fn step<const INPUT_LEN: usize, const RING: usize>(
    rollback: &mut Rollback<INPUT_LEN, RING>,
    now: Instant,
    input: [u8; INPUT_LEN],
) -> Step {
    Rollback::step(rollback, now, input, play)
}

fn step_saved<const INPUT_LEN: usize, const RING: usize>(
    rollback: &mut Rollback<INPUT_LEN, RING>,
    now: Instant,
    input: [u8; INPUT_LEN],
) -> Step {
    Rollback::step_saved(rollback, now, input, &mut Dear)
}

fn test<'a, const INPUT_LEN: usize, const RING: usize>(
    test: &'a mut SyncTest<u64, 2, INPUT_LEN, RING>,
    inputs: &[[u8; INPUT_LEN]; 2],
) -> Result<(), Mismatch<'a, u64>> {
    SyncTest::step(test, *inputs, play)
}

/// Calls `Inputs::present`, whose type cannot be named, and its iterator.
fn last_present<const INPUT_LEN: usize>(inputs: &Inputs<'_, INPUT_LEN>) -> Option<PlayerInput<INPUT_LEN>> {
    Inputs::present(inputs).last()
}

/// Prints `Mismatch::line`, whose type cannot be named.
fn first_line(mismatch: &Mismatch<'_, u64>, f: &mut Formatter<'_>) -> fmt::Result {
    Mismatch::line(mismatch).fmt(f)
}

/// The functions that do not depend on the length of an input, or exist only for inputs of one byte.
pub const SHARED: Table = table![
    PeerConfig::<1>::classic,
    Hello::peek,
    Hello::version,
    Hello::sender,
    Hello::receiver,
    Hello::fits::<1, 120>,
    Hello::fits::<8, 30>,
    <HelloError as Display>::fmt,
    Config::builder,
    ConfigBuilder::session_id,
    ConfigBuilder::local_player,
    ConfigBuilder::key,
    ConfigBuilder::short_tags,
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
    ConfigBuilder::mesh,
    ConfigBuilder::max_lead,
    ConfigBuilder::max_datagram_size,
    ConfigBuilder::build,
    Config::session_id,
    Config::local_player,
    Config::is_keyed,
    Config::short_tags,
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
    Config::mesh,
    Config::max_lead,
    Config::max_datagram_size,
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
    StatsDelta::per_second,
    Pace::stretch,
    <PeerEvent as PartialEq>::eq,
    Failover::new,
    Failover::interrupt_after,
    Failover::handle_heard,
    Failover::handle_acked,
    Failover::handle_health,
    Failover::handle_timeout,
    Failover::routes,
    Failover::routes_for,
    Failover::poll_change,
    Failover::poll_timeout,
    <Failover as PartialEq>::eq,
    <Frame as Display>::fmt,
    <Epoch as Display>::fmt,
    <PeerId as Display>::fmt,
    <Field as Display>::fmt,
    <Health as Display>::fmt,
    <PeerEvent as Display>::fmt,
    <ConfigError as Display>::fmt,
    <AddPeerError as Display>::fmt,
    <PushError as Display>::fmt,
    <ChecksumError as Display>::fmt,
    <EpochError as Display>::fmt,
    <DatagramError as Display>::fmt,
    planted,
];

/// Calls `Session::peers`, whose type cannot be named, and its iterator.
fn last_peer<const INPUT_LEN: usize, const WINDOW: usize>(session: &Session<2, INPUT_LEN, WINDOW>) -> Option<PeerId> {
    Session::peers(session).last()
}

/// Calls `Refused::iter`, whose type cannot be named, and its iterator.
fn last_refused(refused: &Refused) -> Option<(DatagramError, u32)> {
    Refused::iter(refused).last()
}

/// Panics if the proof is to be tested.
fn planted(bytes: &[u8]) -> u8 {
    if cfg!(feature = "planted") { bytes[0] } else { 0 }
}
