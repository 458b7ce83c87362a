//! A server and clients, 10 ms from each other, in virtual time.

use std::collections::HashMap;
use std::net::SocketAddr;

use inputwire::{
    Config, ConfigBuilder, Event, Hello, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, Session,
};
use inputwire_sim::rng::Rng;
use inputwire_udp::{ClientId, Clients, LeaveReason, Limits, Refusal, ServerEvent};

pub(crate) const MS: u64 = 1_000;
pub(crate) const SECOND: u64 = 1_000 * MS;
/// A frame.
const T: u64 = 17 * MS;
const WAY: u64 = 10 * MS;
pub(crate) const SERVER: u16 = 1_000;
pub(crate) const KEY: [u8; 16] = [201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211, 212, 213, 214, 215, 216];
const PEER: PeerId = PeerId::new(0);

pub(crate) fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

pub(crate) fn bare_settings(player: u16) -> ConfigBuilder {
    Config::builder().session_id(3).local_player(player).mesh(false)
}

pub(crate) fn settings(player: u16) -> ConfigBuilder {
    bare_settings(player).key(KEY)
}

/// The first hello of a player.
pub(crate) fn hello(change: impl Fn(ConfigBuilder) -> ConfigBuilder, player: u16) -> Vec<u8> {
    let mut end = End::new(address(1), player, change(settings(player)), 77);
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    end.session.poll_transmit(&mut buf).expect("a hello is due").datagram.to_vec()
}

/// A client's program.
pub(crate) struct End {
    pub(crate) address: SocketAddr,
    player: u16,
    settings: fn(u16) -> ConfigBuilder,
    session: Session<1, 2>,
    is_connected: bool,
    next_push: u64,
    /// Nothing reaches it, and nothing of it arrives; what it sends is recorded all the same.
    pub(crate) is_cut: bool,
    pub(crate) sent: Vec<Vec<u8>>,
    pub(crate) pushed: usize,
    pub(crate) delivered: usize,
    pub(crate) heard_goodbye: bool,
}

impl End {
    fn new(address: SocketAddr, player: u16, settings: ConfigBuilder, run: u64) -> Self {
        let config = settings.incarnation(run + (1 << 40)).build().expect("valid");
        let mut session = Session::new(config);
        session.add_peer(Instant::ORIGIN, PeerConfig::compact(SERVER)).expect("room");
        Self {
            address,
            player,
            settings: self::settings,
            session,
            is_connected: false,
            next_push: 0,
            is_cut: false,
            sent: Vec::new(),
            pushed: 0,
            delivered: 0,
            heard_goodbye: false,
        }
    }
}

/// See the [module](self).
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) server: Clients<2>,
    pub(crate) gate: fn(&Hello<'_>, SocketAddr) -> Option<ConfigBuilder>,
    pub(crate) ends: Vec<End>,
    pub(crate) events: Vec<ServerEvent<2>>,
    /// Where the server has sent to although nobody is there.
    pub(crate) astray: Vec<SocketAddr>,
    pushed: HashMap<ClientId, usize>,
    /// Datagrams: when they arrive, from where, to where; `None` is the server.
    flying: Vec<(u64, SocketAddr, Option<SocketAddr>, Vec<u8>)>,
    next_frame: u64,
    runs: u64,
    moves: u16,
    /// How many of a thousand datagrams are lost, and as many arrive twice; and by how much later they arrive at worst.
    pub(crate) loss: u32,
    pub(crate) jitter: u64,
    pub(crate) rng: Rng,
}

