//! A second process of a player: started by hand, by a supervisor, or woken after its successor took over.

use inputwire::{Epoch, Event, PeerEvent, Session};
use inputwire_sim::rng::Rng;

use crate::support::{MS, PEER, SECOND, T, Wire, at, drain, endpoint, events, incarnation};

/// What the other player was told, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// An input, of which program and which frame.
    Input(u8, u32),
    Restarted,
    Epoch(u32),
}

/// One player, and several programs of the other one at one address: each receives whatever is sent there.
struct Address {
    player: Session<1, 1>,
    programs: Vec<Session<1, 1>>,
    /// Whether each program runs.
    runs: Vec<bool>,
    now: u64,
    news: Vec<News>,
    reported: Vec<PeerEvent>,
    /// What each program reports.
    theirs: Vec<Vec<PeerEvent>>,
    flying: Vec<(u64, Option<usize>, Vec<u8>)>,
    delay: u64,
    loss: u32,
    rng: Rng,
    /// How long the player's application takes to begin an epoch after a restart, and since when it should.
    pause: u64,
    begin_at: Option<u64>,
}

impl Address {
    fn new(wire: Wire, programs: u64, seed: u64) -> Self {
        let program =
            |number: u64| endpoint::<1, 120>(wire.settings(1).incarnation(0x5eed_7777_0000 + number), wire.peer(0));
        let mut rng = Rng::new(seed);
        let count = usize::try_from(programs).expect("few");
        Self {
            player: endpoint(wire.settings(0).incarnation(incarnation(0)), wire.peer(1)),
            programs: (0..programs).map(program).collect(),
            runs: vec![false; count],
            now: 0,
            news: Vec::new(),
            reported: Vec::new(),
            theirs: vec![Vec::new(); count],
            flying: Vec::new(),
            delay: rng.below(60 * MS),
            loss: u32::try_from(rng.below(200)).expect("small"),
            pause: rng.below(2 * SECOND),
            rng,
            begin_at: None,
        }
    }

    fn frame(&mut self) {
        let now = at(self.now);
        for (_, to, datagram) in self.flying.extract_if(.., |(when, ..)| *when <= self.now).collect::<Vec<_>>() {
            let _ = match to {
                None => self.player.handle_datagram(now, PEER, &datagram),
                Some(to) if self.runs[to] => self.programs[to].handle_datagram(now, PEER, &datagram),
                Some(_) => Ok(()),
            };
        }
        let _ = self.player.push_input(now, [99]);
        for event in events(&mut self.player) {
            match event {
                Event::Input { frame, input, .. } => self.news.push(News::Input(input[0], frame.get())),
                Event::Peer { event, .. } => {
                    self.reported.push(event);
                    let is_new = match event {
                        PeerEvent::Restarted => {
                            self.news.push(News::Restarted);
                            true
                        }
                        PeerEvent::EpochAhead { .. } | PeerEvent::OutOfSync => true,
                        _ => false,
                    };
                    if is_new {
                        self.begin_at.get_or_insert(self.now + self.pause);
                    }
                }
                _ => {}
            }
        }
        if self.begin_at.is_some_and(|at| at <= self.now) {
            self.begin_at = None;
            let next = self.player.next_epoch().expect("one is left");
            self.player.begin_epoch(now, next).expect("newer");
            self.news.push(News::Epoch(next.get()));
        }
        for (_, datagram) in drain(&mut self.player) {
            for to in 0..self.programs.len() {
                self.send(Some(to), &datagram);
            }
        }
        for number in 0..self.programs.len() {
            if !self.runs[number] {
                continue;
            }
            let program = &mut self.programs[number];
            let _ = program.push_input(now, [u8::try_from(number).expect("few")]);
            let mut follow = None;
            for event in events(program) {
                if let Event::Peer { event, .. } = event {
                    self.theirs[number].push(event);
                    follow = match event {
                        PeerEvent::EpochAhead { epoch } => Some(epoch),
                        PeerEvent::Restarted | PeerEvent::OutOfSync => program.next_epoch(),
                        _ => follow,
                    };
                }
            }
            if let Some(epoch) = follow.filter(|epoch| *epoch > program.epoch()) {
                program.begin_epoch(now, epoch).expect("newer");
            }
            for (_, datagram) in drain(program) {
                self.send(None, &datagram);
            }
        }
        self.now += T;
    }

