//! How what derives badly looks in defmt's logs: a moment is not stored as it is counted, and a key stays a secret.

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
