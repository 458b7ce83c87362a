//! A session and two twins, one that is spared refused datagrams and one that receives every accepted one twice. All three
//! send and report the same: laws 3, 4 and 11.

use inputwire::{Config, Epoch, Event, Frame, PeerConfig, PeerId, PeerRef, Session};

use super::bytes::Bytes;
use super::watch::{at, drain, may_be_reported, poll, same, wake};

const PEER: PeerId = PeerId::new(0);

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    match bytes.below(4) {
        0 => game::<1, 120>(bytes, PeerConfig::compact),
        1 => game::<1, 120>(bytes, PeerConfig::classic),
        2 => game::<4, 3>(bytes, PeerConfig::compact),
        _ => game::<1, 2>(bytes, PeerConfig::classic),
    }
}

fn session<const INPUT_LEN: usize, const WINDOW: usize>(
    player: u16,
    keyed: bool,
    first: u32,
    peer: fn(u16) -> PeerConfig<INPUT_LEN>,
) -> Session<1, INPUT_LEN, WINDOW> {
    let mut config = Config::builder().local_player(player).first_frame(Frame::new(first)).early_copies(true);
    config = config.incarnation(0x5eed_0000_0020 + u64::from(player));
    if keyed {
        config = config.key([9; 16]);
    }
    let mut session = Session::new(config.build().expect("a configuration"));
    session.add_peer(at(0), peer(1 - player)).expect("room for a peer");
    session
}

/// The session, the twin that is spared refused datagrams, and the one that receives everything twice.
struct Twins<const INPUT_LEN: usize, const WINDOW: usize>([Session<1, INPUT_LEN, WINDOW>; 3]);

impl<const INPUT_LEN: usize, const WINDOW: usize> Twins<INPUT_LEN, WINDOW> {
    fn each<R: PartialEq + std::fmt::Debug>(&mut self, act: impl Fn(&mut Session<1, INPUT_LEN, WINDOW>) -> R) -> R {
        let [one, other, third] = self.0.each_mut().map(act);
        assert_eq!(one, other, "law 3: a refused datagram changed what follows");
        assert_eq!(one, third, "law 4: a repeated datagram changed what follows");
        one
    }

    /// Everything that is due to be sent: the same of all three.
    fn drain(&mut self, tag_len: usize) -> Vec<Vec<u8>> {
        let [one, spared, twice] = self.0.each_mut().map(|session| {
            let mut datagrams = Vec::new();
            drain(session, |_, datagram| datagrams.push(datagram.to_vec()));
            datagrams
        });
        assert_eq!(one, spared, "law 3: a refused datagram changed what is sent");
        let known = |sent: &[Vec<u8>]| sent.iter().map(|datagram| without_loss(datagram, tag_len)).collect::<Vec<_>>();
        assert_eq!(known(&one), known(&twice), "law 4: a repeated datagram changed what is sent");
        one
    }

    fn handle(&mut self, now: u64, datagram: &[u8]) {
        let [one, spared, twice] = &mut self.0;
        let outcome = one.handle_datagram(at(now), PEER, datagram);
        assert_eq!(outcome, twice.handle_datagram(at(now), PEER, datagram), "law 11");
        match outcome {
            Ok(()) => {
                assert_eq!(spared.handle_datagram(at(now), PEER, datagram), Ok(()));
                let _ = twice.handle_datagram(at(now), PEER, datagram);
            }
            Err(reason) => {
                spared.handle_timeout(at(now));
                if may_be_reported(reason, datagram, spared.peer(PEER)) {
                    let _ = spared.handle_datagram(at(now), PEER, datagram);
                }
            }
        }
    }
}

