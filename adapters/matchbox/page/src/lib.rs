//! A player in the browser: enters a room, plays, checks every input, and says what it saw.

use std::time::Duration;

use inputwire::{Config, Event, Instant};
use inputwire_matchbox::{Happening, Match, socket};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::{JsFuture, spawn_local};

const FRAME: Duration = Duration::from_millis(5);
/// How long to stay once everything is done, for the sake of the other end.
const LINGER: Duration = Duration::from_secs(1);

fn now() -> Instant {
    let millis = web_sys::window().and_then(|window| window.performance()).map_or(0.0, |clock| clock.now());
    Instant::from_micros((millis * 1_000.0) as u64)
}

/// Waits for the next turn, four milliseconds or so.
async fn turn() {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        if let Some(window) = web_sys::window() {
            let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, 2);
        }
    });
    let _ = JsFuture::from(promise).await;
}

/// As in `tests/room.rs`, for epoch 0.
fn input(player: u16, frame: u32) -> [u8; 2] {
    [frame.wrapping_mul(37).to_le_bytes()[0], player.to_le_bytes()[0]]
}

/// Plays so many frames in a room. Returns one line about it.
#[wasm_bindgen]
pub async fn play(room: String, frames: u32) -> Result<String, JsValue> {
    let (socket, message_loop) = socket(room);
    spawn_local(async {
        let _ = message_loop.await;
    });
    let random = (js_sys::Math::random() * 1e9) as u64;
    let config = Config::builder().session_id(7).incarnation(random << 33 | 1 << 63).frame_interval(FRAME);
    let mut game = Match::<1, 2>::new(socket, config, 2).map_err(|error| error.to_string())?;
    let (mut delivered, mut wrong, mut next, mut done_at) = (0, 0, now(), None);
    loop {
        let at = now();
        game.pump(at).map_err(|error| error.to_string())?;
        while let Some(happening) = game.poll_event(at) {
            if let Happening::Session(Event::Input { frame, input: received, .. }) = happening {
                let other = game.session().map_or(0, |session| 1 - session.config().local_player());
                wrong += u32::from((frame.get(), received) != (delivered, input(other, frame.get())));
                delivered += 1;
            }
        }
        while game.is_linked() && at >= next {
            next = next.max(Instant::from_micros(at.as_micros().saturating_sub(100_000))).saturating_add(FRAME);
            let Some(session) = game.session() else { break };
            let (player, frame) = (session.config().local_player(), session.next_frame().get());
            if frame < frames {
                let _ = game.push_input(at, input(player, frame));
            }
        }
        game.send(at);
        let pushed = game.session().map_or(0, |session| session.next_frame().get());
        let unacked = game.session().and_then(|session| {
            let peer = session.peers().next()?;
            session.peer(peer).map(|peer| peer.unacked())
        });
        if pushed == frames && unacked == Some(0) && delivered == frames {
            if at >= *done_at.get_or_insert(at.saturating_add(LINGER)) {
                return Ok(format!("pushed={pushed} delivered={delivered} wrong={wrong}"));
            }
        }
        turn().await;
    }
}
