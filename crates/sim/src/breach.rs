//! A law that was broken.

use std::fmt;

/// Which law was broken, and what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Breach {
    /// The number and the name of the law.
    pub law: &'static str,
    /// What was seen.
    pub what: String,
}

impl Breach {
    pub(crate) fn of(law: &'static str, what: impl Into<String>) -> Self {
        Self { law, what: what.into() }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "law {} is broken: {}", self.law, self.what)
    }
}

/// Breaks `law` unless `holds`.
pub(crate) fn ensure(holds: bool, law: &'static str, what: impl FnOnce() -> String) -> Result<(), Breach> {
    if holds { Ok(()) } else { Err(Breach { law, what: what() }) }
}
