//! Why a request was refused, which no response says.

use super::ApiError;
use crate::reason::Reason;
use std::borrow::Cow;

impl ApiError {
    /// The same failure for this reason.
    #[must_use]
    pub fn because(mut self, reason: &'static Reason) -> Self {
        self.0.reason = reason;
        self
    }

    /// The same failure, about this: a parameter's declared name, a limit, an id that the server
    /// made. Never a text that the caller has chosen, since it is recorded as it is.
    #[must_use]
    pub fn with_about(mut self, about: impl Into<Cow<'static, str>>) -> Self {
        self.0.about = Some(about.into());
        self
    }

    /// Why the request was refused, for the operator.
    pub const fn reason(&self) -> &'static Reason {
        self.0.reason
    }

    /// The reason as it is recorded: its code, and behind a space what it is about, if its sentence
    /// says that. [`read_reason`](crate::read_reason) takes it apart.
    pub fn reason_record(&self) -> Cow<'static, str> {
        let reason = self.0.reason;
        match &self.0.about {
            Some(about) if reason.names_what_it_is_about() => {
                Cow::Owned(format!("{} {about}", reason.code))
            }
            _ => Cow::Borrowed(reason.code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{read_reason, reasons};
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_words_and_no_two_are_the_same() {
        let codes: BTreeSet<_> = reasons::ALL.iter().map(|reason| reason.code).collect();
        assert_eq!(codes.len(), reasons::ALL.len());
        for Reason { code, because, advice } in reasons::ALL {
            let plain = |letter: char| letter.is_ascii_lowercase() || "._".contains(letter);
            assert!(code.chars().all(plain), "{code}");
            assert!(!because.is_empty() && !because.ends_with('.'), "{code}");
            assert!(!advice.is_empty() && !advice.ends_with('.'), "{code}");
        }
    }

    #[test]
    fn a_record_has_what_its_sentence_names_and_nothing_else() {
        let missing = ApiError::parameter_missing("scope[type]");
        assert_eq!(missing.reason_record(), "parameter.missing scope[type]");
        let (code, about) = read_reason("parameter.missing scope[type]");
        assert_eq!((code, about), ("parameter.missing", Some("scope[type]")));
        assert!(missing.reason().sentence(about).contains("'scope[type]'"));
        // These have texts of the caller's in their param.
        let unknown = ApiError::parameters_unknown(&["hunter2".to_owned()]);
        assert_eq!(unknown.reason_record(), "parameter.unknown");
        let metadata = ApiError::invalid_param("metadata[hunter2]", "No.");
        assert_eq!(metadata.reason_record(), "parameter.invalid metadata");
        let named = ApiError::invalid("No.").with_param("hunter2");
        assert_eq!(named.reason_record(), "request.invalid");
    }
}
