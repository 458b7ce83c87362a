//! An endpoint on a small machine, to measure its code: a session for two players with both wires, and every call that a
//! game makes in a frame, behind a C interface. With the feature `five`, five sizes of inputs in one binary.

#![no_std]

use core::panic::PanicInfo;

use inputwire::{Config, Event, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerId, PeerRef, Session};

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Defines an endpoint. The caller passes the arguments of each call, and gets its result.
macro_rules! endpoint {
    ($name:ident, $size:literal, $($classic:tt)?) => {
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(
            session: &mut Option<Session<1, $size>>,
            call: u8,
            micros: u64,
            bytes: &mut [u8; MAX_DATAGRAM_SIZE],
            len: usize,
        ) -> u64 {
            let now = Instant::from_micros(micros);
            let peer = PeerId::new(0);
            let Some(session) = session else {
                let incarnation = micros | 1 << 63;
                let config = Config::builder().session_id(micros).local_player(u16::from(call)).incarnation(incarnation);
                let Ok(config) = config.build() else { return 0 };
                let mut new = Session::new(config);
                let wire = PeerConfig::compact(1);
                $(let wire = if len > 0 { PeerConfig::$classic(1) } else { wire };)?
                let _ = new.add_peer(now, wire);
                *session = Some(new);
                return 0;
            };
            match call {
                0 => {
                    let mut input = [0; $size];
                    input.iter_mut().zip(bytes.iter()).for_each(|(to, from)| *to = *from);
                    session.push_input(now, input).map_or(0, |frame| u64::from(frame.get()))
                }
                1 => u64::from(session.handle_datagram(now, peer, bytes.get(..len).unwrap_or(&[])).is_ok()),
                2 => session.poll_transmit(bytes).map_or(0, |transmit| transmit.datagram.len() as u64),
                3 => match session.poll_event() {
                    Some(Event::Input { frame, input, .. }) => {
                        bytes.iter_mut().zip(input).for_each(|(to, from)| *to = from);
                        u64::from(frame.get())
                    }
                    Some(_) => 1,
                    None => 0,
                },
                4 => session.poll_timeout().map_or(0, Instant::as_micros),
                5 => {
                    session.handle_timeout(now);
                    0
                }
                6 => session.peer(peer).and_then(PeerRef::last_frame).map_or(0, |frame| u64::from(frame.get())),
                _ => session.peer(peer).map_or(0, |peer| peer.stats().totals.packets_received),
            }
        }
    };
}

endpoint!(endpoint_1, 1, classic);

#[cfg(feature = "five")]
mod five {
    use super::*;

    endpoint!(endpoint_2, 2,);
    endpoint!(endpoint_4, 4,);
    endpoint!(endpoint_8, 8,);
    endpoint!(endpoint_16, 16,);
}

#[cfg(feature = "rollback")]
mod rollback {
    use inputwire_rollback::{Rollback, Step};

    use super::*;

    /// A driver on a session of the compact wire, with a state of eight bytes and checksums.
    type Driver = Rollback<u64, Session<1, 1>, 1, 1>;

    #[unsafe(no_mangle)]
    pub extern "C" fn driver_1(
        driver: &mut Option<Driver>,
        call: u8,
        micros: u64,
        bytes: &mut [u8; MAX_DATAGRAM_SIZE],
        len: usize,
    ) -> u64 {
        let now = Instant::from_micros(micros);
        let peer = PeerId::new(0);
        let Some(driver) = driver else {
            let config = Config::builder().local_player(u16::from(call)).incarnation(micros | 1 << 63);
            let Ok(config) = config.build() else { return 0 };
            let mut new = Driver::new(Session::new(config), 0).with_checksums(10, |state| *state);
            let _ = new.add_peer(now, PeerConfig::compact(1));
            *driver = Some(new);
            return 0;
        };
        match call {
            0 => {
                let step = driver.step(now, [bytes[0]], |state, inputs| {
                    *state = state.rotate_left(8) ^ u64::from(inputs.input(0)[0]) ^ u64::from(inputs.input(1)[0]) << 8;
                });
                u64::from(matches!(step, Step::Advanced { .. }))
            }
            1 => u64::from(driver.handle_datagram(now, peer, bytes.get(..len).unwrap_or(&[])).is_ok()),
            2 => driver.poll_transmit(bytes).map_or(0, |transmit| transmit.datagram.len() as u64),
            3 => u64::from(driver.poll_event().is_some()),
            4 => driver.poll_timeout().map_or(0, Instant::as_micros),
            5 => {
                driver.handle_timeout(now);
                0
            }
            6 => driver.confirmed_state().map_or(0, |(_, state)| *state),
            7 => u64::try_from(driver.frame_interval().as_micros()).unwrap_or(0),
            _ => driver.session().peer(peer).map_or(0, |peer| peer.stats().totals.packets_received),
        }
    }
}
