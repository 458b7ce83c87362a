//! A duel that is watched: the commands of its keys, and the score of the schemes.

use std::io;
use std::time::Duration;

use inputwire::Instant;
use inputwire_sim::rng::nth;

use crate::duel::Duel;
use crate::endpoint::Hands;
use crate::link::{Knobs, Link};
use crate::net::Net;
use crate::scheme::Scheme;
use crate::tape::Counts;

/// The delays, each way, that `d` goes through, in milliseconds.
const DELAYS: [u64; 5] = [0, 20, 50, 100, 200];
/// For how long `p` pulls the cable.
const PULL: Duration = Duration::from_secs(1);
/// After this long without a key, a bot plays for the left player again.
const HANDS_OFF: Duration = Duration::from_secs(3);

/// The command of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Loss(u8),
    Bursts,
    Delay,
    Pull,
    NextScheme,
    Restart,
    Course(u8),
    Fire,
}

/// A duel, and the controls of its link.
#[derive(Debug)]
pub(crate) struct App<N> {
    pub(crate) duel: Duel<N>,
    pub(crate) scheme: Scheme,
    pub(crate) now: Instant,
    seed: u64,
    /// How many duels ended before this one.
    rounds: u64,
    touched: Instant,
    /// The fates of inputs in earlier duels, by scheme.
    board: [Counts; 4],
    make_net: fn(u64) -> io::Result<N>,
}

impl<N: Net> App<N> {
    pub(crate) fn new(now: Instant, seed: u64, make_net: fn(u64) -> io::Result<N>) -> io::Result<Self> {
        let scheme = Scheme::Compact;
        let mut duel = Duel::new(now, scheme, seed, false, make_net(seed)?);
        duel.net.link().knobs = Knobs { loss_percent: 20, bursts: true, ..Knobs::GOOD };
        Ok(Self { duel, scheme, now, seed, rounds: 0, touched: now, board: [Counts::default(); 4], make_net })
    }

    /// Does everything that is due now.
    pub(crate) fn run(&mut self, now: Instant) -> io::Result<()> {
        self.now = now;
        if now.saturating_since(self.touched) >= HANDS_OFF {
            self.duel.endpoints[0].hands = None;
        }
        self.duel.run(now)
    }

    pub(crate) fn command(&mut self, command: Command) -> io::Result<()> {
        let now = self.now;
        let knobs = &mut self.duel.net.link().knobs;
        match command {
            Command::Loss(percent) => knobs.loss_percent = percent,
            Command::Bursts => knobs.bursts = !knobs.bursts,
            Command::Delay => {
                let millis = DELAYS.into_iter().find(|millis| Duration::from_millis(*millis) > knobs.delay);
                knobs.delay = Duration::from_millis(millis.unwrap_or(DELAYS[0]));
            }
            Command::Pull => knobs.unplugged_until = now.saturating_add(PULL),
            Command::NextScheme => self.restart(self.scheme.next())?,
            Command::Restart => self.restart(self.scheme)?,
            Command::Course(course) => self.hands().course = course,
            Command::Fire => self.hands().fire = true,
        }
        Ok(())
    }

    /// Returns the fates of both players' inputs under a scheme, in all duels.
    pub(crate) fn score(&self, scheme: Scheme) -> Counts {
        let earlier = self.board[scheme.index()];
        if scheme == self.scheme { earlier.plus(self.duel.counts()) } else { earlier }
    }

    /// Starts a new duel over a link with the same faults.
    fn restart(&mut self, scheme: Scheme) -> io::Result<()> {
        self.board[self.scheme.index()] = self.score(self.scheme);
        self.rounds += 1;
        let seed = nth(self.seed, self.rounds);
        let knobs = self.duel.net.link().knobs;
        self.duel = Duel::new(self.now, scheme, seed, false, (self.make_net)(seed)?);
        self.duel.net.link().knobs = knobs;
        self.scheme = scheme;
        Ok(())
    }

    fn hands(&mut self) -> &mut Hands {
        self.touched = self.now;
        self.duel.endpoints[0].hands.get_or_insert(Hands { course: 0, fire: false })
    }
}

impl App<Link> {
    /// Plays in virtual time until `until`.
    pub(crate) fn run_until(&mut self, until: Instant) {
        self.now = self.duel.run_until(self.now, until);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use inputwire::Instant;

    use super::{App, Command};
    use crate::game::RIGHT;
    use crate::link::Link;
    use crate::scheme::Scheme;

    fn app() -> App<Link> {
        App::new(Instant::ORIGIN, 7, |seed| Ok(Link::new(seed))).unwrap()
    }

    fn after(millis: u64) -> Instant {
        Instant::ORIGIN.saturating_add(Duration::from_millis(millis))
    }

    #[test]
    fn keys_turn_the_knobs() {
        let mut app = app();
        app.command(Command::Loss(40)).unwrap();
        app.command(Command::Bursts).unwrap();
        app.command(Command::Delay).unwrap();
        app.command(Command::Pull).unwrap();
        let knobs = app.duel.net.knobs;
        assert_eq!((knobs.loss_percent, knobs.bursts, knobs.delay.as_millis()), (40, false, 100));
        assert_eq!(knobs.unplugged_until, after(1_000));
        for _ in 0..2 {
            app.command(Command::Delay).unwrap();
        }
        assert_eq!(app.duel.net.knobs.delay.as_millis(), 0);
    }

    #[test]
    fn the_next_scheme_starts_a_new_duel_and_keeps_knobs_and_score() {
        let mut app = app();
        app.duel.net.knobs.loss_percent = 90;
        app.duel.run_until(Instant::ORIGIN, after(3_000));
        app.run(after(3_000)).unwrap();
        let score = app.score(Scheme::Compact);
        app.command(Command::NextScheme).unwrap();
        assert_eq!(app.scheme, Scheme::Single);
        assert_eq!(app.duel.net.knobs.loss_percent, 90);
        assert_eq!(app.score(Scheme::Compact), score);
        assert_eq!(app.score(Scheme::Single).judged(), 0);
    }

    #[test]
    fn hands_drive_the_left_player_until_they_rest() {
        let mut app = app();
        app.command(Command::Course(RIGHT)).unwrap();
        app.run(after(2_999)).unwrap();
        assert!(app.duel.endpoints[0].hands.is_some());
        app.run(after(3_000)).unwrap();
        assert!(app.duel.endpoints[0].hands.is_none());
    }
}
