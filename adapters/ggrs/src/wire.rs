//! Sessions and rollback drivers of any size behind one interface: a game chooses its sizes when it runs.

use std::time::Duration;

use inputwire::{
    AddPeerError, ChecksumError, Config, ConfigError, DatagramError, Departure, Endpoint, Epoch, EpochError, Event,
    Frame, Health, Instant, PeerConfig, PeerEvent, PeerId, PeerRef, PushError, Session, Transmit, MAX_DATAGRAM_SIZE,
};
use inputwire_rollback::{Inputs, Rollback, RollbackEvent, SaveState, Status, Step};

use crate::clock;

/// How many frames a player may be ahead of the acknowledgements of another one.
pub(crate) const WINDOW: usize = 120;
/// One place for the first state of an epoch, one for the present state.
const RING: usize = 60;
/// The most frames that can be predicted.
pub(crate) const MAX_PREDICTION: usize = RING - 2;
/// The most frames that an input can be delayed: two ends that both delay and predict the most find every input in the window.
pub(crate) const MAX_INPUT_DELAY: usize = WINDOW / 4;

type Driver<const PEERS: usize, const ROW: usize> = Rollback<(), Run<PEERS, ROW>, PEERS, ROW, RING, WINDOW>;

/// What happened to a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireEvent {
    /// Something happened to a player.
    Player { player: u16, event: PlayerEvent },
    /// The others play on without this end.
    Dropped,
}

/// What happened to a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlayerEvent {
    Connected,
    Health(Health),
    /// The state after this frame differs.
    Desync {
        frame: u32,
        local: u64,
        remote: u64,
    },
}

/// What is known of a player.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Player {
    pub(crate) is_present: bool,
    /// Whether it is given up unless it is heard very soon.
    pub(crate) is_silent: bool,
    pub(crate) last_frame: Option<u32>,
    pub(crate) lead_millis: Option<i32>,
}

impl Player {
    fn new<const ROW: usize>(peer: PeerRef<'_, ROW>) -> Self {
        Self {
            is_present: peer.departure() == Departure::Present,
            is_silent: peer.health() == Health::Disconnected,
            last_frame: peer.last_frame().map(Frame::get),
            lead_millis: peer.pace().map(|pace| pace.lead_millis),
        }
    }
}

/// How good the connection to a player is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection {
    pub(crate) unacked: u32,
    pub(crate) rtt: Option<Duration>,
    pub(crate) lead_millis: Option<i32>,
}

impl Connection {
    fn new<const ROW: usize>(peer: PeerRef<'_, ROW>) -> Self {
        let stats = peer.stats();
        Self {
            unacked: stats.unacked,
            rtt: stats.rtt.map(|rtt| rtt.smoothed),
            lead_millis: peer.pace().map(|pace| pace.lead_millis),
        }
    }
}

/// What a game does for a driver.
pub(crate) trait Game {
    fn save(&mut self, slot: usize);
    fn load(&mut self, slot: usize);
    /// Writes what a player probably does, if the latest known row, or none, says `latest`.
    fn predict(&mut self, player: u16, latest: Option<&[u8]>, row: &mut [u8]);
    /// Takes the row of a player for the next frame.
    fn input(&mut self, player: u16, status: Status, row: &[u8]);
    /// Plays a frame with the rows taken.
    fn advance(&mut self);
}

/// The game at this end, and the players at the others.
pub(crate) trait Wire: Send + Sync {
    fn handle_datagram(&mut self, now: Instant, from: u16, datagram: &[u8]) -> Result<(), DatagramError>;
    fn handle_timeout(&mut self, now: Instant);
    fn poll_event(&mut self, now: Instant) -> Option<WireEvent>;
    /// Fills the buffer with a datagram; returns for which player, and how long it is.
    fn poll_transmit(&mut self, buf: &mut [u8; MAX_DATAGRAM_SIZE]) -> Option<(u16, usize)>;
    /// Pushes the next row of local inputs, once the first frame was stepped to.
    fn push(&mut self, now: Instant, row: &[u8]) -> Result<(), PushError>;
    /// The frame of the next row.
    fn next_row(&self) -> u32;
    fn local_row(&self, frame: u32) -> Option<Vec<u8>>;
    /// Plays again what is wrong, and the next frame if that is allowed. Returns whether it was. `row` is the row of that frame, and is
    /// pushed unless it was before.
    fn step(&mut self, now: Instant, max_prediction: usize, row: &[u8], game: &mut dyn Game) -> bool;
    fn push_checksum(&mut self, now: Instant, frame: u32, hash: u64);
    fn set_input_delay(&mut self, frames: u32);
    fn disconnect(&mut self, now: Instant, player: u16);
    /// Ends everybody's frames with what is known here.
    fn go_alone(&mut self, now: Instant);
    fn player(&self, player: u16) -> Option<Player>;
    fn connection(&self, player: u16) -> Option<Connection>;
    /// The frame up to which the inputs of every other player are known; `None` if there is nobody to wait for.
    fn known_end(&self) -> Option<u32>;
    /// The last frame that was played and that no input can change any more.
    fn settled_frame(&self) -> Option<u32>;
}

