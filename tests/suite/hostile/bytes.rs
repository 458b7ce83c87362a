//! Bytes that no peer sends: rows B1 to B8 and B10. The mutations of B9 have a file of their own.

use inputwire::DatagramError::{self, *};

use crate::support::forge::{Seal, classic_input, classic_request, classic_response};
use crate::support::specimens::specimens;
use crate::support::{Accepted, PEER, Pair, Wire, at, end, frame, frames, refuse};

/// The reason for a datagram that has become too short or too long and was not sealed again.
fn broken(wire: Wire, datagram: &[u8], longer: bool) -> DatagramError {
    let check = if wire == Wire::Keyed { 8 } else { 2 };
    let least = match (wire, datagram.first()) {
        (Wire::Classic, _) | (_, Some(0x21)) => return if longer { Length } else { Truncated },
        (_, Some(0x20)) => 6 + check,
        (_, Some(0x22)) => 1 + check,
        _ => 3 + check,
    };
    if datagram.len() < least { Truncated } else { Check }
}

#[test]
fn b1_every_prefix_of_every_valid_datagram_is_refused_as_truncated_or_by_its_check() {
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
fn b1_a_datagram_too_short_for_its_type_is_truncated_before_anything_else_is_judged() {
    for wire in Wire::COMPACT {
        // Nobody has said hello, so no input datagram is welcome; but these are not even datagrams.
        let stranger = end::<1, 120>(wire.settings(0), wire.peer(1));
        let check = if wire == Wire::Keyed { 8 } else { 2 };
        for len in 1..3 + check {
            refuse(&stranger, 0, PEER, &vec![0x80; len], Truncated);
        }
        refuse(&stranger, 0, PEER, &vec![0x80; 3 + check], NotReady);
        for len in 1..6 + check {
            refuse(&stranger, 0, PEER, &vec![0x20; len], Truncated);
        }
        refuse(&stranger, 0, PEER, &vec![0x20; 6 + check], Check);
        // The check of a hello may be right, and the hello be cut all the same.
        let seal = Seal::new(wire, 1, 0);
        let body = seal.hello_body(0);
        for len in 0..body.len() {
            let reason = if len < 5 { Truncated } else { Length };
            refuse(&stranger, 0, PEER, &seal.hello_of(&body[..len]), reason);
            // Whose it is comes before how long it is.
            let reason = if len < 5 { Truncated } else { Reflected };
            let own = Seal::new(wire, 0, 1);
            refuse(&stranger, 0, PEER, &own.hello_of(&own.hello_body(0)[..len]), reason);
        }
    }
}

#[test]
fn b2_a_valid_datagram_with_more_bytes_is_refused() {
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
        let longer = seal.hello_of(&[&seal.hello_body(0)[..], &[0]].concat());
        refuse(&end::<1, 120>(wire.settings(0), wire.peer(1)), 0, PEER, &longer, Length);
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
        for tag in (0x00..=0x1f).chain(0x23..=0x7f) {
            let sealed = Seal::new(wire, 1, 0).tagged(tag, 0, 0, &[]);
            for datagram in [&[tag][..], &[tag; 5], &[tag; 28], &[tag; 1_024], &sealed] {
                refuse(&pair.ends[0], pair.now, PEER, datagram, UnknownType);
            }
        }
    }
    let pair = Pair::met(Wire::Classic);
    for tag in 0x00..=0xff {
        let reason = match tag {
            0x01..=0x04 | 0x10..=0x13 => continue,
            0x05..=0x07 | 0x14 | b'{' | b'[' => GameMessage,
            _ => UnknownType,
        };
        for datagram in [&[tag][..], &[tag; 9], &[tag; 14], &[tag; 1_024]] {
            refuse(&pair.ends[0], pair.now, PEER, datagram, reason);
        }
    }
}

