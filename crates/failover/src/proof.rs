//! Whether local datagrams reach the peer on the direct route: inputs that were sent there alone are acknowledged.

/// How many acknowledgements of that kind are a proof. A single one can name by accident what another datagram carried.
const ENOUGH: u8 = 3;

/// What was sent on the direct route alone, and how much of it was acknowledged. An end is the frame after the newest input that
/// a datagram carries; the peer acknowledges exactly that one unless it has received a later datagram, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    newest: Option<u32>,
    /// Bit i: the end `newest - i` proves nothing, since it was not sent, or by the relay, too.
    tainted: u128,
    /// Whether an input was sent that was not sent before.
    fresh: bool,
    acked: Option<u32>,
    count: u8,
}

impl Proof {
    pub(crate) const fn new() -> Self {
        Self { newest: None, tainted: u128::MAX, fresh: false, acked: None, count: 0 }
    }

    /// Notes that a datagram with this end was sent, by the relay, too, or not.
    pub(crate) fn sent(&mut self, end: u32, relayed: bool) {
        match self.newest.map(|newest| end.checked_sub(newest)) {
            Some(Some(0)) => self.tainted |= u128::from(relayed),
            Some(Some(ahead)) => {
                self.fresh = true;
                let skipped = 1_u128.checked_shl(ahead).map_or(u128::MAX, |bit| bit.wrapping_sub(1));
                self.tainted = self.tainted.checked_shl(ahead).unwrap_or(0) | skipped;
                self.tainted = (self.tainted & !1) | u128::from(relayed);
            }
            // The first one may have been sent before, and an earlier one belongs to another epoch.
            _ => self.tainted = u128::MAX,
        }
        self.newest = Some(end);
    }

    /// Notes that the peer has acknowledged all inputs below `end`. Returns whether that proves something.
    pub(crate) fn acked(&mut self, end: u32) -> bool {
        if self.acked.replace(end) == Some(end) {
            return false;
        }
        let back = self.newest.and_then(|newest| newest.checked_sub(end));
        let bit = back.and_then(|back| self.tainted.checked_shr(back));
        let proves = bit.is_some_and(|bits| bits & 1 == 0);
        self.count = self.count.saturating_add(u8::from(proves));
        proves
    }

    pub(crate) const fn holds(&self) -> bool {
        self.count >= ENOUGH
    }

    /// Whether nothing was sent that could prove anything.
    pub(crate) const fn is_idle(&self) -> bool {
        !self.fresh
    }
}

#[cfg(test)]
mod tests {
    use super::Proof;

    #[test]
    fn only_ends_that_were_sent_on_direct_alone_prove_anything_and_each_once() {
        let mut proof = Proof::new();
        for end in 10..20 {
            proof.sent(end, end % 2 == 0);
        }
        for end in [9, 10, 12, 14, 21, 15, 15, 15] {
            proof.acked(end);
        }
        assert_eq!((proof.count, proof.is_idle()), (1, false));
        proof.sent(19, true); // resent by the relay, too
        proof.acked(19);
        assert!(!proof.holds());
        proof.acked(13);
        proof.acked(17);
        assert!(proof.holds());
    }

    #[test]
    fn what_was_ever_sent_by_the_relay_proves_nothing_however_it_was_resent() {
        let mut proof = Proof::new();
        for (end, relayed) in [(9, false), (10, true), (11, true), (11, false), (12, false), (12, true), (12, false)] {
            proof.sent(end, relayed);
        }
        for end in 9..=12 {
            proof.acked(end);
        }
        assert_eq!(proof.count, 0);
    }

    #[test]
    fn what_was_skipped_or_is_long_ago_or_of_another_epoch_proves_nothing() {
        let mut proof = Proof::new();
        for end in [5, 9, 300, 2] {
            proof.sent(end, false);
            for acked in 0..310 {
                if acked != end {
                    proof.acked(acked);
                }
            }
        }
        assert_eq!(proof.count, 0);
    }
}
