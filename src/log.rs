//! The defmt formats that cannot be derived: `Instant` prints its microseconds, and `Key` stays hidden.

use defmt::{Format, Formatter, write};

use crate::time::Instant;
use crate::wire::compact::tag::Key;

impl Format for Instant {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Instant({=u64})", self.as_micros());
    }
}

impl Format for Key {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Key(hidden)");
    }
}
