//! Metadata: key-value pairs of text that callers attach to an object.

use crate::error::ApiError;
use crate::limits;
use crate::object::{Object, Value};
use crate::params::{Fields, length_over, not_text};
use crate::probe::Expects;
use crate::reasons;
use crate::tree::{self, Node};
use std::collections::BTreeMap;

/// An object's metadata: at most [`limits::METADATA_KEYS`] pairs.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// Whether it has no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// As a stored row holds it: a JSON object of texts.
    pub fn to_json_text(&self) -> String {
        // A map of texts always serializes.
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// Parses the result of [`Metadata::to_json_text`]; `None` if it is no JSON object of texts.
    pub fn from_json_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// As it stands on the wire: `{}` if it is empty.
    pub fn render(&self) -> Value {
        let set = |object: Object, (key, value): (&String, &String)| {
            object.set_dynamic(key.clone(), value.clone())
        };
        Value::Object(self.0.iter().fold(Object::bare(), set))
    }
}

/// A change that a request makes to an object's metadata.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MetadataChange {
    /// Remove all keys: `metadata=`.
    Clear,
    /// Set the keys with a value and remove those without one: `metadata[k]=`.
    Merge(Vec<(String, Option<String>)>),
}

impl MetadataChange {
    /// `old` with the change applied; a new object's `old` is empty.
    ///
    /// # Errors
    /// 400 if it would have more than [`limits::METADATA_KEYS`] keys.
    pub fn apply(&self, old: &Metadata) -> Result<Metadata, ApiError> {
        let Self::Merge(changes) = self else { return Ok(Metadata::default()) };
        let mut new = old.clone();
        for (key, value) in changes {
            match value {
                Some(value) => new.0.insert(key.clone(), value.clone()),
                None => new.0.remove(key),
            };
        }
        if new.0.len() <= limits::METADATA_KEYS {
            return Ok(new);
        }
        Err(ApiError::invalid_param(
            "metadata",
            format!(
                "The object would have {} metadata keys; at most {} are allowed. Unset some by \
                 sending them with an empty value.",
                new.0.len(),
                limits::METADATA_KEYS
            ),
        )
        .because(&reasons::METADATA_KEYS))
    }
}

impl Fields<'_> {
    /// The change that `metadata` asks for; `None` if it was not sent.
    /// [`Params::only`](crate::Params::only) needs no more than the word `metadata`.
    ///
    /// # Errors
    /// 400 if it is plain text or a list, or if a key or a value is too long, nested, or holds a
    /// NUL character.
    pub fn metadata(&self) -> Result<Option<MetadataChange>, ApiError> {
        let name = "metadata";
        self.expect(name, || Expects::Metadata);
        let fields = match self.find(name) {
            None => return Ok(None),
            Some(Node::Leaf(value)) if value.expose().is_empty() => {
                return Ok(Some(MetadataChange::Clear));
            }
            Some(Node::Branch(fields)) if !tree::is_unnumbered(fields) => fields,
            Some(_) => return Err(ApiError::invalid_object(self.path(name))),
        };
        let change = |field: &tree::Field| {
            let path = || format!("{}[{}]", self.path(name), field.key);
            check_key(&field.key, path)?;
            let Node::Leaf(value) = &field.node else {
                return Err(not_text(path(), &field.node));
            };
            let value = value.expose();
            check_value(&field.key, value, path)?;
            Ok((field.key.clone(), Some(value.clone()).filter(|value| !value.is_empty())))
        };
        fields.iter().map(change).collect::<Result<_, _>>().map(MetadataChange::Merge).map(Some)
    }
}

fn invalid(path: String, message: String) -> ApiError {
    ApiError::invalid_param(path, message).because(&reasons::METADATA_INVALID)
}

fn check_key(key: &str, path: impl Fn() -> String) -> Result<(), ApiError> {
    if let Some(length) = length_over(key, limits::METADATA_KEY_CHARACTERS) {
        let most = limits::METADATA_KEY_CHARACTERS;
        return Err(invalid(
            path(),
            format!(
                "The metadata key '{key}' has {length} characters; at most {most} are allowed."
            ),
        ));
    }
    if key.contains(['[', ']']) {
        return Err(invalid(
            path(),
            format!("The metadata key '{key}' holds a square bracket, which none may."),
        ));
    }
    if key.contains('\0') { Err(ApiError::nul_character(path())) } else { Ok(()) }
}

fn check_value(key: &str, value: &str, path: impl Fn() -> String) -> Result<(), ApiError> {
    if let Some(length) = length_over(value, limits::METADATA_VALUE_CHARACTERS) {
        let most = limits::METADATA_VALUE_CHARACTERS;
        return Err(invalid(
            path(),
            format!(
                "The value of the metadata key '{key}' has {length} characters; at most {most} \
                 are allowed."
            ),
        ));
    }
    if value.contains('\0') { Err(ApiError::nul_character(path())) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