/// A session whose peers have one run: who is restarted has left.
#[derive(Clone, Debug)]
struct Run<const PEERS: usize, const ROW: usize> {
    session: Session<PEERS, ROW, WINDOW>,
    /// Those who have to go.
    lost: Vec<PeerId>,
}

impl<const PEERS: usize, const ROW: usize> Endpoint<PEERS, ROW, WINDOW> for Run<PEERS, ROW> {
    fn session(&self) -> &Session<PEERS, ROW, WINDOW> {
        &self.session
    }

    fn add_peer(&mut self, now: Instant, peer: PeerConfig<ROW>) -> Result<PeerId, AddPeerError> {
        self.session.add_peer(now, peer)
    }

    fn remove_peer(&mut self, now: Instant, peer: PeerId) {
        self.session.remove_peer(now, peer);
    }

    fn disconnect_peer(&mut self, now: Instant, peer: PeerId) {
        self.session.disconnect_peer(now, peer);
    }

    fn push_input(&mut self, now: Instant, input: [u8; ROW]) -> Result<Frame, PushError> {
        self.session.push_input(now, input)
    }

    fn skip_to(&mut self, now: Instant, frame: Frame, input: [u8; ROW]) -> Result<Frame, PushError> {
        self.session.skip_to(now, frame, input)
    }

    fn begin_epoch(&mut self, now: Instant, epoch: Epoch) -> Result<(), EpochError> {
        self.session.begin_epoch(now, epoch)
    }

    fn push_checksum(&mut self, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError> {
        self.session.push_checksum(now, frame, hash)
    }

    fn close(&mut self, now: Instant) {
        self.session.close(now);
    }

    fn set_input_delay(&mut self, frames: u32) {
        self.session.set_input_delay(frames);
    }

    fn clear_counters(&mut self) {
        self.session.clear_counters();
    }

    fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> {
        self.session.handle_datagram(now, from, datagram)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.session.handle_timeout(now);
    }

    fn handle_transport_closed(&mut self, now: Instant, peer: PeerId) {
        self.session.handle_transport_closed(now, peer);
    }

    fn handle_transport_opened(&mut self, now: Instant, peer: PeerId) {
        self.session.handle_transport_opened(now, peer);
    }

    fn poll_event(&mut self) -> Option<Event<ROW>> {
        loop {
            match self.session.poll_event()? {
                // The driver would begin a new epoch.
                Event::Peer {
                    peer,
                    event: PeerEvent::Restarted | PeerEvent::OutOfSync | PeerEvent::EpochAhead { .. },
                } => {
                    self.lost.push(peer);
                }
                event => return Some(event),
            }
        }
    }

    fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>> {
        self.session.poll_transmit(buf)
    }

    fn poll_transmit_to<'b>(&mut self, peer: PeerId, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>> {
        self.session.poll_transmit_to(peer, buf)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.session.poll_timeout()
    }
}

/// A driver, and the numbers of its players.
struct Players<const PEERS: usize, const ROW: usize> {
    driver: Driver<PEERS, ROW>,
    /// The local one as well.
    numbers: Vec<u16>,
}

impl<const PEERS: usize, const ROW: usize> Players<PEERS, ROW> {
    fn peer(&self, player: u16) -> Option<PeerRef<'_, ROW>> {
        let session = self.driver.session();
        session.peer(session.peer_of(player)?)
    }
}

