//! Several endpoints in a mesh, with a way from each to each of the others, and the time.

use inputwire::{
    ConfigBuilder, DatagramError, Departure, Event, Frame, Instant, PeerConfig, PeerEvent, PeerId, PushError, Session,
};
use inputwire_sim::rng::Rng;

use super::{MS, SECOND, T, Wire, act, at, drain, events, incarnation};

/// What an endpoint reports besides inputs and health, with players for peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Departing(usize, Option<usize>),
    Departed(usize, Option<u32>),
    Closed(usize),
    Restarted(usize),
    Ahead(usize, u32),
    OutOfSync(usize),
    Dropped(usize),
}

/// The network from one endpoint to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) delay: u64,
    /// Of a thousand datagrams, how many are lost.
    pub(crate) loss: u32,
    pub(crate) cut: bool,
}

/// A word that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) at: u64,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) bytes: Vec<u8>,
}

type Lose = dyn FnMut(usize, usize, &[u8]) -> bool;

/// Inputs, with their frames.
type Inputs<const INPUT_LEN: usize> = Vec<(u32, [u8; INPUT_LEN])>;

/// See the [module](self). Endpoint `n` is player `n`.
pub(crate) struct Gathering<const PEERS: usize = 3, const INPUT_LEN: usize = 1, const WINDOW: usize = 120> {
    pub(crate) wire: Wire,
    /// An endpoint that crashed is gone.
    pub(crate) ends: Vec<Option<Session<PEERS, INPUT_LEN, WINDOW>>>,
    pub(crate) now: u64,
    pub(crate) ways: Vec<Vec<Way>>,
    /// Which datagrams are lost besides.
    pub(crate) lose: Box<Lose>,
    /// Whether each word arrives once more, after the one that follows it.
    pub(crate) twice: bool,
    /// Whose events are not polled.
    pub(crate) unpolled: Vec<bool>,
    pub(crate) news: Vec<Vec<(u64, News)>>,
    /// What each endpoint was delivered of each player.
    pub(crate) inputs: Vec<Vec<Inputs<INPUT_LEN>>>,
    pub(crate) words: Vec<Word>,
    pub(crate) byes: Vec<(usize, usize)>,
    pub(crate) refused: Vec<(usize, DatagramError)>,
    flying: Vec<(u64, usize, usize, Vec<u8>)>,
    rng: Rng,
}

impl<const PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize> Gathering<PEERS, INPUT_LEN, WINDOW> {
    /// So many endpoints that have just started, 20 ms from each other.
    pub(crate) fn new(wire: Wire, count: usize) -> Self {
        Self::of(wire, count, &|settings| settings)
    }

    /// The same with other settings.
    pub(crate) fn of(wire: Wire, count: usize, settings: &dyn Fn(ConfigBuilder) -> ConfigBuilder) -> Self {
        let end = |player: usize| {
            let config = settings(wire.settings(number(player))).build().expect("settings");
            let mut session = Session::new(config);
            for other in (0..count).filter(|other| *other != player) {
                let other = PeerConfig::compact(number(other)).incarnation(incarnation(number(other)));
                session.add_peer(at(0), other).expect("room");
            }
            Some(session)
        };
        Self {
            wire,
            ends: (0..count).map(end).collect(),
            now: 0,
            ways: vec![vec![Way { delay: 20 * MS, loss: 0, cut: false }; count]; count],
            lose: Box::new(|_, _, _| false),
            twice: false,
            unpolled: vec![false; count],
            news: vec![Vec::new(); count],
            inputs: vec![vec![Vec::new(); count]; count],
            words: Vec::new(),
            byes: Vec::new(),
            refused: Vec::new(),
            flying: Vec::new(),
            rng: Rng::new(1),
        }
    }

    /// So many endpoints that have met.
    pub(crate) fn met(wire: Wire, count: usize) -> Self {
        let mut gathering = Self::new(wire, count);
        gathering.run(SECOND);
        gathering
    }

    pub(crate) fn seed(&mut self, seed: u64) {
        self.rng = Rng::new(seed);
    }

    #[track_caller]
    pub(crate) fn end(&mut self, end: usize) -> &mut Session<PEERS, INPUT_LEN, WINDOW> {
        self.ends[end].as_mut().expect("it lives")
    }

    /// The peer of an endpoint with a player number.
    #[track_caller]
    pub(crate) fn id(&self, end: usize, player: usize) -> PeerId {
        let session = self.ends[end].as_ref().expect("it lives");
        session.peer_of(number(player)).expect("a peer")
    }

    #[track_caller]
    pub(crate) fn departure(&self, end: usize, player: usize) -> Departure {
        let session = self.ends[end].as_ref().expect("it lives");
        session.peer(self.id(end, player)).expect("a peer").departure()
    }

    /// An endpoint takes no more of a player.
    pub(crate) fn disconnect(&mut self, end: usize, player: usize) {
        let (now, id) = (at(self.now), self.id(end, player));
        self.end(end).disconnect_peer(now, id);
    }

