//! State that only saves work.

use core::fmt;
use core::ops::{Deref, DerefMut};

/// A value that follows from the state beside it and could be computed anew at any time.
///
/// So it has no part in a comparison: two sessions are equal if everything else is. It shows nothing either, since a hash
/// that was begun with a key tells about the key.
#[derive(Clone)]
pub(crate) struct Cache<T>(pub(crate) T);

impl<T> Deref for Cache<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Cache<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> PartialEq for Cache<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Cache<T> {}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cache")
    }
}