impl<const PEERS: usize, const ROW: usize> Wire for Players<PEERS, ROW> {
    fn handle_datagram(&mut self, now: Instant, from: u16, datagram: &[u8]) -> Result<(), DatagramError> {
        match self.driver.session().peer_of(from) {
            Some(peer) => self.driver.handle_datagram(now, peer, datagram),
            None => Ok(()),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.driver.handle_timeout(now);
    }

    fn poll_event(&mut self, now: Instant) -> Option<WireEvent> {
        loop {
            let event = self.driver.poll_event();
            for peer in std::mem::take(&mut self.driver.endpoint_mut().lost) {
                self.driver.disconnect_peer(now, peer);
            }
            match event? {
                RollbackEvent::Dropped { .. } => return Some(WireEvent::Dropped),
                RollbackEvent::Peer { peer, event } => {
                    let event = match event {
                        PeerEvent::Connected => PlayerEvent::Connected,
                        PeerEvent::Health { health, .. } => PlayerEvent::Health(health),
                        PeerEvent::Desync { frame, local, remote } => {
                            PlayerEvent::Desync { frame: frame.get(), local, remote }
                        }
                        _ => continue,
                    };
                    if let Some(peer) = self.driver.session().peer(peer) {
                        return Some(WireEvent::Player { player: peer.player(), event });
                    }
                }
                _ => {}
            }
        }
    }

    fn poll_transmit(&mut self, buf: &mut [u8; MAX_DATAGRAM_SIZE]) -> Option<(u16, usize)> {
        let transmit = self.driver.poll_transmit(buf)?;
        let (peer, len) = (transmit.peer, transmit.datagram.len());
        let player = self.driver.session().peer(peer)?.player();
        Some((player, len))
    }

    fn push(&mut self, now: Instant, row: &[u8]) -> Result<(), PushError> {
        self.driver.endpoint_mut().push_input(now, padded(row)).map(|_| ())
    }

    fn next_row(&self) -> u32 {
        self.driver.session().next_frame().get()
    }

    fn local_row(&self, frame: u32) -> Option<Vec<u8>> {
        self.driver.session().local_input(Frame::new(frame)).map(|row| row.to_vec())
    }

    fn step(&mut self, now: Instant, max_prediction: usize, row: &[u8], game: &mut dyn Game) -> bool {
        self.driver.set_max_prediction(u32::try_from(max_prediction).unwrap_or(u32::MAX));
        let step = self.driver.step_saved(now, padded(row), &mut Bridge { game, numbers: &self.numbers });
        matches!(step, Step::Advanced { .. })
    }

    fn push_checksum(&mut self, now: Instant, frame: u32, hash: u64) {
        // It is refused if a peer takes no checksums any more; then later ones are compared.
        let _ = self.driver.endpoint_mut().push_checksum(now, Frame::new(frame), hash);
    }

    fn set_input_delay(&mut self, frames: u32) {
        // The driver itself delays nothing.
        self.driver.endpoint_mut().set_input_delay(frames);
    }

    fn disconnect(&mut self, now: Instant, player: u16) {
        if let Some(peer) = self.driver.session().peer_of(player) {
            self.driver.disconnect_peer(now, peer);
        }
    }

    fn go_alone(&mut self, now: Instant) {
        let peers: Vec<PeerId> = self.driver.session().peers().collect();
        for peer in peers {
            self.driver.remove_peer(now, peer);
        }
    }

    fn player(&self, player: u16) -> Option<Player> {
        self.peer(player).map(Player::new)
    }

    fn connection(&self, player: u16) -> Option<Connection> {
        self.peer(player).map(Connection::new)
    }

    fn known_end(&self) -> Option<u32> {
        let session = self.driver.session();
        let peers = session.peers().filter_map(|peer| session.peer(peer));
        let playing = peers.filter(|peer| !matches!(peer.departure(), Departure::Departed { .. }));
        playing.map(|peer| peer.last_frame().map_or(0, |frame| frame.get().saturating_add(1))).min()
    }

    fn settled_frame(&self) -> Option<u32> {
        self.driver.confirmed_frame().map(Frame::get)
    }
}

/// A row with zeros behind it.
fn padded<const ROW: usize>(row: &[u8]) -> [u8; ROW] {
    let mut all = [0; ROW];
    all.iter_mut().zip(row).for_each(|(place, byte)| *place = *byte);
    all
}

/// Lets a driver play a game that knows nothing of the length of its rows.
struct Bridge<'a> {
    game: &'a mut dyn Game,
    numbers: &'a [u16],
}

impl<const ROW: usize> SaveState<ROW> for Bridge<'_> {
    fn save(&mut self, slot: usize) {
        self.game.save(slot);
    }

    fn load(&mut self, slot: usize) {
        self.game.load(slot);
    }

    fn reset(&mut self) {
        // Only a later epoch does that, and there is none.
    }

    fn advance(&mut self, inputs: &Inputs<'_, ROW>) {
        for player in self.numbers {
            let input = inputs.get(*player);
            self.game.input(*player, input.status, &input.input);
        }
        self.game.advance();
    }

    fn hash(&self, _: usize) -> u64 {
        0
    }

    fn predict(&mut self, player: u16, latest: Option<&[u8; ROW]>, _: u32) -> Option<[u8; ROW]> {
        let mut row = [0; ROW];
        self.game.predict(player, latest.map(<[u8; ROW]>::as_slice), &mut row);
        Some(row)
    }
}