    pub(crate) fn remove(&mut self, end: usize, player: usize) {
        let (now, id) = (at(self.now), self.id(end, player));
        self.end(end).remove_peer(now, id);
    }

    /// An endpoint adds a player that joins from a frame.
    pub(crate) fn admit(&mut self, end: usize, player: usize, from: u32) {
        let now = at(self.now);
        let peer = PeerConfig::compact(number(player)).from(Frame::new(from));
        self.end(end).add_peer(now, peer).expect("room");
    }

    /// A new run of a player comes, and joins all others from a frame.
    pub(crate) fn join(&mut self, player: usize, run: u64, from: u32) {
        let settings = self.wire.settings(number(player)).incarnation(run);
        self.ends[player] = Some(Session::new(settings.build().expect("settings")));
        self.inputs[player].iter_mut().for_each(Vec::clear);
        for other in (0..self.ends.len()).filter(|other| *other != player) {
            self.admit(player, other, from);
        }
    }

    /// An endpoint is no more; what it has sent still arrives.
    pub(crate) fn crash(&mut self, end: usize) {
        self.ends[end] = None;
    }

    /// Cuts or mends the way from one endpoint to another.
    pub(crate) fn cut(&mut self, from: usize, to: usize, cut: bool) {
        self.ways[from][to].cut = cut;
    }

    pub(crate) fn cut_both(&mut self, one: usize, other: usize, cut: bool) {
        self.cut(one, other, cut);
        self.cut(other, one, cut);
    }

    pub(crate) fn set_loss(&mut self, permille: u32) {
        self.ways.iter_mut().flatten().for_each(|way| way.loss = permille);
    }

    pub(crate) fn set_delay(&mut self, micros: u64) {
        self.ways.iter_mut().flatten().for_each(|way| way.delay = micros);
    }

    pub(crate) fn push(&mut self, end: usize) -> Result<Frame, PushError> {
        let now = at(self.now);
        let session = self.end(end);
        let input = act(end, session.next_frame().get());
        session.push_input(now, input)
    }

    /// All that live play so many frames, and wait where they must.
    pub(crate) fn play(&mut self, frames: u32) {
        for _ in 0..frames {
            for end in 0..self.ends.len() {
                if self.ends[end].is_some() {
                    let _ = self.push(end);
                }
            }
            self.run(T);
        }
    }

    /// Player `leaver` pushes inputs of which each other endpoint gets so many of the first ones, then dies.
    pub(crate) fn die_known(&mut self, leaver: usize, known: &[u32]) {
        self.push_known(leaver, known);
        self.crash(leaver);
        self.flying.retain(|(_, from, ..)| *from != leaver);
        (0..known.len()).for_each(|to| self.cut(leaver, to, false));
    }

    /// The same, and it lives on behind ways that are cut.
    pub(crate) fn push_known(&mut self, leaver: usize, known: &[u32]) {
        for frame in 0..known.iter().copied().max().unwrap_or(0) {
            for (to, known) in known.iter().enumerate() {
                self.cut(leaver, to, *known <= frame);
            }
            self.push(leaver).expect("room");
            self.run(50 * MS);
        }
        (0..known.len()).for_each(|to| self.cut(leaver, to, true));
    }

    /// Hands a datagram over as if it had just arrived.
    pub(crate) fn hand(&mut self, from: usize, to: usize, bytes: &[u8]) -> Result<(), DatagramError> {
        let (now, id) = (at(self.now), self.id(to, from));
        self.end(to).handle_datagram(now, id, bytes)
    }

    /// Carries datagrams and takes events until nothing more happens at this time.
    pub(crate) fn settle(&mut self) {
        for _ in 0..100 {
            for session in self.ends.iter_mut().flatten() {
                session.handle_timeout(at(self.now));
            }
            let arrived: Vec<_> = self.flying.extract_if(.., |(when, ..)| *when <= self.now).collect();
            let mut quiet = arrived.is_empty();
            for (_, from, to, bytes) in arrived {
                let Some(session) = &mut self.ends[to] else { continue };
                let Some(id) = session.peer_of(number(from)) else { continue };
                if let Err(reason) = session.handle_datagram(at(self.now), id, &bytes) {
                    self.refused.push((to, reason));
                }
                // Whoever is not polled still sends at once what is due.
            }
            for end in 0..self.ends.len() {
                quiet &= !self.send(end);
                self.take(end);
            }
            if quiet {
                return;
            }
        }
        panic!("endless activity at one time");
    }

