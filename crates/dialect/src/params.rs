//! The parameters of a request, and the readers that check them.
//!
//! A form does not say whether a parameter is text, an object or a list, so its reader decides.
//! Every reader names the parameter that it refuses.

mod list;

use crate::error::ApiError;
use crate::form;
use crate::limits;
use crate::probe::{Expects, Probe};
use crate::reasons;
use crate::tree::{self, Field, Node};
use coffer_base::Redacted;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// All parameters of a request, from its query and its body.
///
/// `Debug` shows names and never a value.
#[derive(Clone, Debug)]
pub struct Params {
    fields: Vec<Field>,
    /// What notes how they are read; `None` in requests.
    probe: Option<Arc<Probe>>,
}

impl Params {
    /// Decodes a query string and a form body into one set of parameters. Some
    /// callers split their parameters between the two. Where both have one, the body wins, since
    /// the last value of a parameter counts.
    ///
    /// Percent signs are decoded before brackets are looked for, and `+` is a space.
    ///
    /// # Errors
    /// 400 if a name or value cannot be decoded as UTF-8, if brackets make no path, if a path is
    /// used as a value and as an object, or if there are more parameters, longer names or deeper
    /// ones than [`limit`](coffer_base::limit) allows.
    pub fn decode(query: Option<&str>, body: &[u8]) -> Result<Self, ApiError> {
        let mut fields = Vec::with_capacity(8);
        let mut count = 0;
        form::decode(query.unwrap_or_default().as_bytes(), &mut fields, &mut count)?;
        form::decode(body, &mut fields, &mut count)?;
        Ok(Self { fields, probe: None })
    }

    /// The same with `name` set to this text, in place of what it was.
    ///
    /// # Errors
    /// 400 if the text is not UTF-8.
    pub fn with_text(mut self, name: &str, text: &[u8]) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(text).map_err(|_| {
            let message = "The request's body is not text in UTF-8.";
            ApiError::invalid_param(name, message).because(&reasons::FORM_MALFORMED)
        })?;
        self.fields.retain(|field| field.key != name);
        let node = Node::Leaf(Redacted::new(text.to_owned()));
        self.fields.push(Field { key: name.to_owned(), node });
        Ok(self)
    }

    /// No parameters at all.
    pub const fn empty() -> Self {
        Self { fields: Vec::new(), probe: None }
    }

    /// The same, noting how they are read.
    #[must_use]
    pub fn probed(self) -> Self {
        Self { probe: Some(Arc::default()), ..self }
    }

    /// What has noted how they are read.
    pub fn probe(&self) -> Option<&Probe> {
        self.probe.as_deref()
    }

    /// The parameters, after a check that the operation knows all of them.
    ///
    /// `allowed` holds full bracket paths: `["name", "scope", "scope[type]"]`. A path without
    /// any inner ones may hold anything, which its reader then checks. `expand` is always
    /// allowed, because [`Expand::parse`](crate::Expand::parse) reads it before this is called.
    ///
    /// # Errors
    /// `parameter_unknown`, with every unknown path, however deep it stands.
    pub fn only<'p>(&'p self, allowed: &[&str]) -> Result<Fields<'p>, ApiError> {
        if let Some(probe) = &self.probe {
            probe.allow(allowed);
        }
        let mut unknown = Vec::new();
        tree::collect_unknown(&self.fields, allowed, &mut String::new(), &mut unknown);
        if unknown.is_empty() {
            Ok(self.root())
        } else {
            Err(ApiError::parameters_unknown(&unknown))
        }
    }

    /// Whether the parameter `name` was sent, known or not: for what is refused in words of its
    /// own.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.key == name)
    }

    /// A form that is equal for two requests exactly if they mean the same: sorted by name, each
    /// part with its kind and length before it, lists without the spelling of their keys. A request
    /// with a used idempotency key is compared by it, so that the order of parameters and the
    /// encoding of lists, in which SDKs differ, do not matter.
    pub fn canonical(&self) -> Redacted<Vec<u8>> {
        tree::canonical(&self.fields)
    }

    /// The parameters without a check that all of them are known.
    pub(crate) fn root(&self) -> Fields<'_> {
        let probe = self.probe.as_deref();
        Fields { fields: self.fields.as_slice(), path: String::new(), probe }
    }
}

