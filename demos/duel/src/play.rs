//! The terminal: keys in, screens out, and everything restored at the end.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Clock};

use inputwire::Instant;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::app::{App, Command};
use crate::game::{DOWN, LEFT, RIGHT, UP};
use crate::net::Udp;
use crate::options::Options;
use crate::view::draw;

/// The time between two screens.
const SCREEN: Duration = Duration::from_millis(33);
/// The longest time without a look into the sockets.
const NAP: Duration = Duration::from_millis(5);

/// Plays until a key or a signal quits.
pub(crate) fn play(options: &Options) -> io::Result<()> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(io::Error::other("the standard input and output are not a terminal; try --headless"));
    }
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    // `try_init` also restores the terminal in a panic.
    let mut terminal = ratatui::try_init()?;
    let outcome = watch(&mut terminal, options.seed, &stop);
    ratatui::restore();
    outcome
}

fn watch(terminal: &mut DefaultTerminal, seed: u64, stop: &AtomicBool) -> io::Result<()> {
    let start = Clock::now();
    let now = || Instant::ORIGIN.saturating_add(start.elapsed());
    let mut app = App::new(now(), seed, Udp::new)?;
    let mut drawn = None::<Clock>;
    while !stop.load(Ordering::Relaxed) {
        app.run(now())?;
        if drawn.is_none_or(|at| at.elapsed() >= SCREEN) {
            terminal.draw(|frame| draw(frame, &mut app))?;
            drawn = Some(Clock::now());
        }
        let rest = app.duel.wake().map_or(NAP, |wake| wake.saturating_since(now()));
        if !event::poll(rest.min(NAP))? {
            continue;
        }
        if let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
        {
            if is_quit(key) {
                break;
            }
            if let Some(command) = command(key.code) {
                app.command(command)?;
            }
        }
    }
    Ok(())
}

fn is_quit(key: KeyEvent) -> bool {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) || control && key.code == KeyCode::Char('c')
}

fn command(key: KeyCode) -> Option<Command> {
    Some(match key {
        KeyCode::Char(digit @ '0'..='9') => Command::Loss((digit as u8 - b'0') * 10),
        KeyCode::Char('b') => Command::Bursts,
        KeyCode::Char('d') => Command::Delay,
        KeyCode::Char('p') => Command::Pull,
        KeyCode::Char('m') => Command::NextScheme,
        KeyCode::Char('r') => Command::Restart,
        KeyCode::Char(' ') => Command::Fire,
        KeyCode::Up => Command::Course(UP),
        KeyCode::Down => Command::Course(DOWN),
        KeyCode::Left => Command::Course(LEFT),
        KeyCode::Right => Command::Course(RIGHT),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::{Command, command, is_quit};

    #[test]
    fn digits_are_tens_of_percent() {
        assert_eq!(command(KeyCode::Char('0')), Some(Command::Loss(0)));
        assert_eq!(command(KeyCode::Char('9')), Some(Command::Loss(90)));
        assert_eq!(command(KeyCode::Char('x')), None);
    }

    #[test]
    fn q_and_control_c_quit() {
        assert!(is_quit(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE)));
        assert!(is_quit(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
        assert!(!is_quit(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::NONE)));
    }
}
