//! Sessions in the middle of a game, made once, to receive the datagrams of a fuzzer.

use inputwire::{Config, Epoch, Frame, PeerConfig, PeerId, PeerRef, Session};

use super::draw::Standing;
use super::seal::{Greeting, Seal};
use super::watch::{at, drain, poll};

pub const PEER: PeerId = PeerId::new(0);
pub const KEY: [u8; 16] = *b"sixteen  letters";
pub const SESSION_ID: u64 = 0x1bad_cafe_f00d_beef;
/// A frame, in microseconds.
const T: u64 = 16_667;
/// A silence after which a peer may be another run, and more.
const SILENCE: u64 = 800_000;

/// The incarnation of a player.
fn incarnation(player: u16) -> u64 {
    0x5eed_0000_0020 + u64::from(player)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Compact,
    Keyed,
    Classic,
}

/// A session with one peer, and what is needed to make datagrams of that peer.
#[derive(Clone, Debug)]
pub struct Scene<const INPUT_LEN: usize, const WINDOW: usize> {
    pub session: Session<1, INPUT_LEN, WINDOW>,
    pub now: u64,
    pub wire: Wire,
    pub seal: Seal,
    pub first_frame: u32,
}

impl<const INPUT_LEN: usize, const WINDOW: usize> Scene<INPUT_LEN, WINDOW> {
    pub fn standing(&self, session: &Session<1, INPUT_LEN, WINDOW>) -> Standing {
        let latest = session.peer(PEER).and_then(PeerRef::latest_input);
        Standing {
            recv_next: latest.map_or(0, |(frame, _)| u64::from(frame.get()) + 1).max(self.first_frame.into()),
            send_next: session.next_frame().get().into(),
        }
    }
}

/// Two endpoints of a game over a network without delay.
#[derive(Clone, Debug)]
struct Pair<const INPUT_LEN: usize, const WINDOW: usize> {
    sessions: [Session<1, INPUT_LEN, WINDOW>; 2],
    now: u64,
    wire: Wire,
    first_frame: u32,
}

impl<const INPUT_LEN: usize, const WINDOW: usize> Pair<INPUT_LEN, WINDOW> {
    fn new(wire: Wire, peer: fn(u16) -> PeerConfig<INPUT_LEN>, first_frame: u32) -> Self {
        let session = |player: u16| {
            let mut config = Config::builder().session_id(SESSION_ID).local_player(player);
            config = config.first_frame(Frame::new(first_frame)).incarnation(incarnation(player));
            if wire == Wire::Keyed {
                config = config.key(KEY);
            }
            let mut session = Session::new(config.build().expect("a configuration"));
            session.add_peer(at(0), peer(1 - player)).expect("room for a peer");
            session
        };
        Self { sessions: [session(0), session(1)], now: 0, wire, first_frame }
    }

    /// Plays a frame of both; `arrives` says whose datagrams arrive, `polled` whether the first session's events are polled.
    fn frame(&mut self, arrives: [bool; 2], polled: bool) {
        self.now += T;
        for from in [0, 1, 0, 1] {
            let [one, other] = &mut self.sessions;
            let (sender, receiver) = if from == 0 { (one, other) } else { (other, one) };
            sender.handle_timeout(at(self.now));
            drain(sender, |_, datagram| {
                if arrives[from] {
                    let _ = receiver.handle_datagram(at(self.now), PEER, datagram);
                }
            });
        }
        if polled {
            poll(&mut self.sessions[0], |_| {});
        }
        poll(&mut self.sessions[1], |_| {});
        for (player, session) in (0_u8..).zip(&mut self.sessions) {
            let frame = session.next_frame().get().to_be_bytes()[3];
            // Some scenes need a full window.
            let _ = session.push_input(at(self.now), [(frame / 3) ^ player; INPUT_LEN]);
        }
    }

    fn frames(&mut self, count: usize, arrives: [bool; 2], polled: bool) {
        (0..count).for_each(|_| self.frame(arrives, polled));
    }

    /// The first session as it is now.
    fn scene(&self) -> Scene<INPUT_LEN, WINDOW> {
        Scene {
            session: self.sessions[0].clone(),
            now: self.now,
            wire: self.wire,
            seal: Seal {
                key: (self.wire == Wire::Keyed).then_some(KEY),
                short_tags: false,
                session_id: SESSION_ID,
                sender: (1, incarnation(1)),
                receiver: (0, incarnation(0)),
                epoch: self.sessions[0].epoch().get(),
                input_len: INPUT_LEN.to_le_bytes()[0],
                window: WINDOW.to_le_bytes()[0],
                first_frame: self.first_frame,
            },
            first_frame: self.first_frame,
        }
    }
}

/// A session in every kind of situation.
pub fn scenes<const INPUT_LEN: usize, const WINDOW: usize>(
    wire: Wire,
    peer: fn(u16) -> PeerConfig<INPUT_LEN>,
) -> Vec<Scene<INPUT_LEN, WINDOW>> {
    let both = [true, true];
    let mut pair = Pair::new(wire, peer, 0);
    let mut scenes = vec![pair.scene()];
    pair.frames(2, both, true);
    scenes.push(pair.scene());
    pair.frames(40, both, true);
    scenes.push(pair.scene());
    let met = pair.clone();

    // The peer receives nothing, the session misses some of the peer's datagrams, and events are not always polled.
    for _ in 0..3 {
        pair.frames(4, [false, false], true);
        pair.frames(1, [false, true], false);
    }
    scenes.push(pair.scene());
    pair.frames(WINDOW, [false, true], false);
    scenes.push(pair.scene());

    let mut pair = met.clone();
    for session in &mut pair.sessions {
        session.begin_epoch(at(pair.now), Epoch::new(6)).expect("a newer epoch");
    }
    pair.frames(3, both, true);
    scenes.push(pair.scene());

    let mut ended = met.scene();
    if wire != Wire::Classic {
        // The peer is silent for long, and another run of it answers a hello: inputs stop until the next epoch.
        ended.now += SILENCE;
        ended.seal.sender.1 += 1;
        ended.session.handle_timeout(at(ended.now));
        let mut number = 0;
        drain(&mut ended.session, |_, datagram| {
            if let [0x20, rest @ ..] = datagram {
                number = rest
                    .get(ended.seal.len() + 31..)
                    .map_or(0, |rest| u32::from_be_bytes(rest[..4].try_into().expect("four")));
            }
        });
        let greeting = Greeting { named: incarnation(0), answered: number, ..Greeting::FIRST };
        let hello = ended.seal.hello_of(&ended.seal.hello_body(16_667, 200, greeting));
        ended.session.handle_datagram(at(ended.now), PEER, &hello).expect("a restart");
        scenes.push(ended.clone());
    }
    ended.session.close(at(ended.now));
    scenes.push(ended);

    let mut last = Pair::new(wire, peer, u32::MAX - 12);
    last.frames(10, both, true);
    scenes.push(last.scene());
    scenes
}
