//! Associated data: the context that a sealed value is bound to, encoded without ambiguity.

use std::fmt;

/// Initial capacity in bytes, in which the usual fields fit.
const USUAL_BYTES: usize = 256;

/// The context that a sealed value is bound to. It is not stored with the value: the reader
/// supplies it again, and a difference in any field makes opening fail.
///
/// Each field is written as one letter for its type, its length in eight bytes, and its content,
/// so two different lists of fields never give the same bytes. The label names the kind of
/// sealed value; it also separates the keys (see [`crate::envelope`]).
#[derive(Clone)]
pub struct AssociatedData {
    label: &'static str,
    bytes: Vec<u8>,
}

impl AssociatedData {
    /// Associated data with `label`, one fixed word for each kind of sealed value.
    pub fn new(label: &'static str) -> Self {
        let bytes = Vec::with_capacity(USUAL_BYTES);
        Self { label, bytes }.field(b'l', label.as_bytes())
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, value: &str) -> Self {
        self.field(b't', value.as_bytes())
    }

    /// Adds bytes.
    #[must_use]
    pub fn bytes(self, value: &[u8]) -> Self {
        self.field(b'b', value)
    }

    /// Adds a whole number.
    #[must_use]
    pub fn int(self, value: i64) -> Self {
        self.field(b'i', &value.to_be_bytes())
    }

    /// Adds a whole number that may be absent; absent differs from every number.
    #[must_use]
    pub fn optional_int(self, value: Option<i64>) -> Self {
        match value {
            Some(value) => self.field(b'o', &value.to_be_bytes()),
            None => self.field(b'o', &[]),
        }
    }

    /// The label.
    pub const fn label(&self) -> &'static str {
        self.label
    }

    /// The encoded fields, the label first.
    pub(crate) fn encoded(&self) -> &[u8] {
        &self.bytes
    }

    fn field(mut self, kind: u8, content: &[u8]) -> Self {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&(content.len() as u64).to_be_bytes());
        self.bytes.extend_from_slice(content);
        self
    }
}

/// Shows the label only: the fields hold the tenants' names and user ids.
impl fmt::Debug for AssociatedData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AssociatedData({})", self.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> AssociatedData {
        AssociatedData::new("test")
    }

    #[test]
    fn different_fields_never_give_the_same_bytes() {
        let all = [
            start(),
            start().text(""),
            start().bytes(b""),
            start().optional_int(None),
            start().int(0),
            start().optional_int(Some(0)),
            start().bytes(&[0; 8]),
            start().text("ab").text("c"),
            start().text("a").text("bc"),
            start().text("abc"),
            start().text("").text("abc"),
            start().text("abc").text(""),
            AssociatedData::new("tes").text("t"),
            AssociatedData::new("test2"),
        ];
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                assert_ne!(one.encoded(), other.encoded());
            }
        }
    }

    #[test]
    fn debug_shows_the_label_only() {
        let shown = format!("{:?}", start().text("user_secretive"));
        assert_eq!(shown, "AssociatedData(test)");
    }
}
