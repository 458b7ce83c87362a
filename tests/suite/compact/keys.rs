//! What a key buys: whole and half tags, and a key of a pair (PROTOCOL 3.5).

use inputwire::DatagramError::*;
use inputwire::{Config, ConfigBuilder, Event, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, Session};
use inputwire_sim::rng::Rng;

use crate::support::forge::Seal;
use crate::support::{
    KEY, PEER, Pair, SECOND, SESSION_ID, T, Wire, at, byte, endpoint, events, frame, frames, incarnation, refuse,
};

/// The key that only players 0 and 1 have.
const OF_THE_PAIR: [u8; 16] = *b"of two of us all";

/// A pair that is connected, with these settings.
fn met(settings: impl Fn(u16) -> ConfigBuilder, key: Option<[u8; 16]>) -> Pair {
    let session = |player: u16| {
        let peer = PeerConfig::compact(1 - player);
        endpoint::<1, 120>(settings(player), key.map_or(peer, |key| peer.key(key)))
    };
    let mut pair = Pair::new(session(0), session(1));
    pair.run(3 * SECOND);
    pair
}

/// The sizes of the datagrams of a kind that an endpoint sent, without inputs or entries.
fn sizes(pair: &Pair, kind: u8) -> Vec<usize> {
    let mut sizes: Vec<_> =
        pair.sent[0].iter().filter(|(_, sent)| sent[0] & 0xcf == kind).map(|(_, sent)| sent.len()).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

#[test]
fn inputs_and_checksums_carry_2_4_or_8_bytes_of_tag_and_hellos_and_byes_2_or_8() {
    for (wire, short, input_tag, tag) in [
        (Wire::Compact, false, 2, 2),
        (Wire::Compact, true, 2, 2),
        (Wire::Keyed, false, 8, 8),
        (Wire::Keyed, true, 4, 8),
    ] {
        let mut pair = met(|player| wire.settings(player).short_tags(short), None);
        assert_eq!(sizes(&pair, 0x80), [3 + input_tag], "an idle datagram");
        assert_eq!(sizes(&pair, 0xc0), [3 + input_tag + 8], "with a timing block");
        pair.play(20);
        pair.sessions[0].push_checksum(at(pair.now), frame(10), 7).expect("the first one");
        pair.run(SECOND);
        pair.assert_delivered(0, 20);
        pair.assert_delivered(1, 20);
        pair.sessions[0].close(at(pair.now));
        pair.run(SECOND);
        let len = |kind: u8| pair.sent[0].iter().find(|(_, sent)| sent[0] == kind).expect("sent").1.len();
        assert_eq!((len(0x20), len(0x21), len(0x22)), (48 + tag, 17 + tag, 1 + input_tag + 4 + 12));
        assert!(pair.refused.iter().all(Vec::is_empty), "{:?}", pair.refused);
    }
}

#[test]
fn a_half_tag_is_the_first_half_of_a_code_of_its_own() {
    let pair = met(|player| Wire::Keyed.settings(player).short_tags(true), None);
    let whole = Seal::new(Wire::Keyed, 1, 0);
    let short = Seal { short: true, ..whole };
    let mut session = pair.sessions[0].clone();
    assert_eq!(session.handle_datagram(at(pair.now), PEER, &short.inputs(1, 1, 0, &[])), Ok(()));
    assert_eq!(frames(&events(&mut session)), [0]);
    // The size of the tag is covered by it: half of a whole one is no short one.
    let inputs = whole.inputs(1, 1, 0, &[]);
    let halved = [&inputs[..7], &inputs[11..]].concat();
    refuse(&pair.sessions[0], pair.now, PEER, &halved, BadTag);
    refuse(&pair.sessions[0], pair.now, PEER, &inputs, BadTag);
}

/// How many of so many forged inputs pass, each of which is right except for its tag: all tags of 2 bytes, or random ones.
fn passed_of_65536(wire: Wire, short: bool) -> usize {
    let mut pair = met(|player| wire.settings(player).short_tags(short), None);
    pair.play(40);
    let mut rng = Rng::new(7);
    let len = if short && wire == Wire::Keyed { 4 } else { wire.tag_len() };
    let forged = (0..=u16::MAX).map(|number| {
        let random: Vec<_> = (0..len).map(|_| byte(&mut rng)).collect();
        let tag = if len == 2 { number.to_be_bytes().to_vec() } else { random };
        [&[0x81, 41, 40][..], &tag, &[0b11]].concat()
    });
    forged.filter(|forged| pair.sessions[0].clone().handle_datagram(at(pair.now), PEER, forged).is_ok()).count()
}

#[test]
fn of_65536_forged_inputs_one_passes_without_a_key_and_none_with_one() {
    assert_eq!(passed_of_65536(Wire::Compact, false), 1);
    assert_eq!(passed_of_65536(Wire::Keyed, true), 0);
    assert_eq!(passed_of_65536(Wire::Keyed, false), 0);
}

#[test]
fn nothing_that_is_changed_on_its_way_passes_with_a_key_whole_or_half() {
    for short in [false, true] {
        let mut pair = met(|player| Wire::Keyed.settings(player).short_tags(short), None);
        pair.play(40);
        let mut rng = Rng::new(7);
        let mut session = pair.sessions[0].clone();
        for _ in 0..100_000 {
            let (_, mut datagram) = pair.sent[1][rng.index(pair.sent[1].len())].clone();
            for _ in 0..=rng.index(3) {
                let place = rng.index(datagram.len());
                datagram[place] = byte(&mut rng);
            }
            if !pair.sent[1].iter().any(|(_, sent)| *sent == datagram) {
                assert!(session.handle_datagram(at(pair.now), PEER, &datagram).is_err(), "{datagram:02x?}");
            }
        }
    }
}

#[test]
fn a_key_of_the_pair_takes_the_place_of_the_sessions_key() {
    for of_all in [None, Some(KEY)] {
        let settings = |player: u16| {
            let settings = Wire::Compact.settings(player);
            of_all.map_or(settings, |key| settings.key(key))
        };
        let mut pair = met(settings, Some(OF_THE_PAIR));
        pair.play(10);
        pair.assert_delivered(0, 10);
        let seal = Seal { key: Some(OF_THE_PAIR), ..Seal::new(Wire::Compact, 1, 0) };
        let mut session = pair.sessions[0].clone();
        assert_eq!(session.handle_datagram(at(pair.now), PEER, &seal.inputs(1, 11, 10, &[])), Ok(()));
        for key in [None, Some(KEY), Some([0; 16])] {
            let seal = Seal { key, ..seal };
            for datagram in [seal.inputs(1, 11, 10, &[]), seal.playing(1_000, 1).hello(), seal.bye(10)] {
                assert!(pair.sessions[0].clone().handle_datagram(at(pair.now), PEER, &datagram).is_err());
            }
        }
    }
}

/// A session of three players, whose links have these keys besides the one of all.
fn player(number: u16, keys: [Option<[u8; 16]>; 3]) -> Session<2, 1> {
    let config =
        Config::builder().session_id(SESSION_ID).local_player(number).incarnation(incarnation(number)).key(KEY);
    let mut session = Session::new(config.build().expect("valid"));
    for other in (0..3).filter(|other| *other != number) {
        let peer = PeerConfig::compact(other);
        let key = keys[usize::from(other)];
        session.add_peer(at(0), key.map_or(peer, |key| peer.key(key))).expect("room");
    }
    session
}

#[test]
fn an_insider_with_the_key_of_all_can_do_nothing_to_a_link_with_a_key_of_its_own() {
    let other_pair = Some([7; 16]);
    let mut players = [
        player(0, [None, Some(OF_THE_PAIR), other_pair]),
        player(1, [Some(OF_THE_PAIR), None, None]),
        player(2, [other_pair, None, None]),
    ];
    // Who sends to whom: each player has the others in the order of their numbers.
    let id = |to: usize, from: usize| PeerId::new(u32::from(from > usize::from(to == 0)));
    assert_eq!((id(0, 1), id(0, 2), id(1, 0), id(1, 2), id(2, 0), id(2, 1)), {
        let [first, second] = [0, 1].map(PeerId::new);
        (first, second, first, second, first, second)
    });
    let mut recorded: Vec<(usize, usize, Vec<u8>)> = Vec::new();
    let mut told: [Vec<Event<1>>; 3] = Default::default();
    let mut rng = Rng::new(3);
    for step in 0..400_u64 {
        let now = at(step * T);
        let mut sent = Vec::new();
        for (from, session) in players.iter_mut().enumerate() {
            let _ = session.push_input(now, [u8::try_from(step % 200).expect("a byte")]);
            let mut buf = [0; MAX_DATAGRAM_SIZE];
            while let Some(transmit) = session.poll_transmit(&mut buf) {
                let to = (0..3).find(|to| *to != from && id(from, *to) == transmit.peer).expect("a player");
                sent.push((from, to, transmit.datagram.to_vec()));
            }
        }
        for (from, to, datagram) in &sent {
            let _ = players[*to].handle_datagram(now, id(*to, *from), datagram);
        }
        recorded.extend(sent);
        // Player 2 hears everything, and says to 0 and 1 what it can make of it with its keys.
        for (to, as_player) in [(0_u16, 1_u16), (1, 0)] {
            let at_link = id(to.into(), as_player.into());
            let insider = Seal { key: Some(KEY), ..Seal::new(Wire::Keyed, as_player, to) };
            let other_key = Seal { key: other_pair, ..insider };
            let run = Seal { sender: (as_player, rng.below(u64::MAX)), ..insider };
            for seal in [insider, other_key, run] {
                let next = u32::try_from(step).expect("few");
                let forged = [
                    seal.inputs(1, next + 1, next, &[3]),
                    seal.playing(1_000 + next, 1_000).hello(),
                    Seal { window: 8, ..seal }.playing(1_000, 1_000).hello(),
                    Seal { epoch: 5, ..seal }.playing(1_000 + next, 1_000).hello(),
                    seal.bye(next),
                    seal.checksums(&[&0_u32.to_be_bytes()[..], &next.to_be_bytes(), &[9; 8]].concat()),
                ];
                for datagram in forged {
                    assert!(players[usize::from(to)].handle_datagram(now, at_link, &datagram).is_err());
                }
            }
            // Or what was said before, as it was, or on another link.
            let (_, _, datagram) = &recorded[rng.index(recorded.len())];
            let before = players[usize::from(to)].peer(at_link).expect("a peer").last_frame();
            let _ = players[usize::from(to)].handle_datagram(now, at_link, datagram);
            assert_eq!(players[usize::from(to)].peer(at_link).expect("a peer").last_frame(), before);
        }
        for (session, told) in players.iter_mut().zip(&mut told) {
            told.extend(std::iter::from_fn(|| session.poll_event()));
        }
    }
    for (player, told) in told.iter().enumerate() {
        for peer in [0, 1].map(PeerId::new) {
            let of_peer: Vec<_> = told
                .iter()
                .filter_map(|event| match event {
                    Event::Input { peer: from, frame, input } if *from == peer => Some((frame.get(), *input)),
                    _ => None,
                })
                .collect();
            assert!(of_peer.len() >= 395, "{} from {peer} to {player}", of_peer.len());
            for (place, (number, input)) in (0_u32..).zip(of_peer) {
                assert_eq!((number, u32::from(input[0])), (place, place % 200), "from {peer} to {player}");
            }
        }
        let harmless = |event: &Event<1>| {
            matches!(
                event,
                Event::Input { .. }
                    | Event::Peer {
                        event: PeerEvent::Connected
                            | PeerEvent::Health { .. }
                            | PeerEvent::Flushed
                            | PeerEvent::Unreadable,
                        ..
                    }
            )
        };
        assert!(told.iter().all(harmless), "{player}: {:?}", told.iter().find(|event| !harmless(event)));
    }
}