/// One level of the parameters: the whole request, or an object such as `scope`.
///
/// A reader that is called `required_…` fails with `parameter_missing` if the parameter was not
/// sent; `optional_…` returns `None` then. All of them refuse an empty value with
/// `parameter_invalid_empty` unless they say otherwise, and every error carries the full path.
#[derive(Clone, Debug)]
pub struct Fields<'p> {
    fields: &'p [Field],
    path: String,
    probe: Option<&'p Probe>,
}

impl<'p> Fields<'p> {
    /// Text of at most `max_chars` characters that is not secret.
    ///
    /// # Errors
    /// 400 if it is missing, empty, too long, an object or a list, or holds a NUL character.
    pub fn required_text(
        &self,
        name: &str,
        max_chars: usize,
    ) -> Result<&'p Redacted<String>, ApiError> {
        let value = self.optional_text(name, max_chars)?;
        self.required(name, value)
    }

    /// As [`Fields::required_text`]; `None` if it was not sent.
    ///
    /// # Errors
    /// 400 if it is empty, too long, an object or a list, or holds a NUL character.
    pub fn optional_text(
        &self,
        name: &str,
        max_chars: usize,
    ) -> Result<Option<&'p Redacted<String>>, ApiError> {
        self.expect(name, || Expects::Text { most: Some(max_chars), secret: false });
        let Some(value) = self.text(name)? else { return Ok(None) };
        match length_over(value.expose(), max_chars) {
            Some(_) => Err(ApiError::too_long(self.path(name), value.expose(), max_chars)),
            None => Ok(Some(value)),
        }
    }

    /// An id, a type or the like: text of at most `max_chars` characters that is public.
    ///
    /// # Errors
    /// 400 if it is missing, empty, too long, an object or a list, or holds a NUL character.
    pub fn required_plain(&self, name: &str, max_chars: usize) -> Result<String, ApiError> {
        self.required_text(name, max_chars).map(|text| text.expose().clone())
    }

    /// As [`Fields::required_plain`]; `None` if it was not sent.
    ///
    /// # Errors
    /// 400 if it is empty, too long, an object or a list, or holds a NUL character.
    pub fn optional_plain(&self, name: &str, max_chars: usize) -> Result<Option<String>, ApiError> {
        Ok(self.optional_text(name, max_chars)?.map(|text| text.expose().clone()))
    }

    /// Text that an empty value unsets: `None` for both.
    ///
    /// # Errors
    /// 400 if it is too long, an object or a list, or holds a NUL character.
    pub fn clearable_plain(
        &self,
        name: &str,
        max_chars: usize,
    ) -> Result<Option<String>, ApiError> {
        match self.leaf(name, not_text)? {
            Some(value) if !value.expose().is_empty() => self.optional_plain(name, max_chars),
            _ => Ok(None),
        }
    }

    /// An id by which a list is narrowed; `None` if it was not sent. One that no object can have,
    /// because it is too long or holds a NUL character, is replaced by one that finds
    /// nothing: that an id is unknown is never an error of a filter.
    ///
    /// # Errors
    /// 400 if it is empty, an object or a list.
    pub fn id_filter(&self, name: &str) -> Result<Option<String>, ApiError> {
        self.expect(name, || Expects::Text { most: None, secret: false });
        let Some(id) = self.non_empty(name, not_text)? else { return Ok(None) };
        let id = id.expose();
        let impossible = id.len() > limits::FILTER_ID_BYTES || id.contains('\0');
        Ok(Some(if impossible { NO_ID } else { id }.to_owned()))
    }

    /// Secret text of at most `max_chars` characters: no error shows any of it.
    ///
    /// # Errors
    /// 400 if it is missing, empty, too long, an object or a list, or holds a NUL character.
    pub fn secret_text(
        &self,
        name: &str,
        max_chars: usize,
    ) -> Result<&'p Redacted<String>, ApiError> {
        self.expect(name, || Expects::Text { most: Some(max_chars), secret: true });
        let value = self.leaf(name, |path, _| ApiError::secret_not_text(path))?;
        let value = value.map(|value| checked(value, || self.path(name))).transpose()?;
        let value = self.required(name, value)?;
        match length_over(value.expose(), max_chars) {
            Some(length) => Err(ApiError::secret_too_long(self.path(name), length, max_chars)),
            None => Ok(value),
        }
    }

    /// One of `choices`, each a word of the wire and the value that it stands for.
    ///
    /// # Errors
    /// 400 if it is missing, empty, or none of them.
    pub fn required_choice<T: Copy>(
        &self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<T, ApiError> {
        let choice = self.optional_choice(name, choices)?;
        self.required(name, choice)
    }

    /// As [`Fields::required_choice`]; `None` if it was not sent.
    ///
    /// # Errors
    /// 400 if it is empty, or none of them.
    pub fn optional_choice<T: Copy>(
        &self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ApiError> {
        self.expect(name, || {
            Expects::Choice(choices.iter().map(|&(word, _)| word.to_owned()).collect())
        });
        let refusal =
            |path: String| ApiError::invalid_choice(path, choices.iter().map(|&(word, _)| word));
        let Some(value) = self.non_empty(name, |path, _| refusal(path))? else { return Ok(None) };
        match choices.iter().find(|&&(word, _)| word == value.expose()) {
            Some(&(_, choice)) => Ok(Some(choice)),
            None => Err(refusal(self.path(name))),
        }
    }

    /// An integer: digits with an optional minus sign, within 64 bits; `None` if it was not sent.
    ///
    /// # Errors
    /// 400 if it is empty, or no such integer.
    pub fn optional_integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.expect_integer(name, i64::MIN..=i64::MAX, false);
        let value = self.non_empty(name, not_an_integer)?;
        value.map(|value| self.integer(name, value.expose())).transpose()
    }

    /// An integer that an empty value unsets, as SDKs send it for a null: `None` for both.
    ///
    /// # Errors
    /// 400 if there is a value and it is no integer.
    pub fn clearable_integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.expect_integer(name, i64::MIN..=i64::MAX, true);
        let value = self.leaf(name, not_an_integer)?;
        let value = value.filter(|value| !value.expose().is_empty());
        value.map(|value| self.integer(name, value.expose())).transpose()
    }

    /// An integer within `range`; `None` if it was not sent.
    ///
    /// # Errors
    /// 400 if it is empty, no integer, or outside the range.
    pub fn optional_integer_within(
        &self,
        name: &str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<i64>, ApiError> {
        let read = self.optional_integer(name);
        self.expect_integer(name, range.clone(), false);
        match read? {
            Some(value) if value < *range.start() => {
                Err(ApiError::integer_below(self.path(name), *range.start()))
            }
            Some(value) if value > *range.end() => {
                Err(ApiError::integer_above(self.path(name), *range.end()))
            }
            value => Ok(value),
        }
    }

    /// Exactly `true` or `false`; `None` if it was not sent.
    ///
    /// # Errors
    /// 400 if it is empty or anything else.
    pub fn optional_bool(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.expect(name, || Expects::Boolean);
        let refusal = |path, node: &Node| ApiError::invalid_boolean(path, &tree::shown(node));
        match self.non_empty(name, refusal)?.map(|value| value.expose().as_str()) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(ApiError::invalid_boolean(self.path(name), other)),
        }
    }

    /// An object: `name[key]=…`.
    ///
    /// # Errors
    /// 400 if it is missing, empty, plain text, or a list.
    pub fn required_object(&self, name: &str) -> Result<Self, ApiError> {
        let object = self.optional_object(name)?;
        self.required(name, object)
    }

    /// As [`Fields::required_object`]; `None` if it was not sent.
    ///
    /// # Errors
    /// 400 if it is empty, plain text, or a list.
    pub fn optional_object(&self, name: &str) -> Result<Option<Self>, ApiError> {
        self.expect(name, || Expects::Object);
        match self.find(name) {
            None => Ok(None),
            Some(Node::Branch(fields)) if !tree::is_unnumbered(fields) => {
                Ok(Some(Self { fields, path: self.path(name), probe: self.probe }))
            }
            Some(Node::Leaf(value)) if value.expose().is_empty() => {
                Err(ApiError::parameter_empty(self.path(name)))
            }
            Some(_) => Err(ApiError::invalid_object(self.path(name))),
        }
    }

    /// Whether `name` was sent, even as an empty value.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The full bracket path of `name` at this level: `scope[type]`.
    pub fn path(&self, name: &str) -> String {
        let outer = Some(self.path.as_str()).filter(|path| !path.is_empty());
        tree::join(outer.into_iter().chain([name]))
    }

    pub(crate) fn find(&self, name: &str) -> Option<&'p Node> {
        self.fields.iter().find(|field| field.key == name).map(|field| &field.node)
    }

    /// A value that must be there, however it was read; the description of the API says so.
    ///
    /// # Errors
    /// 400 if it was not sent.
    pub fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, ApiError> {
        if let Some(probe) = self.probe {
            probe.require(self.path(name));
        }
        value.ok_or_else(|| ApiError::parameter_missing(self.path(name)))
    }

    /// Notes what is expected of `name`, if anybody wants to know.
    pub(crate) fn expect(&self, name: &str, expects: impl FnOnce() -> Expects) {
        if let Some(probe) = self.probe {
            probe.expect(self.path(name), expects());
        }
    }

    fn expect_integer(&self, name: &str, range: RangeInclusive<i64>, clearable: bool) {
        self.expect(name, || Expects::Integer {
            from: *range.start(),
            to: *range.end(),
            clearable,
        });
    }

    /// The plain value of `name`; an object or a list is refused as `refusal` says.
    fn leaf(
        &self,
        name: &str,
        refusal: impl FnOnce(String, &Node) -> ApiError,
    ) -> Result<Option<&'p Redacted<String>>, ApiError> {
        match self.find(name) {
            None => Ok(None),
            Some(Node::Leaf(value)) => Ok(Some(value)),
            Some(node @ Node::Branch(_)) => Err(refusal(self.path(name), node)),
        }
    }

    /// As [`Fields::leaf`], but an empty value is refused too.
    pub(crate) fn non_empty(
        &self,
        name: &str,
        refusal: impl FnOnce(String, &Node) -> ApiError,
    ) -> Result<Option<&'p Redacted<String>>, ApiError> {
        match self.leaf(name, refusal)? {
            Some(value) if value.expose().is_empty() => {
                Err(ApiError::parameter_empty(self.path(name)))
            }
            value => Ok(value),
        }
    }

    fn text(&self, name: &str) -> Result<Option<&'p Redacted<String>>, ApiError> {
        let value = self.leaf(name, not_text)?;
        value.map(|value| checked(value, || self.path(name))).transpose()
    }

    fn integer(&self, name: &str, text: &str) -> Result<i64, ApiError> {
        let parsed = if text.starts_with('+') { None } else { text.parse().ok() };
        parsed.ok_or_else(|| ApiError::invalid_integer(self.path(name), text))
    }
}

/// An id that no object has: none contains a space.
const NO_ID: &str = " ";

fn not_an_integer(path: String, node: &Node) -> ApiError {
    ApiError::invalid_integer(path, &tree::shown(node))
}

/// The refusal of an object or a list where text belongs that is no secret.
pub(crate) fn not_text(path: String, node: &Node) -> ApiError {
    ApiError::invalid_string(path, &tree::shown(node))
}

/// `text` if it is neither empty nor has a NUL character in it.
fn checked(
    text: &Redacted<String>,
    path: impl FnOnce() -> String,
) -> Result<&Redacted<String>, ApiError> {
    if text.expose().is_empty() {
        Err(ApiError::parameter_empty(path()))
    } else if text.expose().contains('\0') {
        Err(ApiError::nul_character(path()))
    } else {
        Ok(text)
    }
}

/// The number of characters in `text`, if there are more than `most`.
pub(crate) fn length_over(text: &str, most: usize) -> Option<usize> {
    // A character has at least one byte, so short texts need no count.
    if text.len() <= most {
        return None;
    }
    Some(text.chars().count()).filter(|&length| length > most)
}

#[cfg(test)]
mod tests;
