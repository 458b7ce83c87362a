//! Both codecs through two sessions, compared with an independent implementation: law 12.

use std::time::Duration;

use inputwire::{Config, DatagramError, Event, Frame, PeerConfig, PeerEvent, PeerId, Session};

use super::bytes::Bytes;
use super::reference::{decode, encode};
use super::seal::{Greeting, Seal};
use super::watch::{at, drain, poll};

const PEER: PeerId = PeerId::new(0);
/// No incarnation is smaller.
const DRAWN: u64 = 1 << 32;

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    match bytes.below(8) {
        0 => encodes::<1, 127>(bytes),
        1 => encodes::<3, 20>(bytes),
        2 => encodes::<40, 30>(bytes),
        3 => decodes::<1, 127>(bytes),
        4 => decodes::<3, 20>(bytes),
        5 => decodes::<9, 8>(bytes),
        6 => hello(bytes),
        _ => classic(bytes),
    }
}

/// Player 0 and player 1, which know each other's runs.
fn seal(bytes: &mut Bytes<'_>, input_len: usize, window: usize) -> Seal {
    let session_id = u64::from(bytes.u8());
    Seal {
        key: bytes.flag().then_some([3; 16]),
        short_tags: false,
        session_id,
        sender: (0, DRAWN + 7),
        receiver: (1, DRAWN + 8),
        epoch: 0,
        input_len: input_len.to_le_bytes()[0],
        window: window.to_le_bytes()[0],
        first_frame: 0,
    }
}

fn session<const INPUT_LEN: usize, const WINDOW: usize>(
    seal: &Seal,
    (local, remote): ((u16, u64), (u16, u64)),
    first: u32,
    limit: usize,
) -> Session<1, INPUT_LEN, WINDOW> {
    let mut config = Config::builder().session_id(seal.session_id).local_player(local.0).incarnation(local.1);
    config = config.max_datagram_size(limit).first_frame(Frame::new(first));
    if let Some(key) = seal.key {
        config = config.key(key);
    }
    let mut session = Session::new(config.build().expect("a configuration"));
    session.add_peer(at(0), PeerConfig::compact(remote.0).incarnation(remote.1)).expect("room for a peer");
    session
}

/// decode(encode(p)) = p: every pushed input is delivered, and the bytes are those of the protocol.
fn encodes<const INPUT_LEN: usize, const WINDOW: usize>(mut bytes: Bytes<'_>) {
    let mut seal = seal(&mut bytes, INPUT_LEN, WINDOW);
    let limit = 56 + usize::from(bytes.u8()) * 4;
    let limit = if limit > 1_024 { 1_024 } else { limit };
    let first = if bytes.flag() { u32::MAX - u32::from(bytes.u8()) } else { u32::from(bytes.u8()) };
    seal.first_frame = first;
    let mut sender = session::<INPUT_LEN, WINDOW>(&seal, (seal.sender, seal.receiver), first, limit);
    let mut receiver = session::<INPUT_LEN, WINDOW>(&seal, (seal.receiver, seal.sender), first, limit);

    let mut inputs: Vec<[u8; INPUT_LEN]> = Vec::new();
    let mut input = [0; INPUT_LEN];
    while !bytes.is_empty() && inputs.len() < WINDOW {
        input = bytes.input(input);
        if sender.push_input(at(0), input).is_err() {
            break;
        }
        inputs.push(input);
    }
    let mut delivered = Vec::new();
    let mut now = 0;
    // A datagram that cannot carry everything carries the oldest inputs.
    for _ in 0..WINDOW {
        sender.handle_timeout(at(now));
        drain(&mut sender, |_, datagram| {
            if datagram[0] >= 0x80 {
                check_encoding(&seal, first, limit, &inputs, &delivered, datagram);
            }
            receiver.handle_datagram(at(now), PEER, datagram).expect("an honest datagram");
        });
        poll(&mut receiver, |event| delivered.extend(input_of(event)));
        now += 40_000;
        receiver.handle_timeout(at(now));
        drain(&mut receiver, |_, datagram| {
            sender.handle_datagram(at(now), PEER, datagram).expect("an honest datagram");
        });
        if delivered.len() == inputs.len() {
            break;
        }
    }
    assert_eq!(delivered, inputs, "decode(encode(p)) = p");
}

