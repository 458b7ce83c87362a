//! Hellos before there is a session for their sender.

use std::ptr::{null, null_mut};

use inputwire_c::*;

use crate::support::{Endpoint, config};

const SERVER: u32 = 1_000;

/// The first hello of player 7 to the server.
fn hello(config: &IwConfig, input_len: u32) -> Vec<u8> {
    let client = Endpoint::with(1, input_len, config);
    client.add(0, IW_COMPACT, SERVER).unwrap();
    client.transmit().unwrap().1
}

fn client(key: Option<u8>) -> IwConfig {
    let (key, has_key) = ([key.unwrap_or(0); 16], u32::from(key.is_some()));
    IwConfig { session_id: 3, incarnation: 1 << 40, key, has_key, ..config(7) }
}

fn peek(datagram: &[u8]) -> (IwStatus, IwHello) {
    let mut hello = IwHello { version: 0, sender: 0, receiver: 0 };
    let status = unsafe { iw_hello_peek(datagram.as_ptr(), datagram.len(), &raw mut hello) };
    (status, hello)
}

fn fits(datagram: &[u8], config: &IwConfig, input_len: u32) -> (IwStatus, IwMismatch) {
    let mut mismatch = IwMismatch { field: IwField::Other, local: 0, remote: 0 };
    let status = unsafe { iw_hello_fits(datagram.as_ptr(), datagram.len(), config, input_len, &raw mut mismatch) };
    (status, mismatch)
}

#[test]
fn a_hello_tells_whose_it_is_and_whom_it_is_for() {
    for key in [None, Some(1)] {
        let datagram = hello(&client(key), 4);
        assert_eq!(peek(&datagram), (IwStatus::Ok, IwHello { version: 1, sender: 7, receiver: SERVER }));
        for junk in [&datagram[..7], &[], &[0; 64], &[0x81; 1_200]] {
            assert_eq!(peek(junk).0, IwStatus::None);
            assert_eq!(fits(junk, &config(SERVER), 4).0, IwStatus::None);
        }
    }
}

#[test]
fn a_server_learns_whether_a_client_fits_and_what_differs() {
    for key in [None, Some(1)] {
        let datagram = hello(&client(key), 4);
        let server = IwConfig { local_player: SERVER, incarnation: 0, ..client(key) };
        assert_eq!(fits(&datagram, &server, 4).0, IwStatus::Ok);
        let differs = |config: &IwConfig, input_len| {
            let (status, mismatch) = fits(&datagram, config, input_len);
            assert_eq!(status, IwStatus::HelloMismatch);
            (mismatch.field, mismatch.local, mismatch.remote)
        };
        assert_eq!(differs(&server, 2), (IwField::InputLen, 2, 4));
        assert_eq!(differs(&IwConfig { first_frame: 9, ..server }, 4), (IwField::FirstFrame, 9, 0));
        if key.is_some() {
            assert_eq!(differs(&IwConfig { short_tags: 1, ..server }, 4), (IwField::TagSize, 4, 8));
        }
        assert_eq!(fits(&datagram, &IwConfig { local_player: 8, ..server }, 4).0, IwStatus::HelloOtherPlayer);
        assert_eq!(fits(&datagram, &IwConfig { local_player: 7, ..server }, 4).0, IwStatus::Reflected);
        assert_eq!(fits(&datagram, &IwConfig { session_id: 4, ..server }, 4).0, IwStatus::BadTag);
        assert_eq!(fits(&datagram, &server, 3).0, IwStatus::NoSuchSize);
        assert_eq!(fits(&datagram, &IwConfig { frame_us: 0, ..server }, 4).0, IwStatus::ConfigFrameInterval);
    }
}

#[test]
fn bad_pointers_are_refused() {
    let (datagram, server) = (hello(&client(None), 1), IwConfig { local_player: SERVER, ..client(None) });
    let (start, len) = (datagram.as_ptr(), datagram.len());
    let mut words = [0_u32; 4];
    let odd = (&raw mut words).cast::<u8>().wrapping_add(1);
    unsafe {
        assert_eq!(iw_hello_peek(null(), len, words.as_mut_ptr().cast()), IwStatus::Null);
        assert_eq!(iw_hello_peek(start, len, null_mut()), IwStatus::Null);
        assert_eq!(iw_hello_peek(start, len, odd.cast()), IwStatus::Misaligned);
        assert_eq!(iw_hello_fits(null(), len, &raw const server, 1, words.as_mut_ptr().cast()), IwStatus::Null);
        assert_eq!(iw_hello_fits(start, len, null(), 1, words.as_mut_ptr().cast()), IwStatus::Null);
        assert_eq!(iw_hello_fits(start, len, &raw const server, 2, null_mut()), IwStatus::Null);
        assert_eq!(iw_hello_fits(start, len, &raw const server, 1, odd.cast()), IwStatus::Misaligned);
        assert_eq!(iw_hello_fits(start, len, &raw const server, 1, words.as_mut_ptr().cast()), IwStatus::Ok);
    }
    assert_eq!(words, [0; 4], "a refused call writes nothing");
}
