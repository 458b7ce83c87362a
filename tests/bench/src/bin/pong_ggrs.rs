//! The same pong on ggrs over real UDP, as in its own examples: `crates/rollback/lines.sh` counts its lines between the markers.
//!
//! ```text
//! pong_ggrs PLAYER PORT ADDRESS    plays one of two players by itself, for 600 frames
//! ```

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ggrs::{
    Config, DesyncDetection, GgrsError, GgrsEvent, GgrsRequest, P2PSession, PlayerType, PredictRepeatLast,
    SessionBuilder, SessionState, UdpNonBlockingSocket,
};

#[path = "../../../../crates/rollback/examples/pong/game.rs"]
#[allow(dead_code, reason = "the example uses more of it")]
mod game;
use game::Pong;

// netcode: begin
#[derive(Debug)]
struct Setup;

impl Config for Setup {
    type Input = u8;
    type InputPredictor = PredictRepeatLast;
    type State = Pong;
    type Address = SocketAddr;
}

struct Net {
    session: P2PSession<Setup>,
    player: usize,
    state: Pong,
    next: Instant,
}

impl Net {
    fn new(port: u16, player: usize, players: &[SocketAddr]) -> Result<Self, Box<dyn Error>> {
        let mut builder = SessionBuilder::<Setup>::new()
            .with_num_players(players.len())?
            .with_fps(60)?
            .with_input_delay(2)
            .with_desync_detection_mode(DesyncDetection::On { interval: 10 });
        for (number, address) in players.iter().enumerate() {
            let kind = if number == player { PlayerType::Local } else { PlayerType::Remote(*address) };
            builder = builder.add_player(kind, number)?;
        }
        let session = builder.start_p2p_session(UdpNonBlockingSocket::bind_to_port(port)?)?;
        Ok(Self { session, player, state: Pong::new(players.len(), u8::MAX), next: Instant::now() })
    }

    fn run(&mut self, buttons: u8) -> Result<Vec<GgrsEvent<Setup>>, GgrsError> {
        self.session.poll_remote_clients();
        let events = self.session.events().collect();
        if self.session.current_state() != SessionState::Running || self.next > Instant::now() {
            return Ok(events);
        }
        let slower = if self.session.frames_ahead() > 0 { 1.1 } else { 1.0 };
        self.next += Duration::from_secs_f64(slower / 60.0);
        self.session.add_local_input(self.player, buttons)?;
        let requests = match self.session.advance_frame() {
            Err(GgrsError::PredictionThreshold) => return Ok(events),
            requests => requests?,
        };
        for request in requests {
            match request {
                GgrsRequest::SaveGameState { cell, frame } => {
                    cell.save(frame, Some(self.state.clone()), Some(self.state.hash().into()));
                }
                GgrsRequest::LoadGameState { cell, .. } => self.state = cell.load().expect("it was saved"),
                GgrsRequest::AdvanceFrame { inputs } => {
                    let mut buttons = [None; 4];
                    for (place, (input, status)) in buttons.iter_mut().zip(inputs) {
                        *place = (status != ggrs::InputStatus::Disconnected).then_some(input);
                    }
                    self.state.advance(buttons);
                }
            }
        }
        Ok(events)
    }
}
// netcode: end

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [player, port, address] = arguments.as_slice() else {
        return Err("usage: pong_ggrs PLAYER PORT ADDRESS".into());
    };
    let (player, address) = (player.parse::<usize>()?, address.parse()?);
    let mut net = Net::new(port.parse()?, player, &[address; 2])?;
    let start = Instant::now();
    while net.session.current_frame() < 600 && start.elapsed() < Duration::from_secs(60) {
        let buttons = net.state.bot(player as u16);
        for event in net.run(buttons)? {
            println!("{event:?}");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    println!("{} frames", net.session.current_frame());
    Ok(())
}
