//! The screen that the README shows and a test compares, which is always the same.

use std::time::Duration;

use inputwire::Instant;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};

use crate::app::{App, Command};
use crate::link::Link;
use crate::scheme::Scheme;
use crate::view::{LEAST, draw};

/// How long each scheme plays before the picture is taken.
const EACH: Duration = Duration::from_secs(20);

/// Draws the smallest screen, after each scheme has played on a link with the same faults.
pub(crate) fn screen() -> Buffer {
    let mut app = App::new(Instant::ORIGIN, 7, |seed| Ok(Link::new(seed))).expect("memory does not fail");
    // The app starts with the last scheme, so the picture ends with it.
    for _ in Scheme::ALL {
        app.command(Command::NextScheme).expect("memory does not fail");
        app.run_until(app.now.saturating_add(EACH));
    }
    drawn(&mut app, LEAST)
}

fn drawn(app: &mut App<Link>, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("memory does not fail");
    terminal.draw(|frame| draw(frame, app)).expect("memory does not fail");
    terminal.backend().buffer().clone()
}

/// Returns a screen as text, without colours.
pub(crate) fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in buffer.content.chunks(usize::from(buffer.area.width)) {
        let row: String = row.iter().map(Cell::symbol).collect();
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use inputwire::Instant;

    use super::{drawn, screen, text};
    use crate::app::{App, Command};
    use crate::link::Link;
    use crate::svg::render;

    fn app() -> App<Link> {
        let mut app = App::new(Instant::ORIGIN, 7, |seed| Ok(Link::new(seed))).unwrap();
        app.run_until(Instant::ORIGIN.saturating_add(Duration::from_secs(5)));
        app
    }

    #[test]
    fn the_screen_is_the_kept_one() {
        let kept = include_str!("../screen.txt");
        let now = text(&screen());
        assert!(
            now == kept,
            "if the change is intended: cargo run --release -p duel -- --text demos/duel/screen.txt\n{now}"
        );
    }

    #[test]
    fn the_picture_of_the_readme_is_fresh() {
        let kept = include_str!("../../../docs/duel.svg");
        assert!(kept == render(&screen()), "stale: cargo run --release -p duel -- --svg docs/duel.svg");
    }

    #[test]
    fn the_help_is_shown_at_every_size() {
        for size in [(80, 24), (81, 25), (120, 40), (200, 60), (300, 100), (500, 30), (80, 200)] {
            let screen = text(&drawn(&mut app(), size));
            for word in ["0-9 loss", "q quit", "N never came", "health", "compact", "arrows"] {
                assert!(screen.contains(word), "{word} at {size:?}:\n{screen}");
            }
        }
    }

    #[test]
    fn a_screen_that_is_too_small_shows_the_size_it_needs() {
        for size in [(79, 24), (80, 23), (40, 10)] {
            let screen = text(&drawn(&mut app(), size));
            assert!(screen.contains("80x24"), "{size:?}:\n{screen}");
        }
        drawn(&mut app(), (1, 1));
    }

    #[test]
    fn every_state_is_shown_in_words() {
        let mut app = app();
        app.command(Command::Pull).unwrap();
        assert!(text(&drawn(&mut app, (80, 24))).contains("CABLE OUT 1.0 s"));
        app.duel.net.knobs.unplugged_until = app.now.saturating_add(Duration::from_secs(3));
        app.run_until(app.now.saturating_add(Duration::from_secs(2)));
        assert!(text(&drawn(&mut app, (80, 24))).contains("WAITING"));
        app.command(Command::NextScheme).unwrap();
        app.run_until(app.now.saturating_add(Duration::from_secs(8)));
        let screen = text(&drawn(&mut app, (80, 24)));
        assert!(screen.contains("DIVERGED") && screen.contains("single copy"), "{screen}");
    }
}
