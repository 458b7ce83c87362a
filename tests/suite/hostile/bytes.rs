//! Bytes that no peer sends: rows B1 to B8 and B10. The mutations of B9 are in `flips.rs`.

use inputwire::DatagramError::{self, *};

use crate::support::forge::{Seal, classic_input, classic_request, classic_response};
use crate::support::specimens::specimens;
use crate::support::{Accepted, PEER, Pair, Wire, at, endpoint, frame, frames, incarnation, refuse};

/// The reason to refuse a datagram that was shortened or lengthened without a new tag.
fn broken(wire: Wire, datagram: &[u8], longer: bool) -> DatagramError {
    let tag = wire.tag_len();
    let least = match (wire, datagram.first()) {
        (Wire::Classic, _) | (_, Some(0x21)) => return if longer { WrongLength } else { Truncated },
        (_, Some(0x20)) => 6 + tag,
        (_, Some(0x22)) => 1 + tag,
        _ => 3 + tag,
    };
    if datagram.len() < least { Truncated } else { BadTag }
}

#[test]
fn b1_every_prefix_of_every_valid_datagram_is_refused_as_truncated_or_by_its_tag() {
    for wire in Wire::ALL {
        for Accepted { receiver, now, datagram } in specimens(wire) {
            for len in 0..datagram.len() {
                let prefix = &datagram[..len];
                refuse(&receiver, now, PEER, prefix, broken(wire, prefix, false));
            }
        }
    }
}

#[test]
fn b1_a_datagram_too_short_for_its_type_is_truncated_before_any_other_check() {
    for wire in Wire::COMPACT {
        // Without a hello no input datagram is accepted; but these are not even datagrams.
        let stranger = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
        let tag = wire.tag_len();
        for len in 1..3 + tag {
            refuse(&stranger, 0, PEER, &vec![0x80; len], Truncated);
        }
        refuse(&stranger, 0, PEER, &vec![0x80; 3 + tag], NotReady);
        for len in 1..6 + tag {
            refuse(&stranger, 0, PEER, &vec![0x20; len], Truncated);
        }
        refuse(&stranger, 0, PEER, &vec![0x20; 6 + tag], BadTag);
        // A hello may be cut although its tag is right.
        let seal = Seal::new(wire, 1, 0);
        let body = seal.hello_body();
        for len in 0..body.len() {
            let reason = if len < 5 { Truncated } else { WrongLength };
            refuse(&stranger, 0, PEER, &seal.hello_of(&body[..len]), reason);
            // Its length is checked before its sender.
            let own = Seal::new(wire, 0, 1);
            refuse(&stranger, 0, PEER, &own.hello_of(&own.hello_body()[..len]), reason);
            // One of another version may have any length; then its sender is checked.
            let other = Seal { version: 2, ..own };
            let reason = if len < 5 { Truncated } else { Reflected };
            refuse(&stranger, 0, PEER, &other.hello_of(&other.hello_body()[..len]), reason);
        }
    }
}

#[test]
fn b2_a_valid_datagram_with_trailing_bytes_is_refused() {
    for wire in Wire::ALL {
        for Accepted { receiver, now, datagram } in specimens(wire) {
            for more in 1..=9 {
                for byte in [0x00, 0x01, 0xff] {
                    let longer = [&datagram[..], &vec![byte; more]].concat();
                    refuse(&receiver, now, PEER, &longer, broken(wire, &longer, true));
                }
            }
        }
    }
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        let longer = seal.hello_of(&[&seal.hello_body()[..], &[0]].concat());
        refuse(&endpoint::<1, 120>(wire.settings(0), wire.peer(1)), 0, PEER, &longer, WrongLength);
        // A bye of another length is no bye, whatever its tag.
        let met = Pair::met(wire);
        for len in 0..16 {
            refuse(&met.sessions[0], met.now, PEER, &seal.bye_of(&vec![0; len]), Truncated);
        }
        refuse(&met.sessions[0], met.now, PEER, &seal.bye_of(&[0; 17]), WrongLength);
    }
}

