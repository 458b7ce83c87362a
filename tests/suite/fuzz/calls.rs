//! Any call in any order on a session with peers on both wires, compared with a model of the caller's knowledge: laws 2, 5,
//! 7, 8, 9 and 13, and getters that agree with each other.

use std::time::Duration;

use inputwire::{
    AddPeerError, ChecksumError, Config, Departure, Epoch, EpochError, Event, Frame, Instant, PeerConfig, PeerId,
    PeerRef, PushError, Session,
};

use super::bytes::Bytes;
use super::draw::{self, Standing};
use super::seal::Seal;
use super::watch::{at, drain, poll, wake};

const MAX_PEERS: usize = 2;
/// The first run of the session, and the first one of each peer.
const LOCAL_RUN: u64 = 0x5eed_0000_0000;
const PEER_RUN: u64 = 0xfeed_0000_0000;

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    match bytes.below(4) {
        0 => Calls::<120>::new(&mut bytes).play(bytes),
        1 => Calls::<127>::new(&mut bytes).play(bytes),
        2 => Calls::<2>::new(&mut bytes).play(bytes),
        _ => Calls::<5>::new(&mut bytes).play(bytes),
    }
}

/// The caller's knowledge of a peer.
#[derive(Clone, Copy, Debug)]
struct Seen {
    id: PeerId,
    player: u16,
    classic: bool,
    /// The frame after the newest delivered.
    next: u64,
    last_frame: Option<Frame>,
    /// The first local frame that is not acknowledged.
    acked: u64,
    /// The first frame that is owed to it and by it.
    join: u64,
    departure: Departure,
    /// The runs of the session and of the peer.
    local_run: u64,
    incarnation: u64,
    /// The input delivered last, which must not change.
    last: Option<(Frame, [u8; 1])>,
}

impl Seen {
    /// Whether an input up to this frame is not known for certain.
    fn lacks(&self, frame: Frame) -> bool {
        !self.has_departed() && self.last_frame.is_none_or(|last| last < frame)
    }

    fn has_departed(&self) -> bool {
        matches!(self.departure, Departure::Departed { .. })
    }
}

struct Calls<const WINDOW: usize> {
    session: Session<MAX_PEERS, 1, WINDOW>,
    key: Option<[u8; 16]>,
    first: u32,
    /// The frame of the first push of this epoch.
    start: u32,
    now: u64,
    epoch: u32,
    pushed: Vec<u8>,
    peers: Vec<Seen>,
    /// Who was named and removed in this epoch, while others were there who may name it late; and the greatest end of them.
    gone: Vec<u16>,
    gone_end: u64,
    added: u32,
    /// Whether the session has an incarnation, and whether it was closed.
    drawn: bool,
    closed: bool,
}

