//! A game whose state remembers all inputs, and which notices when it is told to do what makes no sense.

use serde::{Deserialize, Serialize};

use crate::api::{Config, GgrsRequest, InputPredictor, InputStatus, PredictDefault, PredictRepeatLast};

/// An input of several parts, whose default is not all zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pad {
    pub(crate) buttons: u8,
    pub(crate) aim: Option<i16>,
}

impl Default for Pad {
    fn default() -> Self {
        Self { buttons: 0x80, aim: Some(-1) }
    }
}

impl Pad {
    pub(crate) const fn new(buttons: u8) -> Self {
        Self { buttons, aim: if buttons & 1 == 1 { Some(300) } else { None } }
    }
}

/// Guesses something that is hardly ever right, to roll back as often as possible.
pub(crate) struct Wrong;

impl InputPredictor<Pad> for Wrong {
    fn predict(previous: Pad) -> Pad {
        Pad { buttons: previous.buttons ^ 0x55, aim: None }
    }
}

/// The state before a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) frame: i32,
    pub(crate) hash: u64,
}

impl State {
    pub(crate) const FIRST: Self = Self { frame: 0, hash: 1 };

    /// Plays a frame.
    pub(crate) fn play(&mut self, inputs: impl IntoIterator<Item = (Pad, bool)>) {
        for (pad, is_gone) in inputs {
            let aim = pad.aim.map_or(9, |aim| u64::from(aim.cast_unsigned()));
            let bits = u64::from(pad.buttons) << 17 | aim << 1 | u64::from(is_gone);
            self.hash = (self.hash ^ bits).wrapping_mul(0x0100_0000_01b3).rotate_left(11);
        }
        self.frame += 1;
    }
}

macro_rules! setups {
    ($($name:ident $predictor:ty;)*) => {
        $(
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub(crate) struct $name;

            impl Config for $name {
                type Input = Pad;
                type InputPredictor = $predictor;
                type State = State;
                type Address = usize;
            }
        )*
    };
}

setups! {
    Repeating PredictRepeatLast;
    Defaulting PredictDefault;
    Guessing Wrong;
}

/// What a game did in a frame, the last time that it played it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Played {
    pub(crate) inputs: Vec<(Pad, InputStatus)>,
    /// The hash of the state after it.
    pub(crate) hash: u64,
}

/// A running game.
#[derive(Debug)]
pub(crate) struct Game {
    pub(crate) state: State,
    /// By frame.
    pub(crate) played: Vec<Played>,
    pub(crate) loads: u32,
    pub(crate) saves: u32,
    /// What is added to the state in each frame: an end with another one diverges.
    pub(crate) skew: u64,
}

impl Default for Game {
    fn default() -> Self {
        Self { state: State::FIRST, played: Vec::new(), loads: 0, saves: 0, skew: 0 }
    }
}

impl Game {
    /// Does what it is asked for, and notices what cannot be right.
    pub(crate) fn run<C>(&mut self, requests: Vec<GgrsRequest<C>>)
    where
        C: Config<Input = Pad, State = State>,
    {
        for request in requests {
            match request {
                GgrsRequest::SaveGameState { cell, frame } => {
                    assert_eq!(frame, self.state.frame, "a save is of the present state");
                    cell.save(frame, Some(self.state), Some(u128::from(self.state.hash) << 64 | 3));
                    self.saves += 1;
                }
                GgrsRequest::LoadGameState { cell, frame } => {
                    let state = cell.load().expect("only what was saved is loaded");
                    assert_eq!(state.frame, frame, "the state of frame {frame} was overwritten");
                    assert!(frame <= self.state.frame, "nobody goes ahead by a load");
                    self.state = state;
                    self.loads += 1;
                }
                GgrsRequest::AdvanceFrame { inputs } => {
                    let at = usize::try_from(self.state.frame).expect("frames count from 0");
                    let gone = |(pad, status): &(Pad, InputStatus)| (*pad, *status == InputStatus::Disconnected);
                    self.state.play(inputs.iter().map(gone));
                    self.state.hash = self.state.hash.wrapping_add(self.skew);
                    self.played.truncate(at);
                    assert_eq!(self.played.len(), at, "no frame is left out");
                    self.played.push(Played { inputs, hash: self.state.hash });
                }
            }
        }
    }
}

/// Writes requests down: `S3 L1 A[7c,7p]`.
pub(crate) fn written<C>(requests: &[GgrsRequest<C>]) -> String
where
    C: Config<Input = Pad>,
{
    let input = |(pad, status): &(Pad, InputStatus)| {
        let status = match status {
            InputStatus::Confirmed => 'c',
            InputStatus::Predicted => 'p',
            InputStatus::Disconnected => 'd',
        };
        format!("{}{status}", pad.buttons)
    };
    let request = |request: &GgrsRequest<C>| match request {
        GgrsRequest::SaveGameState { frame, .. } => format!("S{frame}"),
        GgrsRequest::LoadGameState { frame, .. } => format!("L{frame}"),
        GgrsRequest::AdvanceFrame { inputs } => {
            format!("A[{}]", inputs.iter().map(input).collect::<Vec<_>>().join(","))
        }
    };
    requests.iter().map(request).collect::<Vec<_>>().join(" ")
}
