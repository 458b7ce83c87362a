//! Sessions in the middle of a game, made once: what a datagram meets.

use inputwire::{Config, Epoch, Frame, PeerConfig, PeerId, Session};

use super::draw::Standing;
use super::seal::Seal;
use super::watch::{at, drain, tell};

pub const PEER: PeerId = PeerId::new(0);
pub const KEY: [u8; 16] = *b"sixteen  letters";
pub const SESSION: u64 = 0x1bad_cafe_f00d_beef;
/// A frame, in microseconds.
const T: u64 = 16_667;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Compact,
    Keyed,
    Classic,
}

/// A session with one peer, and what is needed to speak for the peer.
#[derive(Clone, Debug)]
pub struct Scene<const INPUT: usize, const WINDOW: usize> {
    pub session: Session<1, INPUT, WINDOW>,
    pub now: u64,
    pub wire: Wire,
    pub seal: Seal,
    pub first_frame: u32,
}

impl<const INPUT: usize, const WINDOW: usize> Scene<INPUT, WINDOW> {
    pub fn standing(&self, session: &Session<1, INPUT, WINDOW>) -> Standing {
        let known = session.newest_input(PEER).map(|(frame, _)| u64::from(frame.get()) + 1);
        Standing {
            want: known.unwrap_or(0).max(self.first_frame.into()),
            next: session.next_frame().get().into(),
            first_frame: self.first_frame,
        }
    }
}

/// Two ends of a game over a network without delay.
#[derive(Clone, Debug)]
struct Pair<const INPUT: usize, const WINDOW: usize> {
    ends: [Session<1, INPUT, WINDOW>; 2],
    now: u64,
    wire: Wire,
    first_frame: u32,
}

impl<const INPUT: usize, const WINDOW: usize> Pair<INPUT, WINDOW> {
    fn new(wire: Wire, peer: fn(u16) -> PeerConfig<INPUT>, first_frame: u32) -> Self {
        let end = |player: u16| {
            let mut config = Config::builder().session(SESSION).player(player).first_frame(Frame::new(first_frame));
            config = config.incarnation(20 + u32::from(player));
            if wire == Wire::Keyed {
                config = config.key(KEY);
            }
            let mut session = Session::new(config.build().expect("a configuration"));
            session.add_peer(at(0), peer(1 - player)).expect("room for a peer");
            session
        };
        Self { ends: [end(0), end(1)], now: 0, wire, first_frame }
    }

    /// A frame of both; `heard` says whose datagrams arrive, and `told` whether the first end takes its events.
    fn frame(&mut self, heard: [bool; 2], told: bool) {
        self.now += T;
        for from in [0, 1, 0, 1] {
            let [one, other] = &mut self.ends;
            let (speaker, listener) = if from == 0 { (one, other) } else { (other, one) };
            speaker.handle_timeout(at(self.now));
            drain(speaker, |_, datagram| {
                if heard[from] {
                    let _ = listener.handle_datagram(at(self.now), PEER, datagram);
                }
            });
        }
        if told {
            tell(&mut self.ends[0], |_| {});
        }
        tell(&mut self.ends[1], |_| {});
        for (player, end) in (0_u8..).zip(&mut self.ends) {
            let frame = end.next_frame().get().to_be_bytes()[3];
            // A full window is what some scenes are about.
            let _ = end.push_input(at(self.now), [(frame / 3) ^ player; INPUT]);
        }
    }

    fn frames(&mut self, count: usize, heard: [bool; 2], told: bool) {
        (0..count).for_each(|_| self.frame(heard, told));
    }

    /// The first end as it is now.
    fn scene(&self) -> Scene<INPUT, WINDOW> {
        Scene {
            session: self.ends[0].clone(),
            now: self.now,
            wire: self.wire,
            seal: Seal {
                key: (self.wire == Wire::Keyed).then_some(KEY),
                session: SESSION,
                sender: (1, 21),
                receiver: (0, 20),
                epoch: self.ends[0].epoch().get(),
                input: INPUT.to_le_bytes()[0],
                window: WINDOW.to_le_bytes()[0],
            },
            first_frame: self.first_frame,
        }
    }
}

/// Everything that a session can be in the middle of.
pub fn scenes<const INPUT: usize, const WINDOW: usize>(
    wire: Wire,
    peer: fn(u16) -> PeerConfig<INPUT>,
) -> Vec<Scene<INPUT, WINDOW>> {
    let both = [true, true];
    let mut pair = Pair::new(wire, peer, 0);
    let mut scenes = vec![pair.scene()];
    pair.frames(2, both, true);
    scenes.push(pair.scene());
    pair.frames(40, both, true);
    scenes.push(pair.scene());
    let met = pair.clone();

    // The peer does not hear us, now and then we do not hear it, and the application takes nothing.
    for _ in 0..3 {
        pair.frames(4, [false, false], true);
        pair.frames(1, [false, true], false);
    }
    scenes.push(pair.scene());
    pair.frames(WINDOW, [false, true], false);
    scenes.push(pair.scene());

    let mut pair = met.clone();
    for end in &mut pair.ends {
        end.begin_epoch(at(pair.now), Epoch::new(6)).expect("a newer epoch");
    }
    pair.frames(3, both, true);
    scenes.push(pair.scene());

    let mut ended = met.scene();
    if wire != Wire::Classic {
        ended.seal.sender.1 += 1;
        let hello = ended.seal.hello_of(&ended.seal.hello_body(16_667, 200, 0));
        ended.session.handle_datagram(at(ended.now), PEER, &hello).expect("a restart");
        scenes.push(ended.clone());
    }
    ended.session.leave(at(ended.now));
    scenes.push(ended);

    let mut last = Pair::new(wire, peer, u32::MAX - 12);
    last.frames(10, both, true);
    scenes.push(last.scene());
    scenes
}