    fn send(&mut self, from: usize) -> bool {
        let Some(session) = &mut self.ends[from] else { return false };
        let sent = drain(session);
        let any = !sent.is_empty();
        for (id, bytes) in sent {
            let to = self.ends[from].as_ref().and_then(|session| session.peer(id)).expect("a peer").player().into();
            if bytes[0] == 0x23 {
                self.words.push(Word { at: self.now, from, to, bytes: bytes.clone() });
            }
            if bytes[0] == 0x21 {
                self.byes.push((from, to));
            }
            let way = self.ways[from][to];
            if way.cut || self.rng.chance(way.loss) || (self.lose)(from, to, &bytes) {
                continue;
            }
            if self.twice && bytes[0] == 0x23 {
                self.flying.push((self.now + way.delay + 2 * T, from, to, bytes.clone()));
            }
            self.flying.push((self.now + way.delay, from, to, bytes));
        }
        any
    }

    fn take(&mut self, end: usize) {
        if self.unpolled[end] {
            return;
        }
        let Some(session) = &mut self.ends[end] else { return };
        let reported = events(session);
        let player = |id: PeerId| usize::from(session.peer(id).expect("a peer").player());
        for event in reported {
            let news = match event {
                Event::Input { peer, frame, input } => {
                    self.inputs[end][player(peer)].push((frame.get(), input));
                    continue;
                }
                Event::Dropped { by } => News::Dropped(player(by)),
                Event::Peer { peer, event } => match event {
                    PeerEvent::Departing { by } => News::Departing(player(peer), by.map(player)),
                    PeerEvent::Departed { last } => News::Departed(player(peer), last.map(Frame::get)),
                    PeerEvent::PeerClosed { .. } => News::Closed(player(peer)),
                    PeerEvent::Restarted => News::Restarted(player(peer)),
                    PeerEvent::EpochAhead { epoch } => News::Ahead(player(peer), epoch.get()),
                    PeerEvent::OutOfSync => News::OutOfSync(player(peer)),
                    _ => continue,
                },
                _ => continue,
            };
            self.news[end].push((self.now, news));
        }
    }

    /// Lets time pass, with everything happening when it is due.
    pub(crate) fn run(&mut self, micros: u64) {
        let until = self.now + micros;
        loop {
            self.settle();
            let wake = self.ends.iter().flatten().filter_map(Session::poll_timeout).map(Instant::as_micros);
            let next = wake.chain(self.flying.iter().map(|(when, ..)| *when)).min().unwrap_or(u64::MAX);
            assert!(next > self.now, "woken in a loop");
            if next > until {
                self.now = until;
                return self.settle();
            }
            self.now = next;
        }
    }

    /// What an endpoint has reported, without the times.
    pub(crate) fn news(&self, end: usize) -> Vec<News> {
        self.news[end].iter().map(|(_, news)| *news).collect()
    }

    /// When an endpoint reported that a player has departed.
    #[track_caller]
    pub(crate) fn departed_at(&self, end: usize, player: usize) -> u64 {
        let is_departed = |news: &News| matches!(news, News::Departed(of, _) if *of == player);
        self.news[end].iter().find(|(_, news)| is_departed(news)).expect("departed").0
    }

    /// Forgets what was reported and sent so far.
    pub(crate) fn forget(&mut self) {
        self.news.iter_mut().for_each(Vec::clear);
        self.words.clear();
        self.byes.clear();
        self.refused.clear();
    }

    /// Words between two endpoints.
    pub(crate) fn words_of(&self, from: usize, to: usize) -> impl Iterator<Item = &Word> {
        self.words.iter().filter(move |word| (word.from, word.to) == (from, to))
    }

    /// Asserts that every one of these endpoints has reported, once, that a player departed with this last input, has been delivered
    /// all up to it, and nothing after; and that nobody has anything left to tell.
    #[track_caller]
    pub(crate) fn assert_departed(&mut self, ends: &[usize], player: usize, last: Option<u32>) {
        for end in ends.iter().copied() {
            let departed =
                self.news(end).into_iter().filter(|news| matches!(news, News::Departed(of, _) if *of == player));
            assert_eq!(departed.collect::<Vec<_>>(), [News::Departed(player, last)], "at {end}: {:?}", self.news(end));
            let expected: Vec<_> =
                (0..last.map_or(0, |last| last + 1)).map(|frame| (frame, act(player, frame))).collect();
            assert_eq!(self.inputs[end][player], expected, "at {end}");
            let last = last.map(Frame::new);
            assert_eq!(self.departure(end, player), Departure::Departed { last });
        }
        self.assert_silent(ends);
    }

    /// Asserts that no more words pass between these endpoints.
    #[track_caller]
    pub(crate) fn assert_silent(&mut self, ends: &[usize]) {
        self.run(SECOND);
        let before = self.words.len();
        self.run(3 * SECOND);
        let between = |word: &&Word| ends.contains(&word.from) && ends.contains(&word.to);
        let told: Vec<_> = self.words[before..].iter().filter(between).collect();
        assert!(told.is_empty(), "{told:?}");
        for end in ends {
            assert!(self.end(*end).departures_settled(), "{end} is not settled");
        }
    }
}

/// A player number.
pub(crate) fn number(player: usize) -> u16 {
    u16::try_from(player).expect("few")
}