fn game<const INPUT_LEN: usize, const WINDOW: usize>(mut bytes: Bytes<'_>, peer: fn(u16) -> PeerConfig<INPUT_LEN>) {
    let settings = bytes.u8();
    let first = if settings & 2 == 0 { 0 } else { u32::MAX - 9 };
    let local = session::<INPUT_LEN, WINDOW>(0, settings & 1 == 1, first, peer);
    let mut twins = Twins([local.clone(), local.clone(), local]);
    let mut other = session::<INPUT_LEN, WINDOW>(1, settings & 1 == 1, first, peer);
    let mut sent: Vec<Vec<u8>> = Vec::new();
    let tag_len = if settings & 1 == 1 { 8 } else { 2 };
    let (mut now, mut input) = (0, [0; INPUT_LEN]);

    for _ in 0..48 {
        if bytes.is_empty() {
            break;
        }
        match bytes.below(16) {
            0 => {
                input = bytes.input(input);
                let _ = twins.each(|session| session.push_input(at(now), input));
            }
            1 | 2 => {
                input = bytes.input(input);
                let _ = other.push_input(at(now), input);
            }
            3 | 4 => {
                other.handle_timeout(at(now));
                drain(&mut other, |_, datagram| sent.push(datagram.to_vec()));
                poll(&mut other, |_| {});
            }
            5 | 6 => {
                for datagram in twins.drain(tag_len) {
                    let _ = other.handle_datagram(at(now), PEER, &datagram);
                }
            }
            7 | 8 => {
                twins.each(|session| {
                    let mut reported: Vec<Event<INPUT_LEN>> = Vec::new();
                    poll(session, |event| reported.push(event));
                    reported
                });
            }
            9 | 10 => {
                // Any datagram ever sent may arrive, any number of times.
                let back = usize::from(bytes.u8());
                if let Some(datagram) = sent.iter().rev().nth(back % sent.len().max(1)) {
                    twins.handle(now, &datagram.clone());
                }
            }
            11 => {
                let mut datagram = sent.last().cloned().unwrap_or_default();
                let (place, change) = (usize::from(bytes.u8()), bytes.u8());
                match datagram.len() {
                    length if change == 0 => datagram.truncate(place % (length + 1)),
                    0 => datagram.push(change),
                    length => datagram[place % length] ^= change,
                }
                twins.handle(now, &datagram);
            }
            12 => match bytes.below(8) {
                0 => twins.each(|session| session.handle_transport_closed(at(now), PEER)),
                1 => twins.each(|session| session.close(at(now))),
                2 => twins.each(|session| session.handle_transport_opened(at(now), PEER)),
                3 if bytes.below(4) == 0 => twins.each(|session| session.disconnect_peer(at(now), PEER)),
                3 => other.disconnect_peer(at(now), PEER),
                4 | 5 => {
                    let (epoch, both) = (u32::from(bytes.below(6)), bytes.flag());
                    let _ = twins.each(|session| session.begin_epoch(at(now), Epoch::new(epoch)));
                    if both {
                        let _ = other.begin_epoch(at(now), Epoch::new(epoch));
                    }
                }
                _ => {
                    let (frame, hash) =
                        (Frame::new(first.saturating_add(u32::from(bytes.u8()))), u64::from(bytes.u8()));
                    let _ = twins.each(|session| session.push_checksum(at(now), frame, hash));
                    let _ = other.push_checksum(at(now), frame, u64::from(bytes.u8()));
                }
            },
            _ => {
                let due = twins.each(|session| wake(session, now));
                now = now.max(bytes.moment(now, due));
                twins.each(|session| session.handle_timeout(at(now)));
                twins.each(|session| {
                    let peer = session.peer(PEER);
                    (session.confirmed_frame(), peer.and_then(PeerRef::last_frame), peer.map(PeerRef::unacked))
                });
            }
        }
    }
    let [one, spared, twice] = &mut twins.0;
    assert!(same(one, spared), "law 3: a refused datagram left a trace");
    assert!(same(one, twice), "law 4: a repeated datagram left a trace");
}

/// A datagram without what it tells of loss, and without the tag, which covers that: a repeated datagram counts as one that
/// arrived.
fn without_loss(datagram: &[u8], tag_len: usize) -> Vec<u8> {
    let mut datagram = datagram.to_vec();
    let count = usize::from(datagram.first().is_some_and(|first| first & 15 == 15));
    if datagram.first().is_some_and(|first| first & 0xc0 == 0xc0)
        && let Some(lost) = datagram.get_mut(3 + tag_len + count + 6)
    {
        *lost = 0;
        datagram[3..3 + tag_len].fill(0);
    }
    datagram
}
