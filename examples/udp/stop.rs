//! Enter ends the game: a thread reads the standard input.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Never stops, and leaves the standard input alone.
    pub(crate) fn never() -> Self {
        Self(Arc::default())
    }

    /// Stops after the first line or the end of the standard input.
    pub(crate) fn at_enter() -> Self {
        let requested = Arc::<AtomicBool>::default();
        let setter = Arc::clone(&requested);
        std::thread::spawn(move || {
            // An error counts as the end of the input.
            let _ = io::stdin().read_line(&mut String::new());
            setter.store(true, Ordering::Relaxed);
        });
        Self(requested)
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
