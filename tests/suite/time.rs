//! What is said about time: silence, jitter, delay and pace, whatever the link and the caller do.

use std::time::Duration;

use inputwire::{Epoch, Health, PeerEvent, Session};
use inputwire_sim::duel::{Duel, FRAME_US, Player, quantile};
use inputwire_sim::inputs::Inputs;
use inputwire_sim::network::Faults;
use inputwire_sim::rng::Rng;

use crate::support::forge::Seal;
use crate::support::{
    MS, PEER, Pair, SECOND, T, Wire, at, endpoint, events, frames as frames_of, healths, incarnation, peer,
};

fn player(number: u16) -> Player<1> {
    Player::new(number, Inputs::walk(number.into(), 3))
}

/// A duel on a link of this delay, one way.
fn duel(delay_us: u64, players: [Player<1>; 2]) -> Duel<1> {
    let mut duel = Duel::new(7, players);
    for (from, to) in [(0, 1), (1, 0)] {
        duel.network.set_faults(from, to, Faults { delay_us, ..Faults::default() });
    }
    duel
}

fn on(wire: Wire, mut player: Player<1>) -> Player<1> {
    let number = player.config.local_player();
    player.config = wire.settings(number).build().expect("valid");
    player.peer = wire.peer(1 - number);
    player
}

/// When the health of the peer became at least as bad as this, after `from`.
fn noticed(duel: &Duel<1>, end: usize, from: u64, least: Health) -> Option<u64> {
    let events = duel.ends[end].events.iter().filter(|(at, _)| *at >= from);
    let mut bad = events.filter(|(_, event)| matches!(event, PeerEvent::Health { health, .. } if *health >= least));
    bad.next().map(|(at, _)| at - from)
}

fn lead(duel: &Duel<1>, end: usize) -> i32 {
    duel.ends[end].peer().pace().expect("known").lead_millis
}

fn apart(duel: &Duel<1>) -> i64 {
    i64::from(duel.ends[0].played()) - i64::from(duel.ends[1].played())
}

#[test]
fn a_silence_of_any_length_leaves_no_trace_in_jitter_and_delay() {
    for silence in [300 * MS, SECOND, 2 * SECOND, 5 * SECOND, 17 * SECOND, 60 * SECOND, 3_600 * SECOND] {
        let mut duel = duel(15 * MS, [player(0), player(1)]);
        duel.run_until(10 * SECOND);
        let before = duel.ends[0].peer().suggested_delay().expect("known");
        let until = duel.now + silence;
        duel.network.cut(0, 1, until);
        duel.network.cut(1, 0, until);
        for after in [100 * MS, SECOND, 5 * SECOND] {
            duel.run_until(until + after);
            for end in &duel.ends {
                let delay = end.peer().suggested_delay().expect("known");
                assert!(delay <= before.max(5), "{silence} us, {after} us later: {delay} frames, before {before}");
                let stats = end.peer().stats();
                assert!(stats.jitter.is_none_or(|jitter| jitter < Duration::from_millis(5)), "{silence} us: {stats:?}");
                assert!(stats.rtt.is_some_and(|rtt| rtt.mean < Duration::from_millis(60)), "{silence} us: {stats:?}");
            }
        }
    }
}

#[test]
fn a_dead_peer_is_noticed_by_a_caller_that_calls_late() {
    // How often the session is called, and after which silence the peer is then interrupted and disconnected.
    let rows = [
        (100 * MS, 600 * MS, 5_100 * MS),
        (250 * MS, 750 * MS, 5_250 * MS),
        (300 * MS, 900 * MS, 5_400 * MS),
        (SECOND, 2 * SECOND, 6 * SECOND),
        (60 * SECOND, 120 * SECOND, 120 * SECOND),
    ];
    for wire in Wire::ALL {
        for (every, interrupted, disconnected) in rows {
            let caller = Player { called_every: Some(every), ..on(wire, player(0)) };
            let mut duel = duel(30 * MS, [caller, on(wire, player(1))]);
            let death = 10 * every + 10 * SECOND;
            duel.run_until(death);
            duel.ends[1].is_alive = false;
            duel.run_until(death + every + 130 * SECOND);
            let events = &duel.ends[0].events;
            // The last datagram is under way, and then waits for a call. The classic wire pings each 500 ms, so it is patient.
            let last = 30 * MS + every;
            let longer = if wire == Wire::Classic { 750 * MS + every } else { 0 };
            let at = noticed(&duel, 0, death, Health::Interrupted).unwrap_or(u64::MAX);
            assert!(
                at <= last + interrupted + longer,
                "{wire:?}, called each {every} us: interrupted after {at} us, {events:?}"
            );
            let at = noticed(&duel, 0, death, Health::Disconnected).unwrap_or(u64::MAX);
            assert!(
                at <= last + disconnected,
                "{wire:?}, called each {every} us: disconnected after {at} us, {events:?}"
            );
        }
    }
}

