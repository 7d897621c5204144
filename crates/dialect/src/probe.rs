//! Probes: what an operation's readers expect of its parameters, found by letting them read.
//!
//! An operation declares its parameters by reading them, so there is no second list that could
//! differ from what is checked. Parameters that carry a [`Probe`] note which reader asked for what.
//! Those of requests carry none, and cost a comparison.

use std::sync::{Mutex, PoisonError};

/// What a reader expects of a parameter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expects {
    /// Text.
    Text {
        /// Most characters, if there is a bound.
        most: Option<usize>,
        /// Whether it is a secret, which nothing shows.
        secret: bool,
    },
    /// A whole number.
    Integer {
        /// The least.
        from: i64,
        /// The most.
        to: i64,
        /// Whether an empty value unsets it.
        clearable: bool,
    },
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    Choice(Vec<String>),
    /// An object.
    Object,
    /// A list of texts.
    Texts,
    /// An object of texts, whose keys the caller chooses.
    Metadata,
    /// The code of a currency.
    Currency,
}

/// What was noted of one request's parameters.
#[derive(Clone, Debug, Default)]
pub struct Noted {
    /// The full names that are allowed.
    pub allowed: Vec<String>,
    /// What was expected of which, in the order of reading; of two notes the later one counts.
    pub expected: Vec<(String, Expects)>,
    /// Those without which the request is refused.
    pub required: Vec<String>,
}

/// Notes what is expected of the parameters that it goes with.
#[derive(Debug, Default)]
pub struct Probe(Mutex<Noted>);

impl Probe {
    /// What was noted so far.
    pub fn noted(&self) -> Noted {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn allow(&self, names: &[&str]) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.allowed.extend(names.iter().map(|&name| name.to_owned()));
    }

    pub(crate) fn expect(&self, name: String, expects: Expects) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.expected.push((name, expects));
    }

    pub(crate) fn require(&self, name: String) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.required.push(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;

    #[test]
    fn readers_leave_notes() {
        let params = Params::decode(Some("scope[type]=user&metadata[a]=b"), b"").unwrap();
        let params = params.probed();
        let fields = params.only(&["name", "scope", "scope[type]", "metadata", "limit"]).unwrap();
        let scope = fields.required_object("scope").unwrap();
        scope.required_choice("type", &[("account", 1), ("user", 2)]).unwrap();
        fields.metadata().unwrap();
        fields.optional_integer_within("limit", 1..=9).unwrap();
        fields.required_text("name", 5).unwrap_err();
        let noted = params.probe().unwrap().noted();
        assert_eq!(noted.allowed, ["name", "scope", "scope[type]", "metadata", "limit"]);
        assert_eq!(noted.required, ["scope", "scope[type]", "name"]);
        let last = |name: &str| {
            noted
                .expected
                .iter()
                .rev()
                .find(|(of, _)| of == name)
                .map(|(_, expects)| expects.clone())
        };
        let words = ["account", "user"].map(str::to_owned).to_vec();
        assert_eq!(last("scope[type]"), Some(Expects::Choice(words)));
        assert_eq!(last("limit"), Some(Expects::Integer { from: 1, to: 9, clearable: false }));
        assert_eq!(last("name"), Some(Expects::Text { most: Some(5), secret: false }));
        assert_eq!(last("metadata"), Some(Expects::Metadata));
        assert!(Params::empty().probe().is_none());
    }
}
