//! Response bodies: objects, lists, and their JSON.

use crate::scan;
use coffer_base::{Redacted, Timestamp};
use std::borrow::Cow;
use std::ops::Range;

/// Any value of a response body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Nothing, where a nullable field has none.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number: amounts, counts, Unix seconds.
    Int(i64),
    /// Text that may be logged.
    Text(Cow<'static, str>),
    /// Text for the caller alone: the JSON has it, `Debug` does not show it.
    Secret(Redacted<String>),
    /// Values in order.
    List(Vec<Value>),
    /// A nested object.
    Object(Object),
    /// The JSON of an object that [`Object::render`] made earlier, which is inserted unchanged.
    Rendered(String),
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.unix())
    }
}

impl From<&'static str> for Value {
    fn from(value: &'static str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

impl From<Cow<'static, str>> for Value {
    fn from(value: Cow<'static, str>) -> Self {
        Self::Text(value)
    }
}

impl From<Redacted<String>> for Value {
    fn from(value: Redacted<String>) -> Self {
        Self::Secret(value)
    }
}

impl From<Object> for Value {
    fn from(value: Object) -> Self {
        Self::Object(value)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A JSON object with its keys in the order of Stripe's responses: `id` and `object` first, the
/// others alphabetically.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    /// How many leading fields are in a fixed place.
    pinned: usize,
    fields: Vec<(Cow<'static, str>, Value)>,
    /// Which version of itself it is: said in a header and not in the JSON.
    version: Option<String>,
}

impl Object {
    /// A resource: `id` and `object`, to which [`Object::set`] adds.
    pub fn new(id: &str, object: &'static str) -> Self {
        let mut fields = Vec::with_capacity(8);
        fields.push((Cow::Borrowed("id"), Value::from(id.to_owned())));
        fields.push((Cow::Borrowed("object"), Value::from(object)));
        Self { pinned: 2, fields, version: None }
    }

    /// An object of a kind of which there is one for each owner: `object`, and no `id`.
    pub fn singleton(object: &'static str) -> Self {
        let fields = vec![(Cow::Borrowed("object"), Value::from(object))];
        Self { pinned: 1, fields, version: None }
    }

    /// An object without `id` and `object`: a nested value such as a scope, or metadata.
    pub const fn bare() -> Self {
        Self { pinned: 0, fields: Vec::new(), version: None }
    }

    /// The same object, as this version of itself: opaque text of printable ASCII.
    #[must_use]
    pub fn versioned(self, version: String) -> Self {
        Self { version: Some(version), ..self }
    }

    /// Which version of itself it is, if it says so.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The object with `key` set to `value`, in alphabetical order; a second value for a key
    /// replaces the first.
    #[must_use]
    pub fn set(self, key: &'static str, value: impl Into<Value>) -> Self {
        self.put(Cow::Borrowed(key), value.into())
    }

    /// The same for a key that is only known at run time, such as one of metadata.
    #[must_use]
    pub fn set_dynamic(self, key: String, value: impl Into<Value>) -> Self {
        self.put(Cow::Owned(key), value.into())
    }

    /// The value of `key`, if it is set.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.fields.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The object without `key`, whether it was set or not.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        let pinned = self.pinned;
        let mut place = 0;
        self.fields.retain(|(name, _)| {
            let kept = name != key || place < pinned;
            place += 1;
            kept
        });
        self
    }

    /// The object as JSON, indented by two spaces for people who read it, without a newline at
    /// its end.
    pub fn render(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size(0));
        self.print(0, &mut out);
        out
    }