#[test]
fn a_peer_that_is_there_is_no_alarm_to_a_caller_that_calls_late() {
    for wire in Wire::ALL {
        for every in [100 * MS, 250 * MS, 300 * MS, 700 * MS, SECOND] {
            let caller = Player { called_every: Some(every), ..on(wire, player(0)) };
            let mut duel = duel(30 * MS, [caller, on(wire, player(1))]);
            duel.run_until(60 * SECOND);
            let alarm = noticed(&duel, 0, 5 * SECOND, Health::Deaf);
            assert_eq!(alarm, None, "{wire:?}, called each {every} us: {:?}", duel.ends[0].events);
        }
    }
}

#[test]
fn a_peer_that_hears_nothing_any_more_is_deaf_within_the_interrupt_limit_and_a_round_trip() {
    for ping_ms in [20, 100, 200, 500] {
        let [one, other] = [0, 1].map(|number| {
            let config = Wire::Compact.settings(number).ping_interval(Duration::from_millis(ping_ms));
            Player { config: config.build().expect("valid"), ..player(number) }
        });
        let mut duel = duel(30 * MS, [one, other]);
        let cut = 10 * SECOND;
        duel.run_until(cut);
        duel.network.cut(0, 1, u64::MAX);
        duel.run_until(cut + 8 * SECOND);
        let limit = (500 * MS).max(ping_ms * MS * 5 / 2);
        let at = noticed(&duel, 0, cut, Health::Deaf).unwrap_or(u64::MAX);
        assert!(at <= limit + 60 * MS + 3 * FRAME_US + ping_ms * MS, "pings of {ping_ms} ms: deaf after {at} us");
    }
}

#[test]
fn a_peer_that_hears_and_takes_nothing_is_not_deaf() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.delay = 30 * MS;
        pair.play(60);
        pair.unpolled[1] = true; // a loading screen
        pair.play(230);
        assert!(peer(&pair.sessions[0]).unacked() > 60, "nothing is acknowledged any more");
        pair.run(4 * SECOND);
        let reported = healths(&pair.reported[0]);
        assert!(!reported.contains(&Health::Deaf), "{wire:?}: {reported:?}");
    }
}

#[test]
fn the_suggested_delay_is_what_the_inputs_need_where_datagrams_overtake_each_other() {
    for (late, most) in [(0, 4), (100, 6)] {
        let mut duel = duel(30 * MS, [player(0), player(1)]);
        for (from, to) in [(0, 1), (1, 0)] {
            let faults = Faults { delay_us: 30 * MS, late, late_us: 150 * MS, ..Faults::default() };
            duel.network.set_faults(from, to, faults);
        }
        duel.run_until(5 * SECOND);
        let mut suggested = Vec::new();
        for step in 1..=550 {
            duel.run_until(5 * SECOND + step * 100 * MS);
            suggested.extend(duel.ends.iter().map(|end| end.peer().suggested_delay().expect("known")));
        }
        let needed = quantile(duel.ages(5 * SECOND..59 * SECOND), 990).div_ceil(FRAME_US);
        let (least, greatest) = (suggested.iter().min().copied(), suggested.iter().max().copied());
        println!("{late} of 1,000 late: needed {needed}, suggested {least:?} to {greatest:?}");
        assert!(least.is_some_and(|least| u64::from(least) >= needed), "{least:?} of {needed}");
        assert!(greatest.is_some_and(|greatest| greatest <= most), "{late} of 1,000 late: {greatest:?} frames");
    }
}