impl<const WINDOW: usize> Calls<WINDOW> {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        let settings = bytes.u8();
        let key = (settings & 1 == 1).then_some([5; 16]);
        let first = if settings & 2 == 0 { u32::from(settings >> 4) } else { u32::MAX - u32::from(settings >> 3) };
        let mut config = Config::builder().first_frame(Frame::new(first)).early_copies(settings & 4 != 0);
        config = config.redundancy(1 + settings % 15);
        if let Some(key) = key {
            config = config.key(key);
        }
        if settings & 8 != 0 {
            config = config.ping_interval(Duration::from_millis(20)).disconnect_after(Duration::from_secs(1));
        }
        let drawn = settings & 0xe0 != 0xe0;
        if drawn {
            config = config.incarnation(LOCAL_RUN);
        }
        let session = Session::new(config.build().expect("a configuration"));
        let (pushed, peers) = (Vec::new(), Vec::new());
        let gone = Vec::new();
        Self {
            session,
            key,
            first,
            start: first,
            now: 0,
            epoch: 0,
            pushed,
            peers,
            gone,
            gone_end: 0,
            added: 0,
            drawn,
            closed: false,
        }
    }

    fn play(mut self, mut bytes: Bytes<'_>) {
        for _ in 0..64 {
            if bytes.is_empty() {
                break;
            }
            self.call(&mut bytes);
            self.check();
        }
    }

    fn at(&self) -> Instant {
        at(self.now)
    }

    fn next(&self) -> u64 {
        u64::from(self.start) + u64::try_from(self.pushed.len()).expect("few")
    }

    /// A peer that exists, or sometimes one that never did.
    fn any(&self, bytes: &mut Bytes<'_>) -> (PeerId, Option<usize>) {
        let choice = usize::from(bytes.u8());
        if choice >= 250 || self.peers.is_empty() {
            return (PeerId::new(self.added + u32::try_from(choice).expect("small")), None);
        }
        let index = choice % self.peers.len();
        (self.peers[index].id, Some(index))
    }

    fn call(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.below(24) {
            0 | 1 => self.add(bytes),
            2..=5 => self.push(bytes),
            6..=10 => self.handle(bytes),
            11 | 12 => drain(&mut self.session, |_, _| {}),
            13 | 14 => self.poll(),
            15 => {
                let epoch = match bytes.below(20) {
                    16 => Epoch::LAST_FREE.get(),
                    17 => Epoch::LAST_FREE.get() + 1,
                    18 => Epoch::MAX.get(),
                    19 => Epoch::MAX.get() + 1,
                    small => small.into(),
                };
                // Whether an epoch of the reserve may be begun depends on the peers.
                let reserve = Epoch::new(epoch) > Epoch::LAST_FREE && Epoch::new(epoch) <= Epoch::MAX;
                let begun = self.session.begin_epoch(self.at(), Epoch::new(epoch));
                match begun {
                    _ if self.closed => assert_eq!(begun, Err(EpochError::Closed)),
                    _ if epoch <= self.epoch => assert_eq!(begun, Err(EpochError::NotNewer)),
                    _ if reserve => assert!(matches!(begun, Ok(()) | Err(EpochError::TooGreat)), "{begun:?}"),
                    _ if epoch > Epoch::MAX.get() => assert_eq!(begun, Err(EpochError::TooGreat)),
                    _ => assert_eq!(begun, Ok(())),
                }
                if begun.is_ok() {
                    self.begin(epoch);
                }
            }
            16 => {
                let frame = Frame::new(self.first.saturating_add(u32::from(bytes.u8())));
                let pushed = self.session.push_checksum(self.at(), frame, u64::from(bytes.u8()));
                let missing = u64::from(frame.get()) >= self.next() || self.peers.iter().any(|peer| peer.lacks(frame));
                assert!(
                    !missing || matches!(pushed, Err(ChecksumError::NotNewer | ChecksumError::NotConfirmed)),
                    "a checksum of frame {frame}: {pushed:?}"
                );
            }
            17 => {
                let (id, index) = self.any(bytes);
                match bytes.below(4) {
                    0 => self.remove(id, index),
                    1 => self.session.handle_transport_closed(self.at(), id),
                    _ => self.session.handle_transport_opened(self.at(), id),
                }
            }
            18 if bytes.flag() => {
                self.session.close(self.at());
                self.closed = true;
            }
            18 => self.session.clear_counters(),
            19 => {
                let (id, _) = self.any(bytes);
                self.session.disconnect_peer(self.at(), id);
            }
            _ => {
                let due = wake(&self.session, self.now);
                let now = if bytes.below(32) == 31 { bytes.u64() } else { bytes.moment(self.now, due) };
                self.session.handle_timeout(at(now));
                // A clock that goes back counts as standing still.
                self.now = self.now.max(now);
            }
        }
    }

    fn remove(&mut self, id: PeerId, index: Option<usize>) {
        let departure = self.session.peer(id).map(PeerRef::departure);
        self.session.remove_peer(self.at(), id);
        let Some(gone) = index.map(|index| self.peers.remove(index)) else { return };
        let end = match departure {
            Some(Departure::Departing { end }) => u64::from(end.get()),
            Some(Departure::Departed { last }) => last.map_or(gone.join, |last| u64::from(last.get()) + 1),
            _ => return,
        };
        if !gone.classic && !self.peers.is_empty() {
            self.gone.push(gone.player);
            self.gone_end = self.gone_end.max(end);
        }
    }

    fn begin(&mut self, epoch: u32) {
        (self.epoch, self.start) = (epoch, self.first);
        self.pushed.clear();
        self.gone.clear();
        self.gone_end = 0;
        let first = u64::from(self.first);
        for peer in &mut self.peers {
            *peer = Seen { next: first, last_frame: None, acked: first, join: first, last: None, ..*peer };
        }
    }

    fn add(&mut self, bytes: &mut Bytes<'_>) {
        let (player, classic, signalled) = (bytes.below(8), bytes.flag(), bytes.flag());
        let from = (player >= 6).then(|| self.next() + u64::from(bytes.u8()) / 4);
        let from = from.map(|from| u32::try_from(from).unwrap_or(u32::MAX));
        let player = u16::from(player % 4);
        let mut config = if classic { PeerConfig::classic(player) } else { PeerConfig::compact(player) };
        if signalled {
            config = config.incarnation(PEER_RUN);
        }
        if let Some(from) = from {
            config = config.from(Frame::new(from));
        }
        let (next, first) = (self.next(), u64::from(self.first));
        let begins = self.pushed.is_empty() && self.peers.iter().all(|peer| Some(peer.join) == from.map(u64::from));
        let late = match from.map(u64::from) {
            None => next.saturating_sub(WINDOW as u64).max(self.start.into()) > first,
            Some(from) => classic || from == u64::from(u32::MAX) || if begins { from < first } else { from <= next },
        };
        let taken = player == 0 || self.peers.iter().any(|peer| peer.player == player);
        let expected = if self.closed {
            Err(AddPeerError::Closed)
        } else if !classic && !self.drawn {
            Err(AddPeerError::NoIncarnation)
        } else if taken {
            Err(AddPeerError::PlayerTaken)
        } else if late {
            Err(AddPeerError::EpochRunning)
        } else if self.peers.iter().any(Seen::has_departed) {
            Err(AddPeerError::Departed)
        } else if !classic && self.gone.contains(&player) && from.is_none_or(|from| u64::from(from) <= self.gone_end) {
            Err(AddPeerError::EpochRunning)
        } else if self.peers.len() == MAX_PEERS {
            Err(AddPeerError::Full)
        } else {
            Ok(PeerId::new(self.added))
        };
        let removed = self.added - u32::try_from(self.peers.len()).expect("few");
        let local_run = LOCAL_RUN + u64::from(removed);
        assert_eq!(self.session.incarnation(), self.drawn.then_some(local_run));
        assert_eq!(self.session.add_peer(self.at(), config), expected);
        if let Ok(id) = expected {
            let join = from.unwrap_or(self.first);
            if from.is_some() && begins {
                self.start = join;
            }
            let last_frame = join.checked_sub(1).filter(|frame| *frame >= self.first).map(Frame::new);
            let join = u64::from(join);
            self.peers.push(Seen {
                id,
                player,
                classic,
                next: join,
                last_frame,
                acked: join,
                join,
                departure: Departure::Present,
                local_run,
                incarnation: PEER_RUN,
                last: None,
            });
            self.added += 1;
        }
    }

    fn push(&mut self, bytes: &mut Bytes<'_>) {
        let many = bytes.u8();
        for round in 0..=many % 8 {
            let input = many.wrapping_add(round / 3);
            let holds = |peer: &&Seen| {
                !peer.classic && !peer.has_departed() && self.next().saturating_sub(peer.acked) >= WINDOW as u64
            };
            let full = self.peers.iter().find(holds);
            let expected = match (u32::try_from(self.next()), full) {
                _ if self.closed => Err(PushError::Closed),
                (Err(_) | Ok(u32::MAX), _) => Err(PushError::FramesExhausted),
                (_, Some(peer)) => Err(PushError::WindowFull(peer.id)),
                (Ok(frame), None) => Ok(Frame::new(frame)),
            };
            assert_eq!(self.session.push_input(self.at(), [input]), expected);
            if expected.is_ok() {
                self.pushed.push(input);
            }
        }
    }

    fn handle(&mut self, bytes: &mut Bytes<'_>) {
        let (id, Some(index)) = self.any(bytes) else {
            let _ = self.session.handle_datagram(self.at(), PeerId::new(self.added), bytes.take(3));
            return;
        };
        let Seen { player, classic, incarnation, local_run, .. } = self.peers[index];
        let latest = self.session.peer(id).and_then(PeerRef::latest_input);
        let join = self.peers[index].join;
        let standing = Standing {
            recv_next: latest.map_or(join, |(frame, _)| u64::from(frame.get()) + 1),
            send_next: self.next().max(join),
        };
        let datagram = if classic {
            draw::classic(bytes, player, standing)
        } else {
            if bytes.below(16) == 15 {
                self.peers[index].incarnation = incarnation + 1;
            }
            let seal = Seal {
                key: self.key,
                short_tags: false,
                session_id: 0,
                sender: (player, self.peers[index].incarnation),
                receiver: (0, local_run),
                epoch: self.epoch,
                input_len: 1,
                window: WINDOW.to_le_bytes()[0],
                first_frame: self.first,
            };
            draw::compact(bytes, &seal, standing)
        };
        let _ = self.session.handle_datagram(self.at(), id, &datagram);
        if datagram.first() == Some(&0x23) {
            // It may have said that this endpoint is out.
            self.closed = self.session.clone().push_input(self.at(), [0]) == Err(PushError::Closed);
        }
    }

    /// Law 2: on the compact wire every frame is delivered once, in order.
    fn poll(&mut self) {
        let peers = &mut self.peers;
        poll(&mut self.session, |event| {
            if let Event::Input { peer, frame, input } = event {
                let seen = peers.iter_mut().find(|seen| seen.id == peer).expect("a peer that exists");
                if !seen.classic {
                    assert_eq!(u64::from(frame.get()), seen.next, "law 2");
                }
                seen.next = u64::from(frame.get()) + 1;
                seen.last = Some((frame, input));
            }
        });
    }

    /// Asserts what holds after every call.
    fn check(&mut self) {
        wake(&self.session, self.now);
        let session = &self.session;
        let next = self.next();
        assert_eq!(u64::from(session.next_frame().get()), next);
        assert_eq!(session.epoch(), Epoch::new(self.epoch));
        assert!(session.peers().eq(self.peers.iter().map(|peer| peer.id)));
        let window = WINDOW as u64;
        let oldest = next.saturating_sub(window).max(self.start.into());
        // Law 7: these frames, and no others.
        for frame in [oldest, next.saturating_sub(1), next, oldest.wrapping_sub(1)] {
            let Ok(number) = u32::try_from(frame) else { continue };
            let there = (oldest..next).contains(&frame);
            let expected = there.then(|| [self.pushed[usize::try_from(frame - u64::from(self.start)).expect("few")]]);
            assert_eq!(session.local_input(Frame::new(number)), expected, "law 7: frame {frame}");
        }
        for seen in &mut self.peers {
            let peer = session.peer(seen.id).expect("a peer that exists");
            let last_frame = peer.last_frame();
            assert!(last_frame >= seen.last_frame, "law 5: from {:?} back to {last_frame:?}", seen.last_frame);
            let departure = peer.departure();
            match (seen.departure, departure) {
                (_, Departure::Present) => assert_eq!(seen.departure, Departure::Present, "nobody comes back"),
                (Departure::Departed { last }, Departure::Departed { last: now }) if seen.last_frame.is_some() => {
                    assert_eq!(now, last, "a departed peer has no more inputs");
                }
                (_, Departure::Departing { end }) => {
                    assert!(end >= Frame::new(self.first) && !seen.classic, "{end}");
                }
                (_, Departure::Departed { last }) if !seen.classic => {
                    let known = last_frame.filter(|frame| u64::from(frame.get()) >= seen.join);
                    assert_eq!(last, known, "the last input that is known");
                }
                _ => {}
            }
            seen.departure = departure;
            seen.last_frame = last_frame;
            if let Some((frame, input)) = seen.last
                && let Some(now) = peer.remote_input(frame)
            {
                assert_eq!(now, input, "frame {frame} was delivered with another input");
            }
            let (stats, unacked) = (peer.stats(), peer.unacked());
            assert_eq!((stats.unacked, u64::from(stats.window)), (unacked, window));
            if !seen.classic {
                if next >= seen.join {
                    let acked = next - u64::from(unacked);
                    assert!(acked >= seen.acked, "law 5: an acknowledgement was taken back");
                    seen.acked = acked;
                }
                assert!(unacked as usize <= WINDOW || seen.has_departed(), "law 7");
                assert_eq!((stats.missing, stats.lost_inputs), (0, 0));
                let owed = last_frame.filter(|frame| u64::from(frame.get()) >= seen.join);
                assert_eq!(owed, peer.latest_input().map(|(frame, _)| frame));
            }
            assert!(u64::from(stats.missing) < window);
            let _ = (peer.pace(), peer.suggested_delay());
        }
        assert!(!session.is_closed() || self.closed);
        assert!(session.next_epoch().is_none_or(|next| !self.closed && next > session.epoch() && next <= Epoch::MAX));
        let playing = self.peers.iter().filter(|seen| !seen.has_departed());
        let confirmed = playing.map(|seen| seen.last_frame).min().flatten();
        assert_eq!(session.confirmed_frame(), confirmed);
        assert!(session.peer(PeerId::new(self.added)).is_none());
    }
}
