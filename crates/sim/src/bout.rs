//! A bout: two games over a drawn link, judged by what the players notice. Which delay their inputs need, how long a jam lasts, and
//! which alarms they see. [`run`](crate::run) judges what holds on every network; this judges what holds on a usual one.
//!
//! ```
//! use inputwire_sim::bout::Bout;
//!
//! let bout = Bout::draw(7);
//! println!("{bout:?}");
//! assert_eq!(bout.run(), None);
//! ```

use std::time::Duration;

use inputwire::{Config, Health, PeerEvent};

use super::bottleneck::{Bottleneck, Cross, HEADERS, Queue, Rate};
use super::breach::{Breach, ensure};
use super::duel::{Duel, FRAME_US, Player, quantile};
use super::inputs::Inputs;
use super::network::Faults;
use super::rng::Rng;

const MS: u64 = 1_000;
const SECOND: u64 = 1_000 * MS;
/// From when on the estimates have settled, and when the jam begins.
const SETTLED_US: u64 = 4 * SECOND;
const JAM_US: u64 = 6 * SECOND;
/// How long after a jam everything is as before.
const HEALED_US: u64 = 10 * SECOND;
/// How long a bout without a jam is watched.
const WATCHED_US: u64 = 16 * SECOND;
/// The least rate of a narrow link, in thousandths of what the games offer.
const SPARE: u64 = 1_500;

/// What is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pressed {
    Nothing,
    Walk,
    Noise,
}

/// Foreign traffic that fills a narrow link for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Jam {
    /// The rate of the link, in thousandths of what the games offer.
    permille: u64,
    queue_us: u64,
    lasts_us: u64,
}

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Habits {
    ping_ms: u64,
    called_every: Option<u64>,
    input_delay: u32,
    frame_us: u64,
    start_us: u64,
    limit: Option<u32>,
}

/// Everything about a bout. Equal seeds give equal bouts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bout {
    seed: u64,
    habits: [Habits; 2],
    faults: [Faults; 2],
    pressed: Pressed,
    jam: Option<Jam>,
    /// When end 1 dies.
    death_us: Option<u64>,
}

