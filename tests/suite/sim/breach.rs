//! A law that was broken.

use std::fmt;

/// Which law, and what was seen; the world adds when and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) law: &'static str,
    pub(crate) what: String,
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
pub(crate) fn demand(holds: bool, law: &'static str, what: impl FnOnce() -> String) -> Result<(), Breach> {
    if holds { Ok(()) } else { Err(Breach { law, what: what() }) }
}