#[test]
fn b3_a_datagram_longer_than_1024_bytes_is_refused_before_it_is_read() {
    for wire in Wire::ALL {
        for Accepted { receiver, now, datagram } in specimens(wire) {
            for len in [1_025, 65_507, 16 << 20] {
                let mut long = vec![0; len];
                long[..datagram.len()].copy_from_slice(&datagram);
                refuse(&receiver, now, PEER, &long, TooLong);
            }
        }
    }
}

#[test]
fn b4_a_type_that_the_wire_does_not_have_is_refused() {
    for wire in Wire::COMPACT {
        let pair = Pair::met(wire);
        for kind in (0x00..=0x1f).chain(0x24..=0x7f) {
            let sealed = Seal::new(wire, 1, 0).inputs_of(kind, 0, 0, &[]);
            for datagram in [&[kind][..], &[kind; 5], &[kind; 28], &[kind; 1_024], &sealed] {
                refuse(&pair.sessions[0], pair.now, PEER, datagram, UnknownType);
            }
        }
    }
    let pair = Pair::met(Wire::Classic);
    for kind in 0x00..=0xff {
        let reason = match kind {
            0x01..=0x04 | 0x10..=0x13 => continue,
            0x05..=0x07 | 0x14 | b'{' | b'[' => GameMessage,
            _ => UnknownType,
        };
        for datagram in [&[kind][..], &[kind; 9], &[kind; 14], &[kind; 1_024]] {
            refuse(&pair.sessions[0], pair.now, PEER, datagram, reason);
        }
    }
}

#[test]
fn b5_a_count_beyond_the_bytes_or_the_window_is_refused() {
    for wire in Wire::COMPACT {
        let pair = Pair::met(wire);
        let seal = Seal::new(wire, 1, 0);
        for count in [121, 127, 128, 255] {
            refuse(&pair.sessions[0], pair.now, PEER, &seal.inputs(count, 120, 0, &[]), TooManyInputs);
        }
        // A count byte of 255 is 270 inputs.
        refuse(&pair.sessions[0], pair.now, PEER, &seal.inputs_of(0x8f, 120, 0, &[255]), TooManyInputs);
        refuse(
            &pair.sessions[0],
            pair.now,
            PEER,
            &seal.inputs_of(0xcf, 120, 0, &[255, 0, 0, 0, 0, 0, 0, 0, 0]),
            TooManyInputs,
        );
        // The type byte announces a count byte or a timing block that is not there.
        refuse(&pair.sessions[0], pair.now, PEER, &seal.inputs_of(0x8f, 15, 0, &[]), WrongLength);
        for len in 0..8 {
            refuse(&pair.sessions[0], pair.now, PEER, &seal.inputs_of(0xc0, 0, 0, &vec![1; len]), WrongLength);
            refuse(&pair.sessions[0], pair.now, PEER, &seal.inputs_of(0xcf, 15, 0, &vec![0; len + 1]), WrongLength);
        }
    }
    let pair = Pair::met(Wire::Classic);
    for (claimed, carried, reason) in [(255, 1, Truncated), (2, 1, Truncated), (1, 0, Truncated), (1, 2, WrongLength)] {
        let inputs: Vec<_> = (0..carried).map(|frame| (frame, 7)).collect();
        let mut input = classic_input(1, &inputs);
        input[7] = claimed;
        refuse(&pair.sessions[0], pair.now, PEER, &input, reason);
        let mut response = classic_response(1, &inputs);
        response[4] = claimed;
        refuse(&pair.sessions[0], pair.now, PEER, &response, reason);
        response[3] = 0xff;
        refuse(&pair.sessions[0], pair.now, PEER, &response, Truncated);
    }
}