#[test]
fn a_slow_machine_is_behind_to_itself_and_the_other_one_ahead() {
    let fast = Player { limit: Some(8), ..player(0) };
    let slow = Player { frame_us: 20 * MS, ..player(1) };
    let mut duel = duel(30 * MS, [fast, slow]);
    for second in 10..40 {
        duel.run_until(second * SECOND);
        let leads = [lead(&duel, 0), lead(&duel, 1)];
        assert!(leads[0] > 4_000 && leads[1] < -4_000, "second {second}: {leads:?}, {} apart", apart(&duel));
        assert!((leads[0] + leads[1]).abs() < 1_500, "second {second}: {leads:?}");
    }
}

#[test]
fn ninety_frames_apart_are_a_third_of_that_after_ten_seconds_and_none_after_a_minute() {
    for wire in Wire::ALL {
        let start = 3 * SECOND;
        let first = Player { start_us: start, follows_pace: true, ..on(wire, player(0)) };
        let second = Player { start_us: start + 90 * FRAME_US, follows_pace: true, ..on(wire, player(1)) };
        let mut duel = duel(30 * MS, [first, second]);
        let begun = start + 90 * FRAME_US;
        duel.run_until(begun + FRAME_US);
        assert!(apart(&duel) >= 88, "{wire:?}: {}", apart(&duel));
        duel.run_until(begun + 10 * SECOND);
        assert!(apart(&duel) <= 35, "{wire:?}: {} frames apart after ten seconds", apart(&duel));
        for second in 60..70 {
            duel.run_until(begun + second * SECOND);
            assert!(apart(&duel).abs() <= 1, "{wire:?}: {} frames apart after {second} s", apart(&duel));
        }
    }
}

#[test]
fn an_input_delay_is_no_lead() {
    let one = Player { delay: 6, follows_pace: true, ..player(0) };
    let other = Player { follows_pace: true, ..player(1) };
    let mut duel = duel(30 * MS, [one, other]);
    for second in 10..60 {
        duel.run_until(second * SECOND);
        assert!(apart(&duel).abs() <= 1, "{} frames apart after {second} s", apart(&duel));
        let leads = [lead(&duel, 0), lead(&duel, 1)];
        assert!(leads.iter().all(|lead| lead.abs() < 1_000), "second {second}: {leads:?}");
    }
}

#[test]
fn a_lead_stays_what_it_is_between_the_blocks_of_an_end_that_seldom_pings() {
    let pings = [(0, 200), (1, 10_000)];
    let mut players = pings.map(|(number, ping_ms)| {
        let ping = Duration::from_millis(ping_ms);
        let config = Wire::Compact.settings(number).ping_interval(ping).disconnect_after(Duration::from_secs(30));
        Player { config: config.build().expect("valid"), ..player(number) }
    });
    players[1].delay = 3;
    let mut duel = duel(30 * MS, players);
    for second in 30..80 {
        duel.run_until(second * SECOND);
        let leads = [lead(&duel, 0), lead(&duel, 1)];
        assert!(leads.iter().all(|lead| lead.abs() < 1_000), "second {second}: {leads:?}");
    }
}

/// An end whose peer is no way away, and what it has of it.
struct Receiver {
    session: Session<1, 1>,
    now: u64,
    end: u32,
    epoch: u32,
}

impl Receiver {
    fn new() -> Self {
        let mut session = endpoint(Wire::Compact.settings(0), Wire::Compact.peer(1).incarnation(incarnation(1)));
        let block = Seal::new(Wire::Compact, 1, 0).timed(0, 0, 0, [1, 4, 1], &[]);
        assert_eq!(session.handle_datagram(at(MS), PEER, &block), Ok(()));
        Self { session, now: MS, end: 0, epoch: 0 }
    }

