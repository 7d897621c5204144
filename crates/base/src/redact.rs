//! Secret values, kept out of logs, errors and `Debug` output.

use std::fmt;
use zeroize::Zeroize;

/// A secret value: no `Display`, no serialization, a `Debug` that shows nothing, and memory
/// that is overwritten when it is dropped.
///
/// [`Redacted::expose`] is the only way to the value. `cargo xtask tidy` lists the files that may
/// call it, so that each new caller is reviewed.
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted<T: Zeroize>(T);

impl<T: Zeroize> Redacted<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for sealing, hashing, or the response to its owner.
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