/// Asserts that a datagram is encoded as the protocol says, and that one input more would not have fitted.
fn check_encoding<const INPUT_LEN: usize>(
    seal: &Seal,
    first: u32,
    limit: usize,
    inputs: &[[u8; INPUT_LEN]],
    acked: &[[u8; INPUT_LEN]],
    datagram: &[u8],
) {
    let before = acked.last().copied().unwrap_or([0; INPUT_LEN]);
    let unacked = &inputs[acked.len()..];
    let long = usize::from(datagram[0] & 15 == 15);
    let timing = &datagram[3 + seal.len() + long..][..if datagram[0] & 0x40 == 0 { 0 } else { 8 }];
    let build = |count: usize| {
        let kind = 0x80 | datagram[0] & 0x40 | u8::try_from(count.min(15)).expect("four bits");
        let mut rest = Vec::new();
        rest.extend(count.checked_sub(15).map(|more| u8::try_from(more).expect("a byte")));
        rest.extend_from_slice(timing);
        rest.extend(encode(before, &unacked[..count]));
        let end = first + u32::try_from(acked.len() + count).expect("few");
        seal.inputs(kind, end, first, &rest)
    };
    let count = usize::from(datagram[0] & 15) + long * usize::from(datagram[3 + seal.len()]);
    assert_eq!(datagram, build(count), "another encoding");
    if count < unacked.len() {
        assert!(build(count + 1).len() > limit, "one more input would have fitted");
    }
    assert!(datagram.len() <= limit || count == 1, "{} bytes", datagram.len());
}

/// A body is accepted if and only if the protocol says so, and delivers the inputs that the protocol says.
fn decodes<const INPUT_LEN: usize, const WINDOW: usize>(mut bytes: Bytes<'_>) {
    let seal = seal(&mut bytes, INPUT_LEN, WINDOW);
    let mut receiver = session::<INPUT_LEN, WINDOW>(&seal, (seal.receiver, seal.sender), 0, 1_024);
    let mut before = [0; INPUT_LEN];
    let mut recv_next = 0;
    for _ in 0..3 {
        let count = usize::from(bytes.u8()) % (WINDOW + 2);
        let kind = 0x80 | u8::try_from(count.min(15)).expect("four bits");
        let length = usize::from(bytes.u8());
        let body = bytes.take(length);
        let mut rest = Vec::new();
        rest.extend(count.checked_sub(15).map(|more| u8::try_from(more).expect("a byte")));
        rest.extend_from_slice(body);
        let end = recv_next + u32::try_from(count).expect("few");
        let outcome = receiver.handle_datagram(at(0), PEER, &seal.inputs(kind, end, 0, &rest));
        let expected = if count > WINDOW { None } else { decode(body, count, before) };
        let mut delivered = Vec::new();
        poll(&mut receiver, |event| delivered.extend(input_of(event)));
        match (outcome, &expected) {
            (Ok(()), Some(inputs)) => assert_eq!(delivered, *inputs, "another decoding of {body:02x?}"),
            (Err(DatagramError::MalformedBody), None) if count <= WINDOW => assert!(delivered.is_empty()),
            // So large a count is already refused for its frame numbers.
            (Err(_), None) if count > WINDOW => assert!(delivered.is_empty()),
            _ => panic!("{outcome:?} of {count} inputs in {body:02x?}, but {expected:?}"),
        }
        recv_next += u32::try_from(delivered.len()).expect("few");
        before = delivered.last().copied().unwrap_or(before);
    }
}

fn input_of<const INPUT_LEN: usize>(event: Event<INPUT_LEN>) -> Option<[u8; INPUT_LEN]> {
    match event {
        Event::Input { input, .. } => Some(input),
        _ => None,
    }
}

