//! One death after the other, measured.
