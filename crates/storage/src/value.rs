//! What statements take and what rows hold: 64-bit integers, text and bytes, as both engines
//! store them. Everything that a statement may take converts to a [`Value`] here, by `From`.

use std::fmt;

use coffer_base::{AccountId, AppId, Currency, Mode, Timestamp};

/// A parameter of a statement, or a column of a row.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// No value.
    Null,
    /// A whole number.
    Int(i64),
    /// Text, always UTF-8.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// A column of a row that is being read: what the engine has of it, before anything is copied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ValueRef<'a> {
    /// No value.
    Null,
    /// A whole number.
    Int(i64),
    /// Text, always UTF-8.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

/// The parameters of a statement: an array of [`Value`]s, each converted by `From`.
///
/// ```
/// # use coffer_storage::{Value, values};
/// let params = values![7_i64, "text", None::<i64>];
/// assert_eq!(params, [Value::Int(7), Value::Text("text".to_owned()), Value::Null]);
/// ```
#[macro_export]
macro_rules! values {
    () => { [] as [$crate::Value; 0] };
    ($($value:expr),+ $(,)?) => { [$($crate::Value::from($value)),+] };
}

impl Value {
    /// The same value, borrowed.
    pub fn borrowed(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Int(*value),
            Self::Text(text) => ValueRef::Text(text),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }
    }

    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Int(_) => "a number",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrowed().fmt(f)
    }
}

impl fmt::Debug for ValueRef<'_> {
    /// Shows the type and the length, never the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Int(_) => f.write_str("Int"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Blob(bytes) => write!(f, "Blob({} bytes)", bytes.len()),
        }
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Int(value) => Self::Int(value),
            ValueRef::Text(text) => Self::Text(text.to_owned()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
        }
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Implements `From` for types whose values are stored as `$stored`.
macro_rules! convert {
    ($($from:ty => $variant:ident($value:ident) $stored:expr;)+) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Self {
                Self::$variant($stored)
            }
        })+
    };
}

convert! {
    i64 => Int(value) value;
    u32 => Int(value) value.into();
    // 0 and 1.
    bool => Int(value) value.into();
    // Unix seconds.
    Timestamp => Int(value) value.unix();
    Mode => Int(value) value.code();
    String => Text(value) value;
    &str => Text(value) value.to_owned();
    &String => Text(value) value.clone();
    &AccountId => Text(value) value.as_str().to_owned();
    &AppId => Text(value) value.as_str().to_owned();
    Currency => Text(value) value.as_str().to_owned();
    Vec<u8> => Blob(value) value;
    &Vec<u8> => Blob(value) value.clone();
    &[u8] => Blob(value) value.to_vec();
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(value: &[u8; N]) -> Self {
        Self::Blob(value.to_vec())
    }
}
