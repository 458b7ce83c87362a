//! inputwire below its rollback driver: the same as the loop by hand.

use inputwire::{Instant, MAX_DATAGRAM_SIZE, Session};
use inputwire_rollback::{Rollback, Step};

use crate::bare::{PEER, rtt_ms, session};
use crate::duel::{Datagrams, Depths, Endpoint};
use crate::game::State;

pub struct Driver<const N: usize> {
    driver: Rollback<State, Session<1, N>, 1, N>,
    buf: [u8; MAX_DATAGRAM_SIZE],
    arrived: Datagrams,
}

impl<const N: usize> Endpoint<N> for Driver<N> {
    fn new(player: u8) -> Self {
        let driver = Rollback::new(session(player), State::default());
        Self { driver, buf: [0; MAX_DATAGRAM_SIZE], arrived: Datagrams::with_capacity() }
    }

    fn arrive(&mut self, _: u64, datagram: &[u8], _: &mut Datagrams) {
        self.arrived.push(datagram);
    }

    fn frame(&mut self, now: u64, input: [u8; N], out: &mut Datagrams) -> bool {
        let now = Instant::from_micros(now);
        self.driver.handle_timeout(now);
        for datagram in self.arrived.iter() {
            let _ = self.driver.handle_datagram(now, PEER, datagram);
        }
        self.arrived.clear();
        while self.driver.poll_event().is_some() {}
        let step = self.driver.step(now, input, |state, inputs| state.play([inputs.input(0), inputs.input(1)]));
        while let Some(transmit) = self.driver.poll_transmit(&mut self.buf) {
            out.push(transmit.datagram);
        }
        matches!(step, Step::Advanced { .. })
    }

    fn deadline(&self) -> Option<u64> {
        None
    }

    fn wake(&mut self, _: u64, _: &mut Datagrams) {}

    fn known(&self) -> u64 {
        let last = self.driver.session().peer(PEER).and_then(|peer| peer.last_frame());
        last.map_or(0, |frame| u64::from(frame.get()) + 1)
    }

    fn rtt_ms(&self) -> Option<f64> {
        rtt_ms(self.driver.session())
    }

    fn hash(&self) -> u64 {
        self.driver.state().hash
    }

    fn depths(&self) -> Depths {
        let stats = self.driver.stats();
        (stats.rollbacks, stats.resimulated, stats.deepest)
    }
}