#[test]
fn b5_checksums_beyond_their_bytes_their_limit_or_the_last_local_one_are_refused() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(30);
        pair.sessions[0].push_checksum(at(pair.now), frame(20), 1).expect("the first one");
        let seal = Seal::new(wire, 1, 0);
        let checksums = |ack: u32, frames: &[u32]| {
            let entries = frames.iter().flat_map(|frame| [&frame.to_be_bytes()[..], &[7; 8]].concat());
            ack.to_be_bytes().into_iter().chain(entries).collect::<Vec<u8>>()
        };
        let many: Vec<_> = (0..17).collect();
        for (rest, reason) in [
            (checksums(22, &[]), FrameRange),
            (checksums(u32::MAX, &[]), FrameRange),
            (checksums(0, &[u32::MAX]), FrameRange),
            (checksums(0, &[5, 5]), NotAscending),
            (checksums(0, &[5, 4]), NotAscending),
            (checksums(0, &many), WrongLength),
            (checksums(0, &[5])[..15].to_vec(), WrongLength),
            ([checksums(0, &[5]), vec![0]].concat(), WrongLength),
        ] {
            refuse(&pair.sessions[0], pair.now, PEER, &seal.checksums(&rest), reason);
        }
        let sixteen = seal.checksums(&checksums(21, &many[..16]));
        assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &sixteen), Ok(()));
        refuse(&endpoint::<1, 120>(wire.settings(0), wire.peer(1)), 0, PEER, &sixteen, NotReady);
    }
}

#[test]
fn b6_a_body_without_inputs_is_refused() {
    for wire in Wire::COMPACT {
        let pair = Pair::met(wire);
        let seal = Seal::new(wire, 1, 0);
        for body in [&[0][..], &[1], &[0xff], &[0, 0, 1], &[0xff; 100]] {
            refuse(&pair.sessions[0], pair.now, PEER, &seal.inputs(0, 0, 0, body), MalformedBody);
            refuse(&pair.sessions[0], pair.now, PEER, &seal.timed(0, 0, 0, [1, 0, 999], body), MalformedBody);
        }
    }
    let pair = Pair::met(Wire::Classic);
    for body in [&[0][..], &[0, 0, 0, 0, 0], &[0xff; 10]] {
        refuse(&pair.sessions[0], pair.now, PEER, &[&classic_input(1, &[])[..], body].concat(), WrongLength);
        refuse(&pair.sessions[0], pair.now, PEER, &[&classic_response(1, &[])[..], body].concat(), WrongLength);
    }
}

#[test]
fn b7_a_body_that_does_not_end_where_its_inputs_end_is_refused() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(10);
        let session = &pair.sessions[0];
        let seal = Seal::new(wire, 1, 0);
        // 2 inputs take 2 bits here, and the changed one 5, 7 or 11.
        let exact: &[&[u8]] = &[&[], &[0b10], &[0b10_0010], &[0b0101_0110], &[0xfe, 0x0f], &[0xff, 0x0f]];
        // The last two frames new, half new, and both old.
        for end in [12, 11, 10, 2] {
            for body in exact {
                let datagram = seal.inputs(2, end, 10, body);
                assert_eq!(session.clone().handle_datagram(at(pair.now), PEER, &datagram), Ok(()), "{body:02x?}");
                for zeros in 1..4 {
                    let body = [body, &vec![0; zeros][..]].concat();
                    refuse(session, pair.now, PEER, &seal.inputs(2, end, 10, &body), MalformedBody);
                    refuse(session, pair.now, PEER, &seal.timed(2, end, 10, [1, 1, 999], &body), MalformedBody);
                }
            }
            // Bits that are never read: in the last byte, right after the last input, and a byte later.
            for body in [&[0b100][..], &[0x80], &[0b10, 1], &[0b1010_0010], &[0xff, 0x1f], &[0xff, 0x0f, 1], &[0, 1]] {
                refuse(session, pair.now, PEER, &seal.inputs(1, end.min(11), 10, body), MalformedBody);
            }
        }
    }
}

