//! What a server reads in the hello of somebody for whom it has no session.

use inputwire::{
    Config, ConfigBuilder, DatagramError, Epoch, Field, Frame, Hello, HelloError, MAX_DATAGRAM_SIZE, PeerConfig,
};
use inputwire_sim::rng::Rng;

use crate::support::forge::Seal;
use crate::support::{KEY, MS, SESSION_ID, Wire, at, byte, endpoint};

/// The server is player 0, the client player 1.
fn server(wire: Wire) -> ConfigBuilder {
    wire.settings(0)
}

fn fits(datagram: &[u8], settings: ConfigBuilder) -> Result<(), HelloError> {
    Hello::peek(datagram).expect("a hello").fits::<1, 120>(&settings.build().expect("valid"))
}

fn mismatch(field: Field, local: u32, remote: u32) -> Result<(), HelloError> {
    Err(HelloError::Mismatch { field, local, remote })
}

#[test]
fn the_hello_of_a_client_says_who_it_is_and_fits_its_server_only() {
    for wire in Wire::COMPACT {
        let mut client = endpoint::<1, 120>(wire.settings(1), PeerConfig::compact(0));
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let datagram = client.poll_transmit(&mut buf).expect("a hello").datagram;
        let hello = Hello::peek(datagram).expect("a hello");
        assert_eq!((hello.version(), hello.sender(), hello.receiver()), (1, 1, 0));
        assert_eq!(fits(datagram, server(wire)), Ok(()));

        let bad = Err(HelloError::Refused(DatagramError::BadTag));
        assert_eq!(fits(datagram, server(wire).session_id(SESSION_ID + 1)), bad);
        assert_eq!(fits(datagram, server(wire).key([9; 16])), bad);
        assert_eq!(fits(datagram, server(wire).local_player(2)), Err(HelloError::OtherPlayer { receiver: 0 }));
        assert_eq!(fits(datagram, server(wire).local_player(1)), Err(HelloError::Refused(DatagramError::Reflected)));
        assert_eq!(fits(datagram, server(wire).first_frame(Frame::new(3))), mismatch(Field::FirstFrame, 3, 0));
        // Another frame interval stops nothing.
        assert_eq!(fits(datagram, server(wire).frame_interval(core::time::Duration::from_millis(33))), Ok(()));
        let config = server(wire).build().expect("valid");
        assert_eq!(hello.fits::<2, 120>(&config), mismatch(Field::InputLen, 2, 1));
        assert_eq!(hello.fits::<1, 30>(&config), mismatch(Field::Window, 30, 120));
    }
    let for_another = Seal::new(Wire::Compact, 1, 0x0507).hello();
    assert_eq!(Hello::peek(&for_another).map(|hello| hello.receiver()), Some(0x0507));
    let keyed = Seal::new(Wire::Keyed, 1, 0).hello();
    assert_eq!(fits(&keyed, server(Wire::Keyed).short_tags(true)), mismatch(Field::TagSize, 4, 8));
    // A key of one pair goes into the configuration.
    let of_pair = Seal { key: Some([3; 16]), ..Seal::new(Wire::Keyed, 1, 0) }.hello();
    assert_eq!(fits(&of_pair, server(Wire::Keyed)), Err(HelloError::Refused(DatagramError::BadTag)));
    assert_eq!(fits(&of_pair, server(Wire::Keyed).key([3; 16])), Ok(()));
}

#[test]
fn a_hello_of_another_version_is_told_apart_from_one_of_another_session() {
    for wire in Wire::COMPACT {
        let foreign = Seal { version: 2, ..Seal::new(wire, 1, 0) };
        let same_length = foreign.hello();
        assert_eq!(Hello::peek(&same_length).map(|hello| hello.version()), Some(2));
        assert_eq!(fits(&same_length, server(wire)), mismatch(Field::Version, 1, 2));
        // Its length is its own matter, as long as what every version has is there.
        for len in [5, 30, 90] {
            let mut body = foreign.hello_body();
            body.resize(len, 0);
            assert_eq!(fits(&foreign.hello_of(&body), server(wire)), mismatch(Field::Version, 1, 2), "{len}");
        }
        let mut longer = Seal::new(wire, 1, 0).hello_body();
        longer.push(0);
        let outcome = fits(&Seal::new(wire, 1, 0).hello_of(&longer), server(wire));
        assert_eq!(outcome, Err(HelloError::Refused(DatagramError::WrongLength)));
    }
}

