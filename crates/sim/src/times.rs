//! What is said about time, once the network has healed and been quiet: which game is ahead, and which delay hides the way.

use super::breach::{Breach, ensure};
use super::liveness::pairs;
use super::world::World;

/// A lead is told in quarters of a frame, and both ends round; so half of an eighth, in thousandths of a frame.
const ROUNDING: u64 = 63;
/// Both ends measure each way in units of 250 us, twice.
const UNITS_US: u64 = 500;
/// The greatest lead that an end can tell, in thousandths of a frame: it has a byte for quarters of a frame, and takes twice its
/// input delay out.
const TOLD: i64 = 31_000;
/// A round trip that is negative by less than this counts as one of no time.
const DRIFT_US: u64 = 3_500;
/// What comes later by more frames than this was held up by an outage.
const OUTAGE_FRAMES: u64 = 30;

impl World<'_> {
    /// Laws 15 and 16 for every pair that has been quiet for long enough.
    pub(crate) fn check_times(&mut self) -> Result<(), Breach> {
        for (one, other) in pairs(self.endpoints.len()).filter(|(one, other)| one < other) {
            if self.has_forgotten(one, other) {
                self.check_leads(one, other)?;
                self.check_suggested(one, other)?;
                self.check_suggested(other, one)?;
                self.tally.leads += 1;
            }
        }
        Ok(())
    }

    /// Whether all that two endpoints remember of each other's time is from the quiet network, and nothing held it up.
    fn has_forgotten(&self, one: usize, other: usize) -> bool {
        let since = self.quiet_from.saturating_add(self.plan.forgets_after_us(one, other));
        let is_free = |index: usize, peer: usize| {
            let (endpoint, link) = (&self.endpoints[index], &self.endpoints[index].links[peer]);
            let held_up = [Some(endpoint.refused_at), link.cut_at].into_iter().flatten().max();
            endpoint.plan.pushes && held_up < Some(self.quiet_from) && self.rest_us(index, peer) == 0
        };
        !self.plan.classic(one, other)
            && since <= self.now
            && self.connected(one, other)
            && self.connected(other, one)
            && is_free(one, other)
            && is_free(other, one)
    }

    /// How far the games have drifted apart in the time that the endpoints remember, in thousandths of a frame.
    fn drift_millis(&self, one: usize, other: usize) -> u64 {
        let rate = |index: usize| u64::from(self.endpoints[index].plan.permille) * self.plan.frame_us;
        let apart =
            rate(one).abs_diff(rate(other)) + self.plan.frame_us_of(one).abs_diff(self.plan.frame_us_of(other)) * 1_000;
        apart.div_ceil(self.plan.frame_us) * self.plan.forgets_after_us(one, other) / self.plan.frame_us
    }

    /// How many thousandths of a frame the game of an endpoint has played, its input delay not counted. A push that is overdue
    /// counts as made.
    fn phase_millis(&self, index: usize) -> i64 {
        let endpoint = &self.endpoints[index];
        let frame_us = self.plan.frame_us_of(index);
        let begun = (endpoint.clock.read(self.now) - endpoint.pushed_at).min(frame_us) * 1_000 / frame_us;
        signed(endpoint.next * 1_000 + begun) - signed(u64::from(endpoint.plan.input_delay) * 1_000)
    }

    /// Law 15: each end knows how far it is ahead, except for half the difference of both ways, which nobody can know; and
    /// both agree.
    fn check_leads(&self, one: usize, other: usize) -> Result<(), Breach> {
        let law = "15 lead";
        let frame_us = self.plan.frame_us;
        let drift = self.drift_millis(one, other);
        let tolerance = signed(ROUNDING + UNITS_US * 1_000 / frame_us + drift + 10);
        let unequal = signed(self.plan.delay_of(other, one)) - signed(self.plan.delay_of(one, other));
        // By the clock of the endpoint, which measures it.
        let unequal = unequal * i64::from(self.endpoints[one].plan.permille) / 1_000;
        let expected = self.phase_millis(one) - self.phase_millis(other) + unequal * 500 / signed(frame_us);
        let seen = |index: usize, peer: usize| {
            let endpoint = &self.endpoints[index];
            endpoint.links[peer].id.and_then(|id| endpoint.machine.lead_millis(id)).map(i64::from)
        };
        let (here, there) = (seen(one, other), seen(other, one));
        let what = || {
            format!(
                "{here:?} and {there:?} thousandths of a frame of {one} and {other}, {expected} +- {tolerance} expected"
            )
        };
        let (Some(here), Some(there)) = (here, there) else {
            return ensure(self.seems_to_arrive_before_it_was_sent(one, other), law, what);
        };
        let delay = |index: usize| i64::from(self.endpoints[index].plan.input_delay);
        let told = TOLD - 2_000 * delay(one).max(delay(other)) - tolerance;
        let right = if expected.abs() > told.max(tolerance) {
            here.min(-there) * expected.signum() >= 0 && here.abs().min(there.abs()) >= told - tolerance
        } else {
            (here - expected).abs().max((there + expected).abs()).max((here + there).abs() / 2) <= tolerance
        };
        ensure(right, law, what)
    }

    /// Whether clocks go so differently that an echo, which was held for a while by one of them, gives no round trip.
    pub(crate) fn seems_to_arrive_before_it_was_sent(&self, one: usize, other: usize) -> bool {
        let apart = self.endpoints[one].plan.permille.abs_diff(self.endpoints[other].plan.permille);
        let held_us = [one, other].map(|index| self.plan.ping_us_of(index, false) + self.plan.frame_us_of(index));
        let both_us = self.plan.delay_of(one, other) + self.plan.delay_of(other, one);
        both_us + DRIFT_US < held_us[0].max(held_us[1]) * u64::from(apart) / 1_000
    }

    /// Law 16: the delay that an end suggests hides the mean of both ways, and is longer by no more than what an outage may have
    /// left behind.
    fn check_suggested(&self, index: usize, peer: usize) -> Result<(), Breach> {
        let endpoint = &self.endpoints[index];
        let suggested = endpoint.links[peer].id.and_then(|id| endpoint.machine.suggested_delay(id)).map(u64::from);
        let both_us = self.plan.delay_of(index, peer) + self.plan.delay_of(peer, index);
        // By the clock of the endpoint, which measures it.
        let both_us = both_us * u64::from(endpoint.plan.permille) / 1_000;
        let drift_us = self.drift_millis(index, peer) * self.plan.frame_us / 1_000;
        let frames = |us: u64| (us / 2).div_ceil(self.plan.frame_us) + 1;
        if suggested.is_none() && self.seems_to_arrive_before_it_was_sent(index, peer) {
            return Ok(());
        }
        let least = frames(both_us.saturating_sub(UNITS_US + drift_us));
        let most = frames(both_us + UNITS_US + drift_us) + OUTAGE_FRAMES + 1;
        ensure(suggested.is_some_and(|frames| (least..=most).contains(&frames)), "16 suggested delay", || {
            format!("{index} is to wait {suggested:?} frames for {peer}, of {least} to {most}")
        })
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).expect("far from the end of time")
}