#[test]
fn b5_a_count_beyond_the_bytes_or_the_window_is_refused() {
    for wire in Wire::COMPACT {
        let pair = Pair::met(wire);
        let seal = Seal::new(wire, 1, 0);
        for count in [121, 127, 128, 255] {
            refuse(&pair.ends[0], pair.now, PEER, &seal.inputs(count, 120, 0, &[]), Count);
        }
        // A count byte of 255 is 270 inputs.
        refuse(&pair.ends[0], pair.now, PEER, &seal.tagged(0x8f, 120, 0, &[255]), Count);
        refuse(&pair.ends[0], pair.now, PEER, &seal.tagged(0xcf, 120, 0, &[255, 0, 0, 0, 0, 0, 0]), Count);
        // The count byte or the timing block is announced and missing.
        refuse(&pair.ends[0], pair.now, PEER, &seal.tagged(0x8f, 15, 0, &[]), Length);
        for len in 0..6 {
            refuse(&pair.ends[0], pair.now, PEER, &seal.tagged(0xc0, 0, 0, &vec![1; len]), Length);
            refuse(&pair.ends[0], pair.now, PEER, &seal.tagged(0xcf, 15, 0, &vec![0; len + 1]), Length);
        }
    }
    let pair = Pair::met(Wire::Classic);
    for (claimed, carried, reason) in [(255, 1, Truncated), (2, 1, Truncated), (1, 0, Truncated), (1, 2, Length)] {
        let inputs: Vec<_> = (0..carried).map(|frame| (frame, 7)).collect();
        let mut input = classic_input(1, &inputs);
        input[7] = claimed;
        refuse(&pair.ends[0], pair.now, PEER, &input, reason);
        let mut response = classic_response(1, &inputs);
        response[4] = claimed;
        refuse(&pair.ends[0], pair.now, PEER, &response, reason);
        response[3] = 0xff;
        refuse(&pair.ends[0], pair.now, PEER, &response, Truncated);
    }
}

#[test]
fn b5_checksums_beyond_their_bytes_their_number_or_ours_are_refused() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(30);
        pair.ends[0].push_checksum(at(pair.now), frame(20), 1).expect("the first one");
        let seal = Seal::new(wire, 1, 0);
        let sums = |ack: u32, frames: &[u32]| {
            let entries = frames.iter().flat_map(|frame| [&frame.to_be_bytes()[..], &[7; 8]].concat());
            ack.to_be_bytes().into_iter().chain(entries).collect::<Vec<u8>>()
        };
        let many: Vec<_> = (0..17).collect();
        for (rest, reason) in [
            (sums(22, &[]), FrameRange),
            (sums(u32::MAX, &[]), FrameRange),
            (sums(0, &[u32::MAX]), FrameRange),
            (sums(0, &[5, 5]), Order),
            (sums(0, &[5, 4]), Order),
            (sums(0, &many), Length),
            (sums(0, &[5])[..15].to_vec(), Length),
            ([sums(0, &[5]), vec![0]].concat(), Length),
        ] {
            refuse(&pair.ends[0], pair.now, PEER, &seal.checksums(&rest), reason);
        }
        let sixteen = seal.checksums(&sums(21, &many[..16]));
        assert_eq!(pair.ends[0].handle_datagram(at(pair.now), PEER, &sixteen), Ok(()));
        refuse(&end::<1, 120>(wire.settings(0), wire.peer(1)), 0, PEER, &sixteen, NotReady);
    }
}

#[test]
fn b6_a_body_without_inputs_is_refused() {
    for wire in Wire::COMPACT {
        let pair = Pair::met(wire);
        let seal = Seal::new(wire, 1, 0);
        for body in [&[0][..], &[1], &[0xff], &[0, 0, 1], &[0xff; 100]] {
            refuse(&pair.ends[0], pair.now, PEER, &seal.inputs(0, 0, 0, body), Body);
            refuse(&pair.ends[0], pair.now, PEER, &seal.timed(0, 0, 0, [1, 0, 999], body), Body);
        }
    }
    let pair = Pair::met(Wire::Classic);
    for body in [&[0][..], &[0, 0, 0, 0, 0], &[0xff; 10]] {
        refuse(&pair.ends[0], pair.now, PEER, &[&classic_input(1, &[])[..], body].concat(), Length);
        refuse(&pair.ends[0], pair.now, PEER, &[&classic_response(1, &[])[..], body].concat(), Length);
    }
}