#[test]
fn b7_a_body_of_wide_inputs_must_end_exactly_too() {
    let wire = Wire::Compact;
    let mut session =
        endpoint::<4, 120>(wire.settings(0), inputwire::PeerConfig::compact(1).incarnation(incarnation(1)));
    session.handle_timeout(at(0));
    let seal = Seal { input_len: 4, ..Seal::new(wire, 1, 0) };
    // Raw: 1 1 and 4 bytes of ones, 34 bits. Sparse: 1 0, then four times one bit flipped, 22 bits.
    for (body, last) in [([0xff, 0xff, 0xff, 0xff, 0x03], 0x04), ([0b1000_0101, 0b1_0000, 0b10, 0, 0], 0x80)] {
        let zeros = body.iter().rev().take_while(|byte| **byte == 0).count();
        let exact = &body[..body.len() - zeros];
        assert_eq!(session.clone().handle_datagram(at(0), PEER, &seal.inputs(1, 1, 0, exact)), Ok(()));
        refuse(&session, 0, PEER, &seal.inputs(1, 1, 0, &[exact, &[0]].concat()), MalformedBody);
        let mut more = body;
        more[4] |= last;
        refuse(&session, 0, PEER, &seal.inputs(1, 1, 0, &more), MalformedBody);
    }
}

#[test]
fn b8_a_body_is_read_for_exactly_as_many_inputs_as_the_count_says() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        let seal = Seal::new(wire, 1, 0);
        // 1,000 bytes of ones are 727 inputs; the window has 120, and a count cannot be greater.
        for count in [1, 14, 15, 120] {
            refuse(
                &pair.sessions[0],
                pair.now,
                PEER,
                &seal.inputs(count, count.into(), 0, &[0xff; 1_000]),
                MalformedBody,
            );
        }
        // An empty body is 120 unchanged inputs: one zero bit each, none of them sent.
        pair.sessions[0].handle_datagram(at(pair.now), PEER, &seal.inputs(120, 120, 0, &[])).expect("the whole window");
        pair.settle();
        assert_eq!(frames(&pair.reported[0]), (0..120).collect::<Vec<_>>());
    }
}

#[test]
fn b10_datagrams_of_other_protocols_are_refused() {
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    let stun_answer = [&[1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42, 9, 9, 9, 9][..], &[7; 20]].concat();
    let dtls = [&[0x16, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50][..], &[1; 50]].concat();
    let rtp = [&[0x80, 0x60, 0x12, 0x34, 0, 0, 1, 0, 0xde, 0xad, 0xbe, 0xef][..], &[0x55; 160]].concat();
    let quic = [&[0xc3, 0, 0, 0, 1, 8][..], &[0x77; 1_018]].concat();
    for wire in Wire::ALL {
        let classic = wire == Wire::Classic;
        let either = |on_classic, on_compact| if classic { on_classic } else { on_compact };
        let mut pair = Pair::met(wire);
        pair.play(130);
        let foreign: &[(&[u8], DatagramError)] = &[
            (&[], Truncated),
            (&[0x00], UnknownType),
            (&[0x00; 1_024], UnknownType),
            (&[0xff], either(UnknownType, Truncated)),
            (&[0xff; 11], either(UnknownType, OtherEpoch)),
            (&[0xff; 1_024], either(UnknownType, OtherEpoch)),
            (&stun, UnknownType),
            (&stun_answer, either(Truncated, UnknownType)),
            (&dtls, UnknownType),
            (&rtp, either(UnknownType, BadTag)),
            (&quic, either(UnknownType, BadTag)),
            (b"GET / HTTP/1.1\r\n\r\n", UnknownType),
            (b"{\"type\":\"test\"}", either(GameMessage, UnknownType)),
            (b"[1,2,3]", either(GameMessage, UnknownType)),
            (b"\n", UnknownType),
        ];
        for (datagram, reason) in foreign {
            refuse(&pair.sessions[0], pair.now, PEER, datagram, *reason);
        }
    }
    let pair = Pair::met(Wire::Classic);
    refuse(&pair.sessions[0], pair.now, PEER, &classic_request(2, 1), NotAscending);
}
