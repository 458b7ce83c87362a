//! The field as text, and keys.

use std::io::{self, Write};
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEventKind, poll, read};
use crossterm::{cursor, execute, queue, style, terminal};

use crate::game::{FIELD, LESS, MORE, PADDLE, Pong};

const COLUMNS: usize = 64;
const ROWS: usize = 24;

/// A terminal in raw mode; it is restored when this is dropped.
pub(crate) struct Screen {
    /// A terminal tells no key's release, so a press lasts until another key.
    held: u8,
}

impl Screen {
    pub(crate) fn new() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        execute!(io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
        Ok(Self { held: 0 })
    }

    /// Waits for a key. Returns the buttons, or `None` to quit.
    pub(crate) fn buttons(&mut self, rest: Duration) -> io::Result<Option<u8>> {
        if poll(rest)?
            && let Event::Key(key) = read()?
            && key.kind != KeyEventKind::Release
        {
            self.held = match key.code {
                KeyCode::Up | KeyCode::Left => LESS,
                KeyCode::Down | KeyCode::Right => MORE,
                KeyCode::Char('q') | KeyCode::Esc => return Ok(None),
                _ => 0,
            };
        }
        Ok(Some(self.held))
    }

    pub(crate) fn draw(pong: &Pong, status: &str) -> io::Result<()> {
        let scale = |place: i32, cells: usize| {
            usize::try_from(place * i32::try_from(cells - 1).unwrap_or(0) / FIELD).unwrap_or(0).min(cells - 1)
        };
        let mut cells = [[' '; COLUMNS]; ROWS];
        for (side, middle) in pong.paddles.iter().enumerate().take(pong.players) {
            for step in -4..=4 {
                let along = (middle + step * PADDLE / 8).clamp(0, FIELD);
                let across = if side % 2 == 0 { 0 } else { FIELD };
                let [x, y] = if side < 2 { [across, along] } else { [along, across] };
                cells[scale(y, ROWS)][scale(x, COLUMNS)] = if side < 2 { '|' } else { '=' };
            }
        }
        cells[scale(pong.ball[1].clamp(0, FIELD), ROWS)][scale(pong.ball[0].clamp(0, FIELD), COLUMNS)] = 'o';
        let mut out = io::stdout();
        queue!(out, cursor::MoveTo(0, 0))?;
        for row in cells {
            queue!(out, style::Print(row.iter().collect::<String>()), style::Print("\r\n"))?;
        }
        queue!(out, style::Print(status), terminal::Clear(terminal::ClearType::UntilNewLine))?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = execute!(io::stdout(), cursor::Show, terminal::LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}
