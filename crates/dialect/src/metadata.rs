//! Metadata: texts by key that callers keep with an object (conventions §11).

use crate::error::ApiError;
use crate::limits;
use crate::object::{Object, Value};
use crate::params::{Fields, length_over};
use crate::tree::{self, Node};
use std::collections::BTreeMap;

/// What an object carries, by key; at most [`limits::METADATA_KEYS`].
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// As a row keeps it: a JSON object of texts.
    pub fn to_json_text(&self) -> String {
        // Texts by key always make JSON.
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// From what [`Metadata::to_json_text`] gave; `None` if that is no JSON object of texts.
    pub fn from_json_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// As it stands on the wire: `{}` if there is none.
    pub fn render(&self) -> Value {
        let set = |object: Object, (key, value): (&String, &String)| {
            object.set_dynamic(key.clone(), value.clone())
        };
        Value::Object(self.0.iter().fold(Object::bare(), set))
    }
}

/// What a request asks to do to an object's metadata.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MetadataChange {
    /// Take all of it away: `metadata=`.
    Clear,
    /// Set some keys and take others away, which have no value here: `metadata[k]=`.
    Merge(Vec<(String, Option<String>)>),
}

impl MetadataChange {
    /// The metadata that `old` becomes; a new object's is empty before.
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
        ))
    }
}

impl Fields<'_> {
    /// `metadata`: what is to be done to it; `None` if nothing was sent. For
    /// [`Params::only`](crate::Params::only) it is the one word `metadata`.
    ///
    /// # Errors
    /// 400 if it is plain text or a list, or if a key or a value is too long, nested, or holds a
    /// NUL character.
    pub fn metadata(&self) -> Result<Option<MetadataChange>, ApiError> {
        let name = "metadata";
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
                return Err(ApiError::invalid_string(path()));
            };
            let value = value.expose();
            check_value(&field.key, value, path)?;
            Ok((field.key.clone(), Some(value.clone()).filter(|value| !value.is_empty())))
        };
        fields.iter().map(change).collect::<Result<_, _>>().map(MetadataChange::Merge).map(Some)
    }
}

fn check_key(key: &str, path: impl Fn() -> String) -> Result<(), ApiError> {
    if let Some(length) = length_over(key, limits::METADATA_KEY_CHARACTERS) {
        let most = limits::METADATA_KEY_CHARACTERS;
        return Err(ApiError::invalid_param(
            path(),
            format!(
                "The metadata key '{key}' has {length} characters; at most {most} are allowed."
            ),
        ));
    }
    if key.contains(['[', ']']) {
        return Err(ApiError::invalid_param(
            path(),
            format!("The metadata key '{key}' holds a square bracket, which none may."),
        ));
    }
    if key.contains('\0') { Err(ApiError::nul_character(path())) } else { Ok(()) }
}

fn check_value(key: &str, value: &str, path: impl Fn() -> String) -> Result<(), ApiError> {
    if let Some(length) = length_over(value, limits::METADATA_VALUE_CHARACTERS) {
        let most = limits::METADATA_VALUE_CHARACTERS;
        return Err(ApiError::invalid_param(
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
