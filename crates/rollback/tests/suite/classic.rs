//! The driver over the classic wire, whose inputs come with gaps, and may be lost for good.

use std::time::Duration;

use inputwire::{Config, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, PeerRef, Session};
use inputwire_rollback::{Inputs, Rollback, RollbackEvent, Status, Step};
use inputwire_sim::rng::Rng;

use crate::pair::FRAME_US;

const PEER: PeerId = PeerId::new(0);
const WINDOW: usize = 20;
const INPUT: u8 = 0x01;
const RESPONSE: u8 = 0x13;

type Plain = Session<1, 1, WINDOW>;
type Driver = Rollback<Vec<(Status, u8)>, Plain, 1, 1, 6, WINDOW>;

fn session(player: u16) -> Plain {
    // Responses are a ping interval apart, and the window is short.
    let config = Config::builder().local_player(player).ping_interval(Duration::from_millis(20));
    let mut session = Session::new(config.build().expect("valid settings"));
    session.add_peer(Instant::ORIGIN, PeerConfig::classic(1 - player)).expect("a free place");
    session
}

/// What the game at player 0 sees of player 1, frame by frame.
fn look(seen: &mut Vec<(Status, u8)>, inputs: &Inputs<'_, 1>) {
    seen.push((inputs.get(1).status, inputs.input(1)[0]));
}

/// A driver for player 0, and an original for player 1, which never waits.
struct Game {
    driver: Driver,
    original: Plain,
    now: u64,
    events: Vec<PeerEvent>,
    steps: Vec<Step>,
}

impl Game {
    fn new() -> Self {
        let driver = Rollback::new(session(0), Vec::new());
        Self { driver, original: session(1), now: 0, events: Vec::new(), steps: Vec::new() }
    }

    /// Plays frames. The original does in frame f what `input` says, and of what it sends arrives what `arrives` lets through.
    fn play(&mut self, frames: u32, input: fn(u32) -> u8, arrives: impl Fn(&[u8]) -> bool) {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        for _ in 0..frames {
            let now = self.play_original(input, &arrives);
            while let Some(event) = self.driver.poll_event() {
                if let RollbackEvent::Peer { event, .. } = event {
                    self.events.push(event);
                }
            }
            self.steps.push(self.driver.step(now, [7], look));
            while let Some(transmit) = self.driver.poll_transmit(&mut buf) {
                self.original.handle_datagram(now, PEER, transmit.datagram).expect("nothing is wrong with it");
            }
        }
    }

    /// Lets the original play frames alone, and all arrives, or nothing.
    fn lead(&mut self, frames: u32, input: fn(u32) -> u8, arrives: bool) {
        for _ in 0..frames {
            self.play_original(input, |_| arrives);
        }
    }

    /// Lets the original play a frame, and returns its time.
    fn play_original(&mut self, input: fn(u32) -> u8, arrives: impl Fn(&[u8]) -> bool) -> Instant {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        self.now += FRAME_US;
        let now = Instant::from_micros(self.now);
        self.original.handle_timeout(now);
        while self.original.poll_event().is_some() {}
        self.original.push_input(now, [input(self.original.next_frame().get())]).expect("it never waits");
        while let Some(transmit) = self.original.poll_transmit(&mut buf) {
            if arrives(transmit.datagram) {
                self.driver.handle_datagram(now, PEER, transmit.datagram).expect("nothing is wrong with it");
            }
        }
        now
    }

    fn lost(&self) -> Vec<(u32, u32)> {
        let lost = self.events.iter().filter_map(|event| match event {
            PeerEvent::Lost { first, count } => Some((first.get(), *count)),
            _ => None,
        });
        lost.collect()
    }
}

fn number(frame: u32) -> u8 {
    frame.to_le_bytes()[0]
}

