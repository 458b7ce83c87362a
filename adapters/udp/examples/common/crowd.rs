//! Many clients in one thread, each with a socket of its own, behind lines that lose and delay.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant as Moment, SystemTime};

use inputwire::{Instant, MAX_DATAGRAM_SIZE};
use inputwire_sim::rng::Rng;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};

use super::line::{Line, Lines};
use super::player::Player;

/// Who plays behind a line.
#[derive(Debug)]
pub enum End {
    Player(Box<Player>),
    /// Sends as many bytes a frame, without a session.
    Bare {
        size: usize,
        next_us: u64,
        is_known: bool,
    },
}

#[derive(Debug)]
struct Client {
    socket: UdpSocket,
    line: Line,
    rng: Rng,
    end: End,
    /// For when a wake-up is in the heap.
    armed: Option<u64>,
}

/// What happens at a moment.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Wake,
    /// A datagram leaves the line at the server's end, or at the client's.
    Up(Vec<u8>),
    Down(Vec<u8>),
}

/// See the [module](self).
#[derive(Debug)]
pub struct Crowd {
    poll: Poll,
    clients: Vec<Client>,
    heap: BinaryHeap<Reverse<(u64, u64, usize, Due)>>,
    serial: u64,
    clock: Moment,
    /// The system's time at the start of the clock, in microseconds, to compare it with that of another process.
    epoch_us: u64,
    frame_us: u64,
}

/// The system's time in microseconds.
pub fn system_us() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).expect("not in this millennium")
}

impl Crowd {
    pub fn new(
        server: SocketAddr,
        lines: Lines,
        seed: u64,
        first: u16,
        count: usize,
        bare: Option<usize>,
    ) -> io::Result<Self> {
        super::usage::allow_sockets(count);
        let poll = Poll::new()?;
        let mut rng = Rng::new(seed);
        let incarnations = system_us();
        let mut clients = Vec::new();
        for index in 0..count {
            let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let mut socket = UdpSocket::bind(any.parse().expect("an address"))?;
            socket.connect(server)?;
            poll.registry().register(&mut socket, Token(index), Interest::READABLE)?;
            let number = first + u16::try_from(index).expect("fewer clients");
            let seed = rng.next();
            let end = match bare {
                None => {
                    let incarnation = Rng::new(incarnations ^ seed).next();
                    End::Player(Box::new(Player::new(Instant::ORIGIN, number, incarnation, seed)))
                }
                Some(size) => End::Bare { size, next_us: rng.below(16_667), is_known: false },
            };
            let line = lines.of(index, count, &mut rng);
            clients.push(Client { socket, line, rng: Rng::new(rng.next()), end, armed: None });
        }
        let mut crowd = Self {
            poll,
            clients,
            heap: BinaryHeap::new(),
            serial: 0,
            clock: Moment::now(),
            epoch_us: system_us(),
            frame_us: 16_667,
        };
        // They come one after the other, a thousand a second, so that their frames do not begin at the same moment.
        let span = u64::try_from(count).expect("small").max(1_000) * 1_000;
        for index in 0..count {
            let at = rng.below(span);
            crowd.arm(index, at);
        }
        Ok(crowd)
    }

    pub fn players(&self) -> impl Iterator<Item = &Player> {
        self.clients.iter().filter_map(|client| match &client.end {
            End::Player(player) => Some(&**player),
            End::Bare { .. } => None,
        })
    }

    pub fn line(&self, index: usize) -> Line {
        self.clients[index].line
    }

    pub fn now_us(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_micros()).expect("short")
    }

    pub fn epoch_us(&self) -> u64 {
        self.epoch_us
    }

    pub fn close(&mut self) {
        let now = self.now_us();
        for index in 0..self.clients.len() {
            if let End::Player(player) = &mut self.clients[index].end {
                player.close(Instant::from_micros(now));
                self.turn(index, now);
            }
        }
    }

    pub fn is_closed(&self) -> bool {
        self.players().all(Player::is_closed)
    }

    /// Lets everybody play for so long.
    pub fn run(&mut self, time: Duration) -> io::Result<()> {
        let until = self.now_us() + u64::try_from(time.as_micros()).expect("short");
        let mut events = Events::with_capacity(1_024);
        loop {
            let now = self.now_us();
            if now >= until {
                return Ok(());
            }
            self.work(now);
            let next = self.heap.peek().map_or(until, |Reverse((due, ..))| (*due).min(until));
            let wait = Duration::from_micros(next.saturating_sub(self.now_us()));
            // The system rounds up to a millisecond: rather late than in a loop.
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            let now = self.now_us();
            for event in &events {
                self.receive(event.token().0, now);
            }
        }
    }

    /// Does everything that is due.
    fn work(&mut self, now: u64) {
        while let Some(Reverse((at, ..))) = self.heap.peek()
            && *at <= now
            && let Some(Reverse((at, _, index, due))) = self.heap.pop()
        {
            let client = &mut self.clients[index];
            match due {
                Due::Wake if client.armed == Some(at) => {
                    client.armed = None;
                    self.turn(index, now);
                }
                Due::Wake => {}
                Due::Up(datagram) => {
                    let _ = client.socket.send(&datagram);
                }
                Due::Down(datagram) => {
                    if let End::Player(player) = &mut client.end {
                        player.handle_datagram(Instant::from_micros(now), &datagram);
                        self.turn(index, now);
                    }
                }
            }
        }
    }

    fn receive(&mut self, index: usize, now: u64) {
        let mut buf = [0; MAX_DATAGRAM_SIZE + 1];
        loop {
            let client = &mut self.clients[index];
            let Ok(len) = client.socket.recv(&mut buf) else { break };
            if let End::Bare { is_known, .. } = &mut client.end {
                *is_known = true;
            }
            if let Some(at) = client.line.arrival(now, &mut client.rng) {
                self.push(at, index, Due::Down(buf[..len].to_vec()));
            }
        }
    }

    fn turn(&mut self, index: usize, now: u64) {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let client = &mut self.clients[index];
        let mut sent = Vec::new();
        let due = match &mut client.end {
            End::Player(player) => {
                player.turn(Instant::from_micros(now));
                while let Some(datagram) = player.poll_transmit(&mut buf) {
                    sent.push(datagram.to_vec());
                }
                player.due().map(Instant::as_micros)
            }
            End::Bare { size, next_us, is_known } => {
                if *is_known {
                    sent.push(vec![0; *size]);
                } else {
                    let _ = client.socket.send(&[super::bare::JOIN]);
                }
                *next_us = next_us.saturating_add(self.frame_us).max(now);
                Some(*next_us)
            }
        };
        for datagram in sent {
            let client = &mut self.clients[index];
            if let Some(at) = client.line.arrival(now, &mut client.rng) {
                self.push(at, index, Due::Up(datagram));
            }
        }
        if let Some(due) = due {
            self.arm(index, due);
        }
    }

    fn arm(&mut self, index: usize, at: u64) {
        let armed = &mut self.clients[index].armed;
        if armed.is_none_or(|armed| at < armed) {
            *armed = Some(at);
            self.push(at, index, Due::Wake);
        }
    }

    fn push(&mut self, at: u64, index: usize, due: Due) {
        self.serial += 1;
        self.heap.push(Reverse((at, self.serial, index, due)));
    }
}