#[test]
fn b7_a_body_that_does_not_end_where_its_inputs_end_is_refused() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(10);
        let session = &pair.ends[0];
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
                    refuse(session, pair.now, PEER, &seal.inputs(2, end, 10, &body), Body);
                    refuse(session, pair.now, PEER, &seal.timed(2, end, 10, [1, 1, 999], &body), Body);
                }
            }
            // Bits that nobody reads: in the last byte, right after the last input, and a byte later.
            for body in [&[0b100][..], &[0x80], &[0b10, 1], &[0b1010_0010], &[0xff, 0x1f], &[0xff, 0x0f, 1], &[0, 1]] {
                refuse(session, pair.now, PEER, &seal.inputs(1, end.min(11), 10, body), Body);
            }
        }
    }
}

#[test]
fn b7_a_body_of_wide_inputs_must_end_exactly_too() {
    let wire = Wire::Compact;
    let mut session = end::<4, 120>(wire.settings(0), inputwire::PeerConfig::compact(1).incarnation(1_001));
    session.handle_timeout(at(0));
    let seal = Seal { input: 4, ..Seal::new(wire, 1, 0) };
    // Raw: 1 1 and 4 bytes of ones, 34 bits. Sparse: 1 0, then four times one bit flipped, 22 bits.
    for (body, last) in [([0xff, 0xff, 0xff, 0xff, 0x03], 0x04), ([0b1000_0101, 0b1_0000, 0b10, 0, 0], 0x80)] {
        let zeros = body.iter().rev().take_while(|byte| **byte == 0).count();
        let exact = &body[..body.len() - zeros];
        assert_eq!(session.clone().handle_datagram(at(0), PEER, &seal.inputs(1, 1, 0, exact)), Ok(()));
        refuse(&session, 0, PEER, &seal.inputs(1, 1, 0, &[exact, &[0]].concat()), Body);
        let mut more = body;
        more[4] |= last;
        refuse(&session, 0, PEER, &seal.inputs(1, 1, 0, &more), Body);
    }
}

#[test]
fn b8_a_body_is_read_for_as_many_inputs_as_the_count_says_and_no_further() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        let seal = Seal::new(wire, 1, 0);
        // 1,000 bytes of ones are 727 inputs; the window has 120, and a count cannot say more.
        for count in [1, 14, 15, 120] {
            refuse(&pair.ends[0], pair.now, PEER, &seal.inputs(count, count.into(), 0, &[0xff; 1_000]), Body);
        }
        // Nothing at all is 120 inputs that did not change: one bit each, none of them sent.
        pair.ends[0].handle_datagram(at(pair.now), PEER, &seal.inputs(120, 120, 0, &[])).expect("the whole window");
        pair.settle();
        assert_eq!(frames(&pair.told[0]), (0..120).collect::<Vec<_>>());
    }
}

#[test]
fn b10_what_else_comes_to_a_socket_is_refused() {
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
            (&rtp, either(UnknownType, Check)),
            (&quic, either(UnknownType, Check)),
            (b"GET / HTTP/1.1\r\n\r\n", UnknownType),
            (b"{\"type\":\"test\"}", either(GameMessage, UnknownType)),
            (b"[1,2,3]", either(GameMessage, UnknownType)),
            (b"\n", UnknownType),
        ];
        for (datagram, reason) in foreign {
            refuse(&pair.ends[0], pair.now, PEER, datagram, *reason);
        }
    }
    let pair = Pair::met(Wire::Classic);
    refuse(&pair.ends[0], pair.now, PEER, &classic_request(2, 1), Order);
}