    fn send(&mut self, to: Option<usize>, datagram: &[u8]) {
        if !self.rng.chance(self.loss) {
            self.flying.push((self.now + self.delay, to, datagram.to_vec()));
        }
    }

    fn run(&mut self, micros: u64) {
        let until = self.now + micros;
        while self.now < until {
            self.frame();
        }
    }

    /// Programs fall asleep and wake at random, so many times.
    fn take_turns(&mut self, times: usize) {
        for _ in 0..times {
            for runs in &mut self.runs {
                *runs ^= self.rng.one_in(2);
            }
            let pause = self.rng.below(1_500 * MS);
            self.run(pause);
        }
    }

    /// Between two epochs all inputs are of one program, and none is delivered between a restart and the next epoch.
    fn assert_unmixed(&self, seed: u64) {
        let (mut of, mut next, mut halted) = (None, 0, false);
        for news in &self.news {
            match *news {
                News::Input(program, frame) => {
                    assert!(!halted, "seed {seed}: an input while halted");
                    assert_eq!((*of.get_or_insert(program), next), (program, frame), "seed {seed}: mixed");
                    next += 1;
                }
                News::Restarted => halted = true,
                News::Epoch(_) => (of, next, halted) = (None, 0, false),
            }
        }
    }
}

#[test]
fn programs_that_sleep_wake_and_take_over_from_each_other_are_never_mixed_and_one_plays_in_the_end() {
    let seeds = if cfg!(debug_assertions) { 60 } else { 500 };
    for seed in 0..seeds {
        let mut address = Address::new(Wire::COMPACT[usize::from(seed % 2 == 1)], 3, seed);
        address.take_turns(12);
        // Only one of them is left.
        let last = address.rng.index(3);
        address.runs = (0..3).map(|number| number == last).collect();
        address.loss = 0;
        address.run(8 * SECOND);
        address.news.clear();
        let (mut of_last, frames) = (0, 60);
        address.run(frames * T);
        for news in &address.news {
            of_last += usize::from(matches!(news, News::Input(program, _) if usize::from(*program) == last));
        }
        assert!(of_last >= 55, "seed {seed}: {of_last} inputs of {last}: {:?}", address.reported);
    }
}

#[test]
fn whichever_programs_run_at_an_address_no_input_of_two_is_in_one_epoch() {
    let seeds = if cfg!(debug_assertions) { 60 } else { 500 };
    for seed in 1_000..1_000 + seeds {
        let mut address = Address::new(Wire::COMPACT[usize::from(seed % 2 == 1)], 3, seed);
        address.take_turns(10);
        address.assert_unmixed(seed);
    }
}

#[test]
fn of_two_programs_that_both_stay_one_plays_on_and_both_ends_learn_of_the_second() {
    for wire in Wire::COMPACT {
        for seed in 0..10 {
            let mut address = Address::new(wire, 2, seed);
            (address.loss, address.delay) = (0, 20 * MS);
            address.runs = vec![true, false];
            address.run(2 * SECOND);
            address.runs[1] = true;
            let before = address.news.len();
            address.run(5 * SECOND);
            let inputs = &address.news[before..];
            assert!(inputs.len() >= 295 && inputs.iter().all(|news| matches!(news, News::Input(0, _))));
            assert!(address.reported.contains(&PeerEvent::SecondRun));
            assert!(address.theirs[1].contains(&PeerEvent::Replaced), "{:?}", address.theirs[1]);
            assert_eq!(address.player.epoch(), Epoch::new(0));
        }
    }
}

#[test]
fn a_program_that_wakes_between_the_restart_and_the_epoch_does_not_keep_the_two_apart() {
    for wire in Wire::COMPACT {
        for pause in [0, 100 * MS, SECOND, 3 * SECOND] {
            let mut address = Address::new(wire, 2, 1);
            (address.loss, address.delay, address.pause) = (0, 20 * MS, pause);
            address.runs = vec![true, false];
            address.run(2 * SECOND);
            address.runs = vec![false, true];
            while !address.reported.contains(&PeerEvent::Restarted) {
                address.frame();
                assert!(address.now < 10 * SECOND, "{wire:?}");
            }
            address.runs = vec![true, true];
            address.run(pause + 3 * SECOND);
            address.assert_unmixed(pause);
            let before = address.news.len();
            address.run(SECOND);
            let inputs = address.news[before..].iter().filter(|news| matches!(news, News::Input(..))).count();
            assert!(inputs >= 55, "{wire:?}, {pause}: {inputs}, {:?}", address.reported);
        }
    }
}
