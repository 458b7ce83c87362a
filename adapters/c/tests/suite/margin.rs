//! The margin at a peer that waits for nobody, and the pace that keeps it.

use inputwire_c::*;

use crate::support::{Endpoint, config, peer_config};

const FRAME_US: u64 = 16_667;
const SERVER: u32 = 1_000;

fn margin(endpoint: &Endpoint) -> Option<i32> {
    let mut margin = 0;
    match unsafe { iw_peer_margin(endpoint.session, 0, &raw mut margin) } {
        IwStatus::Ok => Some(margin),
        status => {
            assert_eq!(status, IwStatus::None);
            None
        }
    }
}

/// The margin in the statistics.
fn counted(endpoint: &Endpoint) -> Option<i32> {
    let stats = endpoint.stats(0).unwrap();
    (stats.has_margin != 0).then_some(stats.margin_millis)
}

fn stretch(endpoint: &Endpoint) -> i32 {
    let mut pace = IwPace { lead_millis: 0, stretch_ppm: 0 };
    assert_eq!(unsafe { iw_peer_pace(endpoint.session, 0, &raw mut pace) }, IwStatus::Ok);
    pace.stretch_ppm
}

/// A client and a server that exchange datagrams at once. The client pushes first in each frame, and is so many frames ahead.
fn play(client: &Endpoint, server: &Endpoint, ahead: u64, frames: u64) {
    for frame in 0..frames {
        let now = 1 + frame * FRAME_US;
        for endpoint in [client, server] {
            assert_eq!(unsafe { iw_session_handle_timeout(endpoint.session, now) }, IwStatus::Ok);
            if endpoint.session == client.session || frame >= ahead {
                endpoint.push(now, &[1]).unwrap();
            }
            for _ in 0..3 {
                for (from, to) in [(client, server), (server, client)] {
                    while let Some((_, datagram)) = from.transmit() {
                        to.handle(now, 0, &datagram);
                    }
                    while to.event().is_some() {}
                }
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri is slow, and sees the same calls in other tests")]
fn the_margin_is_how_many_frames_early_inputs_come_and_the_pace_keeps_the_target() {
    let stretches = [(IW_NO_MARGIN, 0), (2, 200), (0, 12_000), (3, -650), (u32::MAX - 1, -650)].map(|(target, _)| {
        let client = Endpoint::with(1, 1, &IwConfig { mesh: 0, ..config(0) });
        let server = Endpoint::with(1, 1, &IwConfig { mesh: 0, ..config(SERVER) });
        client.add_as(0, &IwPeerConfig { target_margin: target, ..peer_config(SERVER) }).unwrap();
        server.add(0, IW_COMPACT, 0).unwrap();
        assert_eq!((margin(&client), counted(&client)), (None, None), "until both play");
        play(&client, &server, 2, 100);
        assert_eq!((margin(&client), counted(&client)), (Some(2_000), Some(2_000)));
        stretch(&client)
    });
    assert!(stretches[0] > 0, "it keeps up with the game of the peer, which is behind");
    assert_eq!(stretches[1..], [200, 12_000, -650, -650]);
}

#[test]
fn the_classic_wire_has_no_margin() {
    let (client, server) = (Endpoint::new(1, 1, 0), Endpoint::new(1, 1, 1));
    let classic = IwPeerConfig { wire: IW_CLASSIC, target_margin: 1, ..peer_config(1) };
    client.add_as(0, &classic).unwrap();
    server.add_as(0, &IwPeerConfig { player: 0, ..classic }).unwrap();
    play(&client, &server, 0, 9);
    assert_eq!((margin(&client), counted(&client)), (None, None));
}

#[test]
fn a_key_of_a_peer_is_never_shown() {
    let config = IwPeerConfig { key: [7; 16], has_key: 1, ..peer_config(1) };
    assert!(!format!("{config:?}").contains("7, 7"));
}