impl Bout {
    /// Draws a bout.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let rng = &mut Rng::new(seed ^ 0xb0_0700);
        let jam = rng.one_in(2).then(|| Jam {
            permille: rng.between(SPARE, 8_000),
            queue_us: rng.between(200 * MS, 2 * SECOND),
            lasts_us: rng.between(500 * MS, 4 * SECOND),
        });
        let late_caller = jam.is_none() && rng.one_in(4);
        let delay_us = rng.magnitude(120 * MS);
        let unequal = rng.one_in(4);
        let lossy = jam.is_none() && rng.one_in(2);
        let late = if jam.is_none() { rng.pick(&[0, 0, 20, 100]) } else { 0 };
        let faults = [(); 2].map(|()| Faults {
            delay_us: if unequal { rng.magnitude(120 * MS) } else { delay_us },
            loss: if lossy { rng.pick(&[10, 50, 100]) } else { 0 },
            jitter_us: if lossy { rng.magnitude(20 * MS) } else { 0 },
            late,
            late_us: rng.magnitude(100 * MS),
            ..Faults::default()
        });
        let slow = late == 0 && !lossy && rng.one_in(4);
        let limit = rng.pick(&[None, Some(8), Some(20)]);
        let habits = [0, 1].map(|number| Habits {
            ping_ms: rng.pick(&[200, 200, 200, 20, 50, 500, 1_000]),
            called_every: (late_caller && number == 0).then(|| rng.between(30 * MS, 3 * SECOND)),
            input_delay: rng.pick(&[0, 0, 1, 3, 6]),
            frame_us: if slow && number == 1 { FRAME_US * 6 / 5 } else { FRAME_US },
            start_us: rng.below(FRAME_US),
            limit: if slow { Some(8) } else { limit },
        });
        let death_us = (jam.is_none() && rng.one_in(3)).then(|| rng.between(SETTLED_US, 10 * SECOND));
        let pressed = rng.pick(&[Pressed::Nothing, Pressed::Walk, Pressed::Walk, Pressed::Noise]);
        Self { seed, habits, faults, pressed, jam, death_us }
    }

    /// Plays it. Returns the law that was broken.
    #[must_use]
    pub fn run(&self) -> Option<Breach> {
        self.judge().err()
    }

    fn judge(&self) -> Result<(), Breach> {
        let mut duel = Duel::new(self.seed, [0, 1].map(|number| self.player(number)));
        for (index, faults) in self.faults.into_iter().enumerate() {
            duel.network.set_faults(index, 1 - index, faults);
        }
        duel.run_until(SETTLED_US);
        match (self.jam, self.death_us) {
            (Some(jam), _) => self.judge_jam(&mut duel, jam),
            (None, Some(at)) => self.judge_death(&mut duel, at),
            (None, None) => {
                self.judge_delay(&mut duel)?;
                self.judge_leads(&duel)?;
                self.judge_alarms(&duel, SETTLED_US)
            }
        }
    }

    fn player(&self, number: u16) -> Player<4> {
        let habits = self.habits[usize::from(number)];
        let seed = self.seed + u64::from(number);
        let inputs = match self.pressed {
            Pressed::Nothing => Inputs::constant([7; 4]),
            Pressed::Walk => Inputs::walk(seed, 3),
            Pressed::Noise => Inputs::noise(seed),
        };
        let player = Player::new(number, inputs);
        let config = Config::builder()
            .session_id(self.seed)
            .local_player(number)
            .incarnation(0x5eed_0000_0000 + u64::from(number))
            .ping_interval(Duration::from_millis(habits.ping_ms));
        Player {
            config: config.build().expect("valid settings"),
            frame_us: habits.frame_us,
            start_us: habits.start_us,
            limit: habits.limit,
            delay: habits.input_delay,
            called_every: habits.called_every,
            ..player
        }
    }

    /// The interrupt limit of both ends.
    fn limit_us(&self) -> u64 {
        let ping_ms = self.habits[0].ping_ms.max(self.habits[1].ping_ms);
        (500 * MS).max(ping_ms * MS * 5 / 2)
    }

    fn is_called_at_once(&self) -> bool {
        self.habits.iter().all(|habits| habits.called_every.is_none())
    }

    /// Law 18: a link that carries more than the games need is free again soon after foreign traffic has filled it.
    fn judge_jam(&self, duel: &mut Duel<4>, jam: Jam) -> Result<(), Breach> {
        let span = SETTLED_US / 2..SETTLED_US;
        let offered = duel.ends.each_ref().map(|end| end.bytes(&span)).into_iter().max().unwrap_or(HEADERS);
        let bits = u64::try_from(offered).expect("small") * 8 * SECOND / (span.end - span.start) * jam.permille / 1_000;
        let over = JAM_US + jam.lasts_us;
        for (from, to) in [(0, 1), (1, 0)] {
            let mut link = Bottleneck::new(Rate::steady(bits), Queue::Time(jam.queue_us));
            link.add_cross(Cross { from_us: JAM_US, until_us: over, bits_per_second: 20 * bits });
            duel.network.set_bottleneck(from, to, Some(link));
        }
        duel.run_until(JAM_US);
        let before_us = quantile(duel.ages(SETTLED_US..JAM_US - SECOND), 900);
        let healed = over + HEALED_US;
        duel.run_until(healed + 3 * SECOND);
        let span = healed..healed + SECOND;
        let after_us = quantile(duel.ages(span.clone()), 900);
        let refused = duel.refused(&span);
        let before_refused = duel.refused(&(SETTLED_US..JAM_US));
        let is_slow = self.habits[1].frame_us > FRAME_US;
        let held = !is_slow && before_refused.0 == 0 && refused.0 > 0;
        ensure(!held && after_us <= 2 * before_us.max(FRAME_US), "18 a jam passes", || {
            format!("inputs were {before_us} us old before it, and {after_us} us after it, {refused:?} frames refused")
        })?;
        self.judge_alarms(duel, healed)
    }

    /// Law 17: no peer that is there and heard is deaf, interrupted or disconnected.
    fn judge_alarms(&self, duel: &Duel<4>, from: u64) -> Result<(), Breach> {
        for (index, end) in duel.ends.iter().enumerate() {
            let is_alarm =
                |event: &PeerEvent| matches!(event, PeerEvent::Health { health, .. } if *health > Health::Critical);
            let alarm = end.events.iter().find(|(at, event)| *at >= from && is_alarm(event));
            // A caller that is away for longer than the limit sends nothing for so long, or what it sent seldom was lost.
            let (away_us, loss) = (self.habits[1 - index].called_every, self.faults[1 - index].loss);
            let expected = away_us.is_some_and(|us| us + SECOND / 2 > self.limit_us() || loss > 0);
            ensure(expected || alarm.is_none(), "17 no false alarm", || format!("{index} saw {alarm:?}"))?;
        }
        Ok(())
    }

    /// Law 19: a peer that dies is interrupted in time, whenever the caller calls.
    fn judge_death(&self, duel: &mut Duel<4>, at: u64) -> Result<(), Breach> {
        duel.run_until(at);
        duel.ends[1].is_alive = false;
        let called_every = self.habits[0].called_every.unwrap_or(0);
        let way_us = self.faults[1].delay_us + self.faults[1].jitter_us + self.faults[1].late_us;
        // What is under way arrives and waits for a call, and so does the limit; then one more call, since what had arrived by the
        // first one was read then only.
        let limit = at + way_us + self.limit_us() + 3 * called_every + 30 * MS;
        duel.run_until(limit + SECOND);
        let is_noticed = |(seen, event): &(u64, PeerEvent)| {
            *seen >= at && matches!(event, PeerEvent::Health { health, .. } if *health >= Health::Interrupted)
        };
        let noticed = duel.ends[0].events.iter().find(|event| is_noticed(event)).map(|(at, _)| *at);
        ensure(noticed.is_some_and(|noticed| noticed <= limit), "19 silence in time", || {
            format!("dead at {at}, {noticed:?} instead of {limit} us")
        })
    }

    /// Law 16: what both ends suggest hides what the inputs of both need, and no more than the worst of them.
    fn judge_delay(&self, duel: &mut Duel<4>) -> Result<(), Breach> {
        let mut suggested = Vec::new();
        for step in 1..=40 {
            duel.run_until(SETTLED_US + step * (WATCHED_US - SETTLED_US) / 40);
            if step >= 20 {
                suggested.push(duel.ends.each_ref().map(|end| end.peer().suggested_delay().unwrap_or(u32::MAX)));
            }
        }
        if !self.is_called_at_once() || self.habits[1].frame_us > FRAME_US {
            return Ok(());
        }
        let both = suggested.iter().map(|[one, other]| u64::from(*one) + u64::from(*other));
        let (least, most) = (both.clone().min().unwrap_or(0), both.max().unwrap_or(0));
        let ages = duel.ages_of(SETTLED_US..WATCHED_US - SECOND);
        let needed: u64 = ages.iter().map(|ages| quantile(ages.clone(), 850)).sum();
        let worst: u64 = ages.iter().map(|ages| ages.iter().max().copied().unwrap_or(0)).sum();
        let limits = needed / FRAME_US..=worst / FRAME_US + 6;
        ensure(limits.contains(&least) && limits.contains(&most), "16 suggested delay", || {
            format!("{least} to {most} frames, where inputs need {needed} to {worst} us both ways")
        })
    }

    /// Law 15: whoever is ahead knows it.
    fn judge_leads(&self, duel: &Duel<4>) -> Result<(), Breach> {
        if !self.is_called_at_once() {
            return Ok(());
        }
        let leads = duel.ends.each_ref().map(|end| end.peer().pace().map(|pace| i64::from(pace.lead_millis)));
        let played = duel.ends.each_ref().map(|end| i64::from(end.played()));
        let ahead = (played[0] - played[1]) * 1_000;
        let ways = self.faults.map(|faults| i64::try_from(faults.delay_us).expect("small"));
        let frame_us = i64::try_from(FRAME_US).expect("small");
        // A frame of phase, what jitter may hide, and half of what the ways differ.
        let jitter = i64::try_from(self.faults[0].jitter_us.max(self.faults[1].jitter_us)).expect("small");
        // Where one game is slower, the older samples are off by what it falls back in the time that they are kept.
        let tolerance = 1_500 + (jitter + (ways[0] - ways[1]).abs() / 2) * 1_000 / frame_us;
        let what = || format!("{leads:?}, ahead by {ahead} +- {tolerance}");
        let [Some(one), Some(other)] = leads else { return Err(Breach::of("15 lead", what())) };
        let right = |lead: i64, ahead: i64| ahead.abs() <= tolerance || lead.signum() == ahead.signum();
        ensure(right(one, ahead) && right(other, -ahead) && (one + other).abs() <= tolerance, "15 lead", what)
    }
}