#[test]
fn what_a_session_refuses_does_not_fit() {
    let seal = Seal::new(Wire::Keyed, 1, 0);
    let out_of_range = Err(HelloError::Refused(DatagramError::EpochRange));
    assert_eq!(fits(&Seal { number: 0, ..seal }.hello(), server(Wire::Keyed)), out_of_range);
    assert_eq!(fits(&Seal { sender: (1, 0), ..seal }.hello(), server(Wire::Keyed)), out_of_range);
    let last = Epoch::MAX.get();
    assert_eq!(fits(&Seal { epoch: last + 1, ..seal }.hello(), server(Wire::Keyed)), out_of_range);
    assert_eq!(fits(&Seal { epoch: last, ..seal }.hello(), server(Wire::Keyed)), Ok(()));
    assert_eq!(fits(&Seal { session_id: 1, ..seal }.hello(), server(Wire::Keyed)), {
        Err(HelloError::Refused(DatagramError::BadTag))
    });
}

/// Whatever fits a configuration is what a session with it takes, and nothing else.
#[test]
fn hostile_bytes_are_read_like_those_of_a_session_and_never_fit() {
    let mut rng = Rng::new(7);
    for round in 0..20_000_u32 {
        let wire = rng.pick(&Wire::COMPACT);
        let whole = Seal::new(wire, 1, 0).hello();
        let mut bytes = match round % 3 {
            0 => (0..rng.below(80)).map(|_| byte(&mut rng)).collect(),
            1 => whole[..rng.index(whole.len())].to_vec(),
            _ => whole.clone(),
        };
        if let Some(first) = bytes.first_mut().filter(|_| rng.one_in(2)) {
            *first = 0x20;
        }
        if !bytes.is_empty() && round % 3 > 0 {
            let index = rng.index(bytes.len());
            bytes[index] ^= 1 << rng.below(8);
        }
        let config = Config::builder().session_id(SESSION_ID).incarnation(0x5eed_0000_0001);
        let config = if wire == Wire::Keyed { config.key(KEY) } else { config };
        let config = config.build().expect("valid");
        match Hello::peek(&bytes) {
            None => assert!(bytes.first() != Some(&0x20) || bytes.len() < 8),
            Some(hello) => {
                let mut session = endpoint::<1, 120>(server(wire), PeerConfig::compact(1));
                let handled = session.handle_datagram(at(MS), crate::support::PEER, &bytes);
                match hello.fits::<1, 120>(&config) {
                    Ok(()) => assert!(bytes == whole && handled == Ok(())),
                    Err(HelloError::Refused(reason)) => assert_eq!(handled, Err(reason), "{bytes:02x?}"),
                    // A checksum of two bytes may be right by chance.
                    Err(_) => assert!(handled.is_ok() && wire == Wire::Compact, "{bytes:02x?}"),
                }
            }
        }
    }
}

#[test]
fn a_hello_longer_than_any_datagram_is_refused_unread() {
    for wire in Wire::COMPACT {
        // Its tag is right, and a version of the future may be longer.
        let seal = Seal { version: 2, ..Seal::new(wire, 1, 0) };
        let longest = MAX_DATAGRAM_SIZE - 1 - wire.tag_len();
        for (len, expected) in [
            (longest, mismatch(Field::Version, 1, 2)),
            (longest + 1, Err(HelloError::Refused(DatagramError::TooLong))),
            (60_000, Err(HelloError::Refused(DatagramError::TooLong))),
        ] {
            let mut body = seal.hello_body();
            body.resize(len, 0);
            assert_eq!(fits(&seal.hello_of(&body), wire.settings(0)), expected, "{len}");
        }
    }
}