/// A session with one other end, of which one pushes rows and the other listens.
pub(crate) trait Feed: Send + Sync {
    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DatagramError>;
    fn handle_timeout(&mut self, now: Instant);
    /// Returns the next event. Rows are put into `rows`.
    fn poll_event(&mut self, rows: &mut Vec<Vec<u8>>) -> Option<FeedEvent>;
    fn poll_transmit(&mut self, buf: &mut [u8; MAX_DATAGRAM_SIZE]) -> Option<usize>;
    fn push(&mut self, now: Instant, row: &[u8]) -> Result<(), PushError>;
    fn connection(&self) -> Option<Connection>;
}

/// What happened to the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FeedEvent {
    Connected,
    Health(Health),
    /// It was restarted, or misses rows: it is of no use any more.
    Lost,
}

impl<const ROW: usize> Feed for Session<1, ROW, WINDOW> {
    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DatagramError> {
        let peer = self.peers().next();
        peer.map_or(Ok(()), |peer| Session::handle_datagram(self, now, peer, datagram))
    }

    fn handle_timeout(&mut self, now: Instant) {
        Session::handle_timeout(self, now);
    }

    fn poll_event(&mut self, rows: &mut Vec<Vec<u8>>) -> Option<FeedEvent> {
        while let Some(event) = Session::poll_event(self) {
            match event {
                Event::Input { input, .. } => rows.push(input.to_vec()),
                Event::Peer { event, .. } => match event {
                    PeerEvent::Connected => return Some(FeedEvent::Connected),
                    PeerEvent::Health { health, .. } => return Some(FeedEvent::Health(health)),
                    PeerEvent::Restarted
                    | PeerEvent::OutOfSync
                    | PeerEvent::EpochAhead { .. }
                    | PeerEvent::PeerClosed { .. } => return Some(FeedEvent::Lost),
                    _ => {}
                },
                _ => {}
            }
        }
        None
    }

    fn poll_transmit(&mut self, buf: &mut [u8; MAX_DATAGRAM_SIZE]) -> Option<usize> {
        Session::poll_transmit(self, buf).map(|transmit| transmit.datagram.len())
    }

    fn push(&mut self, now: Instant, row: &[u8]) -> Result<(), PushError> {
        self.push_input(now, padded(row)).map(|_| ())
    }

    fn connection(&self) -> Option<Connection> {
        self.peer(self.peers().next()?).map(Connection::new)
    }
}

/// What both ends of a wire must agree on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) num_players: usize,
    /// The bytes of the longest row.
    pub(crate) row_len: usize,
    pub(crate) timing: Timing,
}

/// The times of a session, as the game gave them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub(crate) fps: usize,
    pub(crate) disconnect_timeout: Duration,
    pub(crate) notify_delay: Duration,
}

impl Timing {
    /// How long an interruption may last.
    pub(crate) fn patience(self) -> Duration {
        self.disconnect_timeout.saturating_sub(self.notify_delay)
    }
}

impl Terms {
    /// The settings of a session. All durations are brought into the range that the session takes.
    fn config(self, what: &[u8], player: u16, mesh: bool, first: u32) -> Result<Config, ConfigError> {
        let Timing { fps, disconnect_timeout, notify_delay } = self.timing;
        let fps = u32::try_from(fps).unwrap_or(u32::MAX).clamp(1, 1_000);
        let frame = Duration::from_secs(1).checked_div(fps).unwrap_or(Duration::from_millis(16));
        let ping = notify_delay.min(disconnect_timeout).checked_div(5).unwrap_or_default();
        let ping = ping.clamp(Duration::from_millis(20), Duration::from_millis(200));
        let least = ping.saturating_mul(3);
        let disconnect = disconnect_timeout.clamp(least, Duration::from_secs(3_600));
        let notify = notify_delay.clamp(Duration::from_micros(1), disconnect.saturating_sub(Duration::from_micros(1)));
        Config::builder()
            .session_id(self.session_id(what))
            .local_player(player)
            .incarnation(clock::incarnation())
            .first_frame(Frame::new(first))
            .frame_interval(frame)
            .ping_interval(ping)
            .interrupt_after(notify)
            .disconnect_after(disconnect)
            .mesh(mesh)
            .build()
    }