#[test]
fn an_input_that_fills_a_gap_is_played_in_its_frame_and_those_beyond_it_are_known_already() {
    let mut game = Game::new();
    game.play(10, number, |_| true);
    // Five INPUTs of three frames each are lost: 10, 11 and 12 are in no other one.
    game.play(5, number, |datagram| datagram[0] != INPUT);
    // The next ones arrive, and the response does not yet: the game waits at the gap.
    game.play(2, number, |datagram| datagram[0] != RESPONSE);
    let waiting = game.driver.confirmed_frame().expect("confirmed");
    assert_eq!(waiting, Frame::new(9));
    let (latest, _) = game.driver.session().peer(PEER).and_then(PeerRef::latest_input).expect("an input");
    assert!(latest > Frame::new(15), "{latest}");
    // What is beyond the gap is no prediction.
    let seen = game.driver.state();
    assert!(!seen.contains(&(Status::Predicted, number(16))), "{seen:?}");

    game.play(60, number, |_| true);
    assert!(game.lost().is_empty(), "{:?}", game.events);
    let (confirmed, seen) = game.driver.confirmed_state().expect("confirmed");
    assert!(confirmed > Frame::new(60), "{confirmed}");
    assert_eq!(seen, game.driver.state(), "all that arrived is known");
    let expected: Vec<_> = (0..=confirmed.get()).map(number).collect();
    assert_eq!(seen.iter().map(|(_, input)| *input).collect::<Vec<_>>(), expected);
}

#[test]
fn a_frame_in_a_gap_is_predicted_from_the_latest_input_even_if_that_is_a_later_one() {
    let mut game = Game::new();
    game.play(10, number, |_| true);
    // 10, 11 and 12 are in no other INPUT.
    game.lead(5, number, false);
    game.lead(3, number, true);
    game.play(1, number, |_| false);
    let gap: Vec<_> = game.driver.state().iter().skip(10).collect();
    assert_eq!(gap, [&(Status::Predicted, number(17))]);
}

#[test]
fn a_game_plays_on_with_its_predictions_for_inputs_that_are_lost_for_good_and_says_which() {
    let mut game = Game::new();
    game.play(10, number, |_| true);
    game.play(5, number, |datagram| datagram[0] != INPUT);
    let confirmed = game.driver.confirmed_frame();
    // The requests stay unanswered until the frames leave the window.
    game.play(8, number, |datagram| datagram[0] != RESPONSE);
    assert!(matches!(game.steps.last(), Some(Step::Waiting(PEER))));
    assert_eq!(game.driver.confirmed_frame(), confirmed);
    game.play(60, number, |datagram| datagram[0] != RESPONSE);

    let lost = game.lost();
    let frames: Vec<_> = lost.iter().flat_map(|(first, count)| *first..first + count).collect();
    assert_eq!(frames.first(), Some(&10), "{lost:?}");
    let (end, seen) = game.driver.confirmed_state().expect("confirmed");
    assert!(end > Frame::new(30), "the game goes on, and not only to {end}");
    assert!(matches!(game.steps.last(), Some(Step::Advanced { .. })));
    for (frame, (status, input)) in (0..=end.get()).zip(seen) {
        if frames.contains(&frame) {
            assert_eq!(*input, number(9), "frame {frame}: the latest one that was known");
        } else {
            assert_eq!((*status, *input), (Status::Confirmed, number(frame)), "frame {frame}");
        }
    }
}

#[test]
fn inputs_that_arrive_together_with_a_loss_are_played_in_their_frames() {
    let mut game = Game::new();
    game.play(10, number, |_| true);
    // 10, 11 and 12 are in no other INPUT. Meanwhile, player 0 predicts the frames 10 to 13 at most.
    game.play(5, number, |datagram| datagram[0] != INPUT);
    assert!(game.driver.state().len() > 13, "{}", game.driver.state().len());
    // The next ones were held up, and arrive at once: frame 13 is the oldest in the window when they are taken, and known.
    game.lead(17, number, true);
    let peer = game.driver.session().peer(PEER).expect("a peer");
    assert_eq!(peer.remote_input(Frame::new(13)), Some([13]));
    game.play(20, number, |_| true);
    assert_eq!(game.lost(), [(10, 3)]);
    let (end, seen) = game.driver.confirmed_state().expect("confirmed");
    assert!(end > Frame::new(30), "{end}");
    assert_eq!(seen[13], (Status::Confirmed, 13), "it is neither lost nor played");
}

