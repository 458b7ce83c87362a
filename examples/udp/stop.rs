//! Enter ends the game: a thread waits for it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Does not touch the standard input.
    pub(crate) fn never() -> Self {
        Self(Arc::default())
    }

    /// Wanted from the first line, or the end, of the standard input on.
    pub(crate) fn at_enter() -> Self {
        let wanted = Arc::<AtomicBool>::default();
        let setter = Arc::clone(&wanted);
        std::thread::spawn(move || {
            // An input that cannot be read has ended, too.
            let _ = io::stdin().read_line(&mut String::new());
            setter.store(true, Ordering::Relaxed);
        });
        Self(wanted)
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