    /// FNV-1a of everything that makes two games strangers to each other.
    fn session_id(self, what: &[u8]) -> u64 {
        let class = u64::try_from(class(self.row_len)).unwrap_or(u64::MAX).to_le_bytes();
        let players = u64::try_from(self.num_players).unwrap_or(u64::MAX).to_le_bytes();
        let bytes = what.iter().chain(&players).chain(&class);
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
    }
}

/// The lengths of rows that there are sessions for.
const CLASSES: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 255];

fn class(row_len: usize) -> usize {
    CLASSES.into_iter().find(|class| row_len <= *class).unwrap_or(usize::MAX)
}

/// The most other ends.
pub(crate) const MAX_PEERS: usize = 15;

/// Creates the wire of a game: the local player's number, those of the others, and the first frame to play. `None` if there are
/// too many players, or the rows are too long for so many: a session is on the stack for a moment, so its size is bounded.
pub(crate) fn players(now: Instant, terms: Terms, local: u16, others: &[u16], first: u32) -> Option<Box<dyn Wire>> {
    macro_rules! wire {
        ($peers:literal, $($row:literal)*) => {
            match class(terms.row_len) {
                $($row => players_with::<$peers, $row>(now, terms, local, others, first),)*
                _ => None,
            }
        };
    }
    match others.len() {
        0..=1 => wire!(1, 1 2 4 8 16 32 64 128 255),
        2..=3 => wire!(3, 1 2 4 8 16 32 64 128 255),
        4..=7 => wire!(7, 1 2 4 8 16 32 64 128),
        8..=MAX_PEERS => wire!(15, 1 2 4 8 16 32 64),
        _ => None,
    }
}

fn players_with<const PEERS: usize, const ROW: usize>(
    now: Instant,
    terms: Terms,
    local: u16,
    others: &[u16],
    first: u32,
) -> Option<Box<dyn Wire>> {
    let mut session = Session::<PEERS, ROW, WINDOW>::new(terms.config(b"p2p", local, true, first).ok()?);
    for other in others {
        session.add_peer(now, PeerConfig::compact(*other)).ok()?;
    }
    let mut numbers = others.to_vec();
    numbers.push(local);
    Some(Box::new(Players { driver: Rollback::new(Run { session, lost: Vec::new() }, ()), numbers }))
}

/// Creates the wire between a host and a spectator. `None` if the rows are too long.
pub(crate) fn feed(now: Instant, terms: Terms, is_host: bool) -> Option<Box<dyn Feed>> {
    macro_rules! feed {
        ($($row:literal)*) => {
            match class(terms.row_len) {
                $($row => feed_with::<$row>(now, terms, is_host),)*
                _ => None,
            }
        };
    }
    feed!(1 2 4 8 16 32 64 128 255)
}

fn feed_with<const ROW: usize>(now: Instant, terms: Terms, is_host: bool) -> Option<Box<dyn Feed>> {
    let [local, other] = if is_host { [0, 1] } else { [1, 0] };
    let mut session = Session::<1, ROW, WINDOW>::new(terms.config(b"watch", local, false, 0).ok()?);
    session.add_peer(now, PeerConfig::compact(other)).ok()?;
    Some(Box::new(session))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use inputwire::Instant;

    use super::{feed, players, Terms, Timing, CLASSES};

    fn terms(row_len: usize) -> Terms {
        let timing =
            Timing { fps: 60, disconnect_timeout: Duration::from_secs(2), notify_delay: Duration::from_millis(500) };
        Terms { num_players: 2, row_len, timing }
    }

    #[test]
    fn every_size_of_game_starts_on_a_small_stack() {
        let start = || {
            for row_len in CLASSES {
                for (others, longest) in [(0, 255), (1, 255), (3, 255), (7, 128), (15, 64)] {
                    let numbers: Vec<u16> = (1..=others).collect();
                    let wire = players(Instant::ORIGIN, terms(row_len), 0, &numbers, 0);
                    assert_eq!(wire.is_some(), row_len <= longest, "{row_len} {others}");
                }
                assert!(feed(Instant::ORIGIN, terms(row_len), true).is_some());
            }
        };
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(start).expect("a thread");
        thread.join().expect("nothing overflows");
    }

    #[test]
    fn what_is_too_long_or_too_many_has_no_wire() {
        let numbers: Vec<u16> = (1..=16).collect();
        assert!(players(Instant::ORIGIN, terms(8), 0, &numbers, 0).is_none());
        assert!(players(Instant::ORIGIN, terms(usize::MAX), 0, &[], 0).is_none());
        assert!(players(Instant::ORIGIN, terms(256), 0, &[1], 0).is_none());
        assert!(feed(Instant::ORIGIN, terms(256), false).is_none());
    }
}