    /// Where in the JSON of [`Object::render`] the field is that holds a secret, with the comma and
    /// the line before it: without this part, the JSON is that of the object without the field.
    /// `None` if no field of the object itself holds one, or the first field does.
    pub fn withheld(&self) -> Option<Range<usize>> {
        let place = self.fields.iter().position(|(_, value)| matches!(value, Value::Secret(_)))?;
        let before = self.fields.get(..place).filter(|before| !before.is_empty())?;
        // The closing brace stands on a line of its own.
        let closing = "\n}".len();
        let with = |fields: &[(Cow<'static, str>, Value)]| {
            let part = Self { pinned: 0, fields: fields.to_vec(), version: None };
            part.render().len().saturating_sub(closing)
        };
        Some(with(before)..with(self.fields.get(..=place)?))
    }

    fn put(mut self, key: Cow<'static, str>, value: Value) -> Self {
        if let Some((_, old)) = self.fields.iter_mut().find(|(name, _)| *name == key) {
            *old = value;
            return self;
        }
        let before = self.fields.iter().skip(self.pinned).take_while(|(name, _)| *name < key);
        let place = self.pinned + before.count();
        self.fields.insert(place, (key, value));
        self
    }

    /// About how many bytes the object takes at this depth.
    fn size(&self, depth: usize) -> usize {
        let line = PUNCTUATION + INDENT * (depth + 1);
        let fields = self.fields.iter();
        fields.map(|(key, value)| line + key.len() + value.size(depth + 1)).sum::<usize>() + line
    }

    fn print(&self, depth: usize, out: &mut Vec<u8>) {
        let items = self.fields.iter();
        enclose(b'{', items, b'}', depth, out, |(key, value), out| {
            print_text(key, out);
            out.extend_from_slice(b": ");
            value.print(depth + 1, out);
        });
    }
}

impl Value {
    fn size(&self, depth: usize) -> usize {
        // An eighth more than the text covers the escapes of, say, JSON in a payload.
        let text = |length: usize| length + length / 8 + 2;
        match self {
            Self::Null | Self::Bool(_) => 5,
            Self::Int(_) => 20,
            Self::Text(value) => text(value.len()),
            Self::Secret(value) => text(value.expose().len()),
            Self::List(values) => {
                let line = PUNCTUATION + INDENT * (depth + 1);
                values.iter().map(|value| line + value.size(depth + 1)).sum::<usize>() + line
            }
            Self::Object(object) => object.size(depth),
            Self::Rendered(json) => text(json.len()),
        }
    }

    fn print(&self, depth: usize, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Self::Text(value) => print_text(value, out),
            Self::Secret(value) => print_text(value.expose(), out),
            Self::List(values) => {
                enclose(b'[', values.iter(), b']', depth, out, |value, out| {
                    value.print(depth + 1, out);
                });
            }
            Self::Object(object) => object.print(depth, out),
            // Newlines inside texts are escaped, so each newline here ends a line of the JSON.
            Self::Rendered(json) => {
                for (index, line) in json.split('\n').enumerate() {
                    if index > 0 {
                        break_line(depth, out);
                    }
                    out.extend_from_slice(line.as_bytes());
                }
            }
        }
    }
}

/// A page of objects: `object`, `url`, `has_more`, `data`, in that order. `has_more` must be false
/// if `data` is empty: clients that paginate automatically take the last object for a cursor.
pub fn list(data: Vec<Object>, has_more: bool, url: &'static str) -> Object {
    let fields = vec![
        (Cow::Borrowed("object"), Value::from("list")),
        (Cow::Borrowed("url"), Value::from(url)),
        (Cow::Borrowed("has_more"), Value::from(has_more)),
        (Cow::Borrowed("data"), Value::from(data)),
    ];
    Object { pinned: fields.len(), fields, version: None }
}

/// Spaces by which each level is indented.
const INDENT: usize = 2;

/// Quotes, colon, space, comma and newline around a field.
const PUNCTUATION: usize = 6;

/// Prints `items` on a line each between `open` and `close`; none of them as `{}` or `[]`.
fn enclose<I: ExactSizeIterator>(
    open: u8,
    items: I,
    close: u8,
    depth: usize,
    out: &mut Vec<u8>,
    print: impl Fn(I::Item, &mut Vec<u8>),
) {
    out.push(open);
    let empty = items.len() == 0;
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        break_line(depth + 1, out);
        print(item, out);
    }
    if !empty {
        break_line(depth, out);
    }
    out.push(close);
}

fn break_line(depth: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.resize(out.len() + depth * INDENT, b' ');
}

/// Prints a JSON string: quotes, backslashes and control characters escaped, the rest as it is.
fn print_text(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = scan::find(rest, is_escaped) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else { break };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0C => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[digit(byte >> 4), digit(byte & 0x0F)]);
            }
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

const fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

#[cfg(test)]
mod tests;