/// A hello is encoded as the protocol says, and one with other settings is reported field by field.
fn hello(mut bytes: Bytes<'_>) {
    let mut seal = seal(&mut bytes, 1, 120);
    seal.sender = (bytes.u16(), bytes.u64() | DRAWN);
    let frame_us = 1_000 + bytes.u32() % 9_999_000;
    let ping_ms = 20 + bytes.u16() % 1_980;
    let first = bytes.u32();
    seal.first_frame = first;
    let receiver = if bytes.flag() { bytes.u16() } else { 1 };
    if seal.sender.0 == receiver {
        return;
    }
    let mut config =
        Config::builder().session_id(seal.session_id).local_player(seal.sender.0).incarnation(seal.sender.1);
    config = config.first_frame(Frame::new(first)).frame_interval(Duration::from_micros(frame_us.into()));
    config = config.ping_interval(Duration::from_millis(ping_ms.into()));
    if let Some(key) = seal.key {
        config = config.key(key);
    }
    seal.receiver.0 = receiver;
    let mut sender = Session::<1, 1>::new(config.build().expect("a configuration"));
    sender.add_peer(at(0), PeerConfig::compact(receiver)).expect("room for a peer");
    let mut hello = Vec::new();
    drain(&mut sender, |_, datagram| hello.extend_from_slice(datagram));
    assert_eq!(hello, seal.hello_of(&seal.hello_body(frame_us, ping_ms, Greeting::FIRST)), "another encoding");

    let mut config = Config::builder().session_id(seal.session_id).local_player(1).incarnation(DRAWN);
    if let Some(key) = seal.key {
        config = config.key(key);
    }
    let mut session = Session::<1, 1>::new(config.build().expect("a configuration"));
    if seal.sender.0 == 1 || session.add_peer(at(0), PeerConfig::compact(seal.sender.0)).is_err() {
        return;
    }
    session.handle_datagram(at(0), PEER, &hello).expect("an honest hello");
    // The receiver answers, and a hello that answers that one is of a known run, whose frame interval matters.
    for _ in 0..2 {
        drain(&mut session, |_, datagram| {
            let _ = sender.handle_datagram(at(0), PEER, datagram);
        });
        drain(&mut sender, |_, datagram| {
            let _ = session.handle_datagram(at(0), PEER, datagram);
        });
    }
    let mut reported = Vec::new();
    poll(&mut session, |event| match event {
        Event::Peer { event: PeerEvent::Mismatch { field, local, remote }, .. } => {
            reported.push((format!("{field:?}"), local, remote));
        }
        Event::Peer { event: PeerEvent::WrongPlayers { sender, receiver }, .. } => {
            reported.push(("Players".to_owned(), sender.into(), receiver.into()));
        }
        _ => {}
    });
    let wrong_player = receiver != 1;
    let mut expected = Vec::new();
    let mut differ = |differs: bool, field: &str, local: u32, remote: u32| {
        if differs {
            expected.push((field.to_owned(), local, remote));
        }
    };
    differ(wrong_player, "Players", seal.sender.0.into(), receiver.into());
    differ(!wrong_player && first != 0, "FirstFrame", 0, first);
    differ(!wrong_player && first == 0 && frame_us != 16_667, "FrameInterval", 16_667, frame_us);
    assert_eq!(reported, expected);
}

/// Law 12 on the classic wire: an INPUT is encoded as the protocol says and delivers its inputs, a ping gets its pong.
fn classic(mut bytes: Bytes<'_>) {
    let redundancy = 1 + bytes.below(15);
    let first = u32::from(bytes.u8());
    // More than the redundancy are carried, too, as long as none was sent.
    let actions = bytes.take(usize::from(redundancy) * 8);
    let config = |player| {
        let config = Config::builder().local_player(player).first_frame(Frame::new(first)).redundancy(redundancy);
        config.build().expect("a configuration")
    };
    let mut sender = Session::<1, 1>::new(config(0));
    let mut receiver = Session::<1, 1>::new(config(1));
    sender.add_peer(at(0), PeerConfig::classic(1)).expect("room for a peer");
    receiver.add_peer(at(0), PeerConfig::classic(0)).expect("room for a peer");
    for action in actions {
        sender.push_input(at(0), [*action]).expect("room in the window");
    }
    let mut sent: Vec<Vec<u8>> = Vec::new();
    drain(&mut sender, |_, datagram| sent.push(datagram.to_vec()));
    if !actions.is_empty() {
        let count = u8::try_from(actions.len()).expect("few");
        let current = first + u32::from(count) - 1;
        let pairs = (first..).zip(actions).flat_map(|(frame, action)| [&frame.to_be_bytes()[..], &[*action]].concat());
        let head = [&[1, 0, 0][..], &current.to_be_bytes(), &[count, 0]].concat();
        assert_eq!(sent[0], head.into_iter().chain(pairs).collect::<Vec<_>>(), "another encoding");
    }
    let stamp = bytes.take(8);
    let kind = 2 + bytes.below(2) * 14;
    if stamp.len() == 8 {
        sent.push([&[kind][..], stamp].concat());
    }
    let mut delivered = Vec::new();
    for datagram in &sent {
        receiver.handle_datagram(at(0), PEER, datagram).expect("an honest datagram");
        poll(&mut receiver, |event| delivered.extend(input_of(event)));
    }
    assert_eq!(delivered.as_flattened(), actions);
    let mut answers: Vec<Vec<u8>> = Vec::new();
    drain(&mut receiver, |_, datagram| answers.push(datagram.to_vec()));
    if stamp.len() == 8 {
        let pong = [&[kind + 1][..], stamp].concat();
        assert!(answers.contains(&pong), "no {pong:02x?} in {answers:02x?}");
    }
}
