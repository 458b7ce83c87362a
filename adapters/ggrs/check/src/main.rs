//! A game of two with bevy, as its users write it: `bevy_ggrs` rolls back, `matchbox` carries, and neither knows what ggrs is made
//! of here. It plays by itself, and says at the end what it played.
//!
//! ```text
//! ggrs-check ws://127.0.0.1:3536/room    natively
//! page.html?room=ws://127.0.0.1:3536/room    in a browser
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use bevy::app::ScheduleRunnerPlugin;
use bevy::prelude::*;
use bevy_ggrs::ggrs::{DesyncDetection, InputStatus};
use bevy_ggrs::prelude::*;
use bevy_ggrs::{ConfirmedFrameCount, LocalInputs, LocalPlayers, RollbackFrameCount};
use bevy_matchbox::prelude::*;

/// How many frames are compared.
const FRAMES: i32 = 600;
/// How long an end stays for the sake of the other one, in frames.
const LINGER: i32 = 120;

type Setup = bevy_ggrs::GgrsConfig<u8, PeerId>;

#[derive(Component, Clone, Copy)]
#[require(Rollback)]
struct Ship {
    handle: usize,
    position: [i32; 2],
    speed: [i32; 2],
}

impl Ship {
    /// Hashes numbers of equal width on every machine: `derive(Hash)` writes the lengths of arrays as `usize`, and so gives a page
    /// in a browser another checksum than a native end.
    fn hash(&self) -> u64 {
        let start = 0xcbf2_9ce4_8422_2325 ^ self.handle as u64;
        self.position
            .into_iter()
            .chain(self.speed)
            .fold(start, |hash, number| (hash ^ u64::from(number.cast_unsigned())).wrapping_mul(0x0100_0000_01b3))
    }
}

/// What was played in each frame, the last time that it was.
#[derive(Resource, Default)]
struct Trail {
    hashes: BTreeMap<i32, u64>,
    disconnected: u32,
    desyncs: u32,
    is_told: bool,
}

fn main() {
    App::new()
        .add_plugins(MinimalPlugins.set(ScheduleRunnerPlugin::run_loop(Duration::from_millis(4))))
        .add_plugins(GgrsPlugin::<Setup>::default())
        .insert_resource(RollbackFrameRate(60))
        .rollback_component_with_copy::<Ship>()
        .checksum_component::<Ship>(Ship::hash)
        .init_resource::<Trail>()
        .insert_resource(MatchboxSocket::new_unreliable(room()))
        .add_systems(Startup, spawn)
        .add_systems(Update, (start.run_if(not(resource_exists::<Session<Setup>>)), watch))
        .add_systems(ReadInputs, steer)
        .add_systems(GgrsSchedule, (fly, note).chain())
        .run();
}

fn spawn(mut commands: Commands) {
    for handle in 0..2 {
        commands.spawn(Ship { handle, position: [100 * handle as i32, 0], speed: [0, 0] });
    }
}

/// Starts the session once both players are in the room.
fn start(mut commands: Commands, mut socket: ResMut<MatchboxSocket>) {
    socket.update_peers();
    let players = socket.players();
    if players.len() < 2 {
        return;
    }
    let mut builder = SessionBuilder::<Setup>::new()
        .with_num_players(2)
        .expect("two players")
        .with_desync_detection_mode(DesyncDetection::On { interval: 10 })
        .with_input_delay(1);
    for (handle, player) in players.into_iter().enumerate() {
        builder = builder.add_player(player, handle).expect("a free handle");
    }
    let channel = socket.take_channel(0).expect("nobody else takes it");
    commands.insert_resource(Session::P2P(builder.start_p2p_session(channel).expect("valid settings")));
}

/// Presses buttons that change every few frames.
fn steer(mut commands: Commands, players: Res<LocalPlayers>, frame: Res<RollbackFrameCount>) {
    let buttons = |handle: &usize| {
        let number = (frame.0 / 7 + 3 * *handle as i32).wrapping_mul(0x9e37) >> 3;
        (*handle, (number & 15) as u8)
    };
    commands.insert_resource(LocalInputs::<Setup>(players.0.iter().map(buttons).collect()));
}

fn fly(mut ships: Query<&mut Ship>, inputs: Res<PlayerInputs<Setup>>) {
    for mut ship in &mut ships {
        let (buttons, _) = inputs[ship.handle];
        for axis in 0..2 {
            let push = i32::from(buttons >> (2 * axis) & 1) - i32::from(buttons >> (2 * axis + 1) & 1);
            ship.speed[axis] = (ship.speed[axis] + push).clamp(-20, 20);
            ship.position[axis] = ship.position[axis].wrapping_mul(31) / 31 + ship.speed[axis];
        }
    }
}

fn note(
    mut trail: ResMut<Trail>,
    ships: Query<&Ship>,
    inputs: Res<PlayerInputs<Setup>>,
    frame: Res<RollbackFrameCount>,
) {
    // The order of a query is not part of the game.
    let hash = ships.iter().fold(0, |all, ship| all ^ ship.hash());
    trail.hashes.insert(frame.0, hash);
    let gone = inputs.iter().filter(|(_, status)| *status == InputStatus::Disconnected).count();
    trail.disconnected += gone as u32;
}

/// Says what was played, once it cannot change any more.
fn watch(
    mut trail: ResMut<Trail>,
    session: Option<ResMut<Session<Setup>>>,
    confirmed: Res<ConfirmedFrameCount>,
    frame: Res<RollbackFrameCount>,
    mut exit: MessageWriter<AppExit>,
) {
    let Some(mut session) = session else { return };
    if let Session::P2P(session) = session.as_mut() {
        let desyncs = session.events().filter(|event| matches!(event, GgrsEvent::DesyncDetected { .. })).count();
        trail.desyncs += desyncs as u32;
    }
    if confirmed.0 > FRAMES && frame.0 > FRAMES && !trail.is_told {
        trail.is_told = true;
        let played = trail.hashes.range(..=FRAMES);
        let hash = played.clone().fold(0_u64, |all, (_, hash)| all.rotate_left(5) ^ hash);
        let (count, gone, desyncs) = (played.count(), trail.disconnected, trail.desyncs);
        tell(&format!("frames={count} hash={hash:016x} disconnected={gone} desyncs={desyncs}"));
    }
    if frame.0 > FRAMES + LINGER && trail.is_told {
        exit.write(AppExit::Success);
    }
}

#[cfg(not(target_family = "wasm"))]
fn room() -> String {
    std::env::args().nth(1).expect("usage: ggrs-check ws://HOST:PORT/ROOM")
}

#[cfg(not(target_family = "wasm"))]
fn tell(result: &str) {
    println!("{result}");
}

#[cfg(target_family = "wasm")]
fn room() -> String {
    let search = web_sys::window().and_then(|window| window.location().search().ok()).unwrap_or_default();
    search.trim_start_matches("?room=").to_owned()
}

#[cfg(target_family = "wasm")]
fn tell(result: &str) {
    // The page sends it on.
    if let Some(document) = web_sys::window().and_then(|window| window.document()) {
        document.set_title(result);
    }
}