impl World {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            now: SECOND,
            server: Clients::new(limits, [3, 4]),
            gate: |_, _| Some(settings(SERVER)),
            ends: Vec::new(),
            events: Vec::new(),
            astray: Vec::new(),
            pushed: HashMap::new(),
            flying: Vec::new(),
            next_frame: 0,
            runs: 0,
            moves: 0,
            loss: 0,
            jitter: 0,
            rng: Rng::new(5),
        }
    }

    pub(crate) fn at(&self) -> Instant {
        Instant::from_micros(self.now)
    }

    /// A client comes, at an address of its own. Returns which one it is.
    pub(crate) fn join(&mut self, player: u16) -> usize {
        self.join_with(player, settings)
    }

    pub(crate) fn join_with(&mut self, player: u16, settings: fn(u16) -> ConfigBuilder) -> usize {
        self.runs += 1;
        let port = 2_000 + u16::try_from(self.ends.len()).expect("few");
        let end = End::new(address(port), player, settings(player), self.runs);
        self.ends.push(End { settings, ..end });
        self.ends.len() - 1
    }

    /// A client's program is killed, and started at the same address.
    pub(crate) fn restart(&mut self, end: usize) {
        self.runs += 1;
        let End { address, player, settings, .. } = self.ends[end];
        self.ends[end] = End { settings, ..End::new(address, player, settings(player), self.runs) };
    }

    /// A client's address changes.
    pub(crate) fn move_end(&mut self, end: usize) {
        self.moves += 1;
        self.ends[end].address = address(3_000 + self.moves);
    }

    /// Whether a client of the server is where this program is, and its player.
    pub(crate) fn is_served(&self, end: usize) -> bool {
        let End { address, player, .. } = &self.ends[end];
        let is_it =
            |client: ClientId| self.server.address(client) == Some(*address) && self.player_of(client) == *player;
        self.server.clients().any(is_it)
    }

    #[track_caller]
    pub(crate) fn assert_one_client_a_player(&self) {
        let mut players: Vec<u16> = self.server.clients().map(|client| self.player_of(client)).collect();
        let mut homes: Vec<_> = self.server.clients().filter_map(|client| self.server.address(client)).collect();
        let count = players.len();
        assert_eq!((homes.len(), self.server.len()), (count, count));
        players.sort_unstable();
        players.dedup();
        homes.sort_unstable();
        homes.dedup();
        assert_eq!((players.len(), homes.len()), (count, count));
    }

    pub(crate) fn left_count(&self) -> u64 {
        let left = self.events.iter().filter(|event| matches!(event, ServerEvent::Left { .. }));
        u64::try_from(left.count()).expect("few")
    }

    pub(crate) fn close_end(&mut self, end: usize) {
        let now = self.at();
        self.ends[end].session.close(now);
    }

    pub(crate) fn close(&mut self) {
        let now = self.at();
        self.server.close(now);
    }

    /// The server gets a datagram at once.
    pub(crate) fn handle(&mut self, from: SocketAddr, datagram: &[u8]) -> Result<(), Refusal> {
        let now = self.at();
        self.server.handle_datagram(now, from, datagram, &mut self.gate)
    }

    /// Bytes that are of no use: noise, or something that looks like inputs.
    pub(crate) fn junk(&mut self) -> Vec<u8> {
        let len = self.rng.between(0, 60);
        let mut bytes: Vec<u8> = (0..len).map(|_| self.rng.next().to_le_bytes()[0]).collect();
        if let (Some(first), true) = (bytes.first_mut(), self.rng.one_in(2)) {
            *first = 0x80;
        }
        bytes
    }

    /// The latest client that has joined from where a program is or was.
    #[track_caller]
    pub(crate) fn client(&self, end: usize) -> ClientId {
        let port = 2_000 + u16::try_from(end).expect("few");
        let joined = self.events.iter().rev().find_map(|event| match event {
            ServerEvent::Joined { client, address, .. } if *address == self::address(port) => Some(*client),
            _ => None,
        });
        joined.expect("it has joined")
    }

    /// How many events there were of clients that joined from where a program is.
    pub(crate) fn events_of(&self, end: usize) -> usize {
        let home = self.ends[end].address;
        let is_joined =
            |event: &&ServerEvent<2>| matches!(event, ServerEvent::Joined { address, .. } if *address == home);
        self.events.iter().filter(is_joined).count()
    }

    pub(crate) fn player_of(&self, client: ClientId) -> u16 {
        self.server.peer(client).expect("it is here").player()
    }

    pub(crate) fn left(&self, client: ClientId) -> Option<LeaveReason> {
        self.events.iter().find_map(|event| match event {
            ServerEvent::Left { client: left, reason, .. } if *left == client => Some(*reason),
            _ => None,
        })
    }

    /// How many inputs of a client were delivered; each once, in order.
    #[track_caller]
    pub(crate) fn delivered(&self, client: ClientId) -> usize {
        let inputs = self.events.iter().filter_map(|event| match event {
            ServerEvent::Session { client: of, event: Event::Input { frame, input, .. } } if *of == client => {
                Some((frame.get(), *input))
            }
            _ => None,
        });
        let expected = (0..).map(|frame| (frame, input(frame)));
        let inputs: Vec<_> = inputs.collect();
        assert!(expected.take(inputs.len()).eq(inputs.iter().copied()), "{inputs:?}");
        inputs.len()
    }

    /// How many inputs the server has pushed to a client.
    pub(crate) fn pushed_to(&self, end: usize) -> usize {
        self.pushed.get(&self.client(end)).copied().unwrap_or(0)
    }

    /// Lets time pass, in steps of a millisecond.
    pub(crate) fn run(&mut self, micros: u64) {
        let until = self.now + micros;
        while self.now < until {
            self.now += MS;
            self.step();
        }
    }

    fn step(&mut self) {
        let (now, at) = (self.now, self.at());
        for (_, from, to, datagram) in self.flying.extract_if(.., |(due, ..)| *due <= now).collect::<Vec<_>>() {
            match to {
                None => drop(self.handle(from, &datagram).is_ok()),
                Some(to) => match self.ends.iter_mut().find(|end| end.address == to) {
                    Some(end) if !end.is_cut => drop(end.session.handle_datagram(at, PEER, &datagram).is_ok()),
                    Some(_) => {}
                    // An address that a client has left may still be sent to.
                    None if (2_000..4_000).contains(&to.port()) || to.port() == 667 => {}
                    None => self.astray.push(to),
                },
            }
        }
        self.server.handle_timeout(at);
        if now >= self.next_frame {
            self.next_frame = now + T;
            for client in self.server.clients().collect::<Vec<_>>() {
                let count = self.pushed.entry(client).or_insert(0);
                *count += usize::from(self.server.push_input(at, client, [7; 2]).is_ok());
            }
        }
        while let Some(event) = self.server.poll_event() {
            self.events.push(event);
        }
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Some((to, datagram)) = self.server.poll_transmit(&mut buf) {
            self.fly(to, Some(to), datagram);
        }
        assert!(!self.server.is_pending());
        assert!(self.server.poll_timeout().is_none_or(|due| due > at), "it would be woken in a loop");
        for index in 0..self.ends.len() {
            self.ends[index].step(now);
            while let Some(transmit) = self.ends[index].session.poll_transmit(&mut buf) {
                let datagram = transmit.datagram.to_vec();
                let end = &mut self.ends[index];
                end.sent.push(datagram.clone());
                if !end.is_cut {
                    let from = end.address;
                    self.fly(from, None, &datagram);
                }
            }
        }
    }

    /// Sends a datagram on its way.
    fn fly(&mut self, from: SocketAddr, to: Option<SocketAddr>, datagram: &[u8]) {
        for _ in 0..=u32::from(self.rng.chance(self.loss)) {
            let due = self.now + WAY + self.rng.below(self.jitter + 1);
            if !self.rng.chance(self.loss) {
                self.flying.push((due, from, to, datagram.to_vec()));
            }
        }
    }

    pub(crate) fn is_closed(&self, end: usize) -> bool {
        self.ends[end].session.is_closed() || self.ends[end].heard_goodbye
    }
}

impl End {
    fn step(&mut self, now: u64) {
        let at = Instant::from_micros(now);
        self.session.handle_timeout(at);
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Input { .. } => self.delivered += 1,
                Event::Peer { event: PeerEvent::Connected, .. } => self.is_connected = true,
                Event::Peer { event: PeerEvent::PeerClosed { .. }, .. } => self.heard_goodbye = true,
                _ => {}
            }
        }
        if self.is_connected && now >= self.next_push {
            self.next_push = now + T;
            let next = self.session.next_frame().get();
            self.pushed += usize::from(self.session.push_input(at, input(next)).is_ok());
        }
    }
}

/// The input of a client in a frame.
fn input(frame: u32) -> [u8; 2] {
    let [a, b, ..] = frame.to_le_bytes();
    [a, b]
}