#[test]
fn the_inputs_that_come_with_a_loss_are_predicted_from() {
    let mut game = Game::new();
    game.play(10, number, |_| true);
    game.play(5, number, |datagram| datagram[0] != INPUT);
    game.lead(30, number, true);
    let (latest, _) = game.driver.session().peer(PEER).and_then(PeerRef::latest_input).expect("an input");
    game.play(60, |_| 0, |_| false);
    let first = game.driver.state().get(usize::try_from(latest.get()).expect("few") + 1);
    assert_eq!(first, Some(&(Status::Predicted, number(latest.get()))), "{latest}");
}

/// Gaps, bursts, and events that are taken now and then, or a few at a time.
#[test]
fn no_more_confirmed_frames_are_wrong_than_were_reported_as_lost() {
    let mut lossy = 0;
    for seed in 0..300_u64 {
        let mut rng = Rng::new(seed);
        let mut draw = |among: &[u32]| among[rng.index(among.len())];
        let (loss, polls, bursts) = (draw(&[0, 200, 400, 600]), draw(&[250, 500, 750, 1_000]), draw(&[0, 30, 60]));
        let most = draw(&[1, 3, u32::MAX, u32::MAX, u32::MAX]);
        let mut game = Game::new();
        let (mut held, mut burst) = (Vec::<Vec<u8>>::new(), 0);
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        for turn in 0..400 {
            let is_calm = turn > 370;
            game.now += FRAME_US;
            let now = Instant::from_micros(game.now);
            game.original.handle_timeout(now);
            while game.original.poll_event().is_some() {}
            let next = game.original.next_frame().get();
            if next < game.driver.session().next_frame().get() + 18 {
                let _ = game.original.push_input(now, [number(next)]);
            }
            while let Some(transmit) = game.original.poll_transmit(&mut buf) {
                if is_calm || !rng.chance(loss) {
                    held.push(transmit.datagram.to_vec());
                }
            }
            burst = if burst == 0 && rng.chance(bursts) { rng.below(30) } else { u64::saturating_sub(burst, 1) };
            if is_calm || burst == 0 {
                for datagram in held.drain(..) {
                    let _ = game.driver.handle_datagram(now, PEER, &datagram);
                }
            }
            game.driver.handle_timeout(now);
            if is_calm || rng.chance(polls) {
                let most = if is_calm { u32::MAX } else { most };
                for _ in 0..most {
                    let Some(event) = game.driver.poll_event() else { break };
                    if let RollbackEvent::Peer { event, .. } = event {
                        game.events.push(event);
                    }
                }
            }
            game.driver.step(now, [7], look);
            while let Some(transmit) = game.driver.poll_transmit(&mut buf) {
                if is_calm || !rng.chance(loss) {
                    let _ = game.original.handle_datagram(now, PEER, transmit.datagram);
                }
            }
        }
        let given_up = game.lost().iter().map(|(_, count)| *count).sum::<u32>();
        lossy += u32::from(given_up > 0);
        let Some((end, seen)) = game.driver.confirmed_state() else { continue };
        let wrong = (0..=end.get()).zip(seen).filter(|(frame, (_, input))| *input != number(*frame)).count();
        assert!(
            wrong <= usize::try_from(given_up).expect("few"),
            "seed {seed}: {wrong} are wrong, {given_up} are lost"
        );
    }
    assert!(lossy > 150, "{lossy} games with losses");
}