    /// So many frames later a datagram arrives with their inputs, and later than the frame by so much.
    fn take(&mut self, frames: u32, late: u64) {
        self.now += u64::from(frames) * T;
        self.end += frames;
        let seal = Seal { epoch: self.epoch, ..Seal::new(Wire::Compact, 1, 0) };
        let count = u8::try_from(frames).expect("few");
        let datagram = seal.inputs(count, self.end, 0, &[]);
        assert_eq!(self.session.handle_datagram(at(self.now + late), PEER, &datagram), Ok(()));
        let delivered = frames_of(&events(&mut self.session));
        assert_eq!(delivered.len(), usize::from(count));
    }

    fn suggested(&self) -> u32 {
        peer(&self.session).suggested_delay().expect("known")
    }
}

#[test]
fn the_suggested_delay_rises_by_a_quarter_of_a_frame_for_each_later_input_and_falls_by_a_256th_for_each_other_one() {
    let after = |arrivals: &[(usize, u32, u64)]| {
        let mut end = Receiver::new();
        (0..40).for_each(|_| end.take(1, 0));
        for (times, frames, late) in arrivals {
            (0..*times).for_each(|_| end.take(*frames, *late));
        }
        end.suggested()
    };
    // How often, so many frames in one datagram, and how late that is.
    for (arrivals, expected) in [
        (&[][..], 1),
        // Each datagram brings an input that is a frame old.
        (&[(1, 2, 0)], 2),
        (&[(4, 2, 0)], 2),
        (&[(5, 2, 0)], 3),
        // No more than they are late.
        (&[(100, 2, 0)], 3),
        (&[(100, 3, 0)], 4),
        // The datagram itself is late.
        (&[(1, 1, T / 2), (1, 1, 0), (1, 1, T / 2)], 2),
        (&[(5, 1, 0), (5, 2, 1), (1, 1, 0)], 3),
        // Back to a frame.
        (&[(5, 2, 0), (64, 1, 0)], 3),
        (&[(5, 2, 0), (65, 1, 0)], 2),
        // An outage is longer than thirty frames.
        (&[(5, 31, 0)], 3),
        (&[(5, 32, 0)], 1),
    ] {
        assert_eq!(after(arrivals), expected, "{arrivals:?}");
    }
}

#[test]
fn one_input_in_65_comes_later_than_the_suggested_delay() {
    for (seed, one_in) in [(1, 2), (2, 4), (3, 20)] {
        let (mut rng, mut end) = (Rng::new(seed), Receiver::new());
        let (mut later, mut later_than_less) = (0, 0);
        for number in 0..13_000 {
            // Of the datagrams with one input each, some are lost.
            let mut frames = 1;
            while rng.one_in(one_in) {
                frames += 1;
            }
            end.take(frames, 0);
            if number >= 500 {
                // The suggestion counts the frame in which an input is sampled.
                later += u32::from(frames > end.suggested());
                later_than_less += u32::from(frames + 2 > end.suggested());
            }
        }
        assert!(later <= 12_500 / 65, "one in {one_in} is lost: {later}");
        assert!(later_than_less >= 12_500 / 65, "one in {one_in} is lost: {later_than_less}");
    }
}

#[test]
fn another_way_and_another_epoch_are_no_lateness() {
    // Both come as many frames later as are not an outage yet.
    let mut end = Receiver::new();
    (0..20).for_each(|_| end.take(1, 0));
    end.session.handle_transport_closed(at(end.now), PEER);
    end.session.handle_transport_opened(at(end.now), PEER);
    end.now += 10 * T;
    (0..20).for_each(|_| end.take(1, 0));
    assert_eq!(end.suggested(), 1);
    let mut end = Receiver::new();
    (0..20).for_each(|_| end.take(1, 0));
    end.session.begin_epoch(at(end.now), Epoch::new(1)).expect("newer");
    (end.epoch, end.end) = (1, 0);
    let hello = Seal { epoch: 1, ..Seal::new(Wire::Compact, 1, 0) }.playing(1, 1).hello();
    assert_eq!(end.session.handle_datagram(at(end.now), PEER, &hello), Ok(()));
    (0..20).for_each(|_| end.take(1, 0));
    assert_eq!(end.suggested(), 1);
}
