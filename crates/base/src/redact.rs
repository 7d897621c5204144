//! Values that must never be seen by accident.

use std::fmt;
use zeroize::Zeroize;

/// A secret value: no `Display`, no serialization, a `Debug` that shows nothing, and memory
/// that is overwritten when it is dropped.
///
/// [`Redacted::expose`] is the only way to the value. The structure check of the project lists
/// the files that may call it, so a new reader is a change that somebody sees.
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted<T: Zeroize>(T);

impl<T: Zeroize> Redacted<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for sealing, hashing, or the answer to whom it belongs.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: Zeroize> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Zeroize> Drop for Redacted<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let shown = format!("{:?}", Some(Redacted::new(String::from("hunter2"))));
        assert_eq!(shown, "Some([redacted])");
    }
}
