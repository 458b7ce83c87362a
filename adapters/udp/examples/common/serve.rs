//! The loop of the server.

use std::time::Duration;

use inputwire_udp::{Server, ServerEvent, UdpError};

use super::game::{Game, INPUT, gate};

/// Serves until `goes_on`, which is called after each frame, says no. Then every client gets what it lacks, and a goodbye.
pub async fn serve(
    server: &mut Server<INPUT>,
    game: &mut Game,
    mut goes_on: impl FnMut(&Server<INPUT>, &Game) -> bool,
) -> Result<(), UdpError> {
    let interval = Duration::from_micros(16_667);
    let mut next_frame = server.now();
    loop {
        server.turn(next_frame, &mut gate).await?;
        while let Some(event) = server.poll_event() {
            game.handle(&event);
            if let ServerEvent::Session { client, event: inputwire::Event::Peer { event, .. } } = event {
                tracing::debug!(%client, ?event, "session");
            }
        }
        let now = server.now();
        if now >= next_frame {
            game.step(now, server);
            next_frame = next_frame.saturating_add(interval);
            if now.saturating_since(next_frame) > interval * 6 {
                next_frame = now; // the program stood still: frames that nobody has seen are left out
            }
            if !goes_on(server, game) {
                return server.finish().await;
            }
        }
    }
}
