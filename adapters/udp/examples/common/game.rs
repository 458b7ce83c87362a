//! The server's side of the game: it gathers the inputs of a match, never waits, and tells each player what it took.

use std::collections::HashMap;
use std::net::SocketAddr;

use inputwire::{Config, ConfigBuilder, Hello, Instant, PushError};
use inputwire_udp::{ClientError, ClientId, Clients, ServerEvent};

/// Players of a match. Players 0 to 3 are in match 0, 4 to 7 in match 1, and so on.
pub const PLAYERS: usize = 4;
/// A byte of controls for each place, and a byte of bits: whose input was taken.
pub const INPUT: usize = PLAYERS + 1;
/// The player number of the server.
pub const SERVER: u16 = u16::MAX;
/// A secret that is none: a real one comes from signalling, another one for each match.
pub const KEY: [u8; 16] = *b"an example's key";

/// The settings of both ends, without an incarnation.
pub fn settings(player: u16) -> ConfigBuilder {
    Config::builder().session_id(7).local_player(player).key(KEY).mesh(false)
}

/// Lets in whoever knows the key.
pub fn gate(hello: &Hello<'_>, _from: SocketAddr) -> Option<ConfigBuilder> {
    (hello.receiver() == SERVER).then(|| settings(SERVER))
}

/// One match: who is in which place, and the last input of each.
#[derive(Clone, Copy, Debug, Default)]
struct Match {
    places: [Option<ClientId>; PLAYERS],
    last: [u8; PLAYERS],
}

/// Every match of a server.
#[derive(Debug, Default)]
pub struct Game {
    matches: Vec<Match>,
    /// Inputs that were there in time, and those in whose place the one before was taken.
    pub taken: u64,
    pub replaced: u64,
    /// The frames of the server, and at which of them the frames of each player began.
    pub frame: u64,
    pub began: HashMap<u16, u64>,
}

fn place_of(player: u16) -> (usize, usize) {
    (usize::from(player) / PLAYERS, usize::from(player) % PLAYERS)
}

impl Game {
    /// Seats who has joined, and frees the place of who has left.
    pub fn handle(&mut self, event: &ServerEvent<INPUT>) {
        let (player, seated) = match event {
            ServerEvent::Joined { client, player, .. } => (*player, Some(*client)),
            ServerEvent::Left { player, .. } => (*player, None),
            // Inputs stay in the session until the frame for which they are.
            _ => return,
        };
        let (index, place) = place_of(player);
        if self.matches.len() <= index {
            self.matches.resize(index + 1, Match::default());
        }
        self.matches[index].places[place] = seated;
        if seated.is_some() {
            self.began.insert(player, self.frame);
        }
    }

    /// One frame: takes the inputs that are there. For who is late it repeats the last one, and says so in a bit.
    pub fn step(&mut self, now: Instant, clients: &mut Clients<INPUT>) {
        for game in &mut self.matches {
            let mut merged = [0; INPUT];
            for (place, client) in game.places.iter().enumerate() {
                let Some(client) = *client else { continue };
                // Each client counts frames from when it joined.
                let frame = clients.session(client).map(inputwire::Session::next_frame);
                let input = frame.and_then(|frame| clients.peer(client)?.remote_input(frame));
                if let Some(input) = input {
                    game.last[place] = input[place];
                    merged[PLAYERS] |= 1 << place;
                }
                self.taken += u64::from(input.is_some());
                self.replaced += u64::from(input.is_none());
            }
            merged[..PLAYERS].copy_from_slice(&game.last);
            for client in game.places.iter().flatten() {
                // Two seconds without an acknowledgement: it has lost its line.
                if let Err(ClientError::Push(PushError::WindowFull(_))) = clients.push_input(now, *client, merged) {
                    clients.remove(*client);
                }
            }
        }
        self.frame += 1;
    }
}
