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

    /// What the refusal is about, if its reason's sentence names that: what may be recorded.
    pub fn about(&self) -> Option<&str> {
        self.0.about.as_deref().filter(|_| self.0.reason.names_what_it_is_about())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reasons;
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
        let recorded = |error: &ApiError| (error.reason().code, error.about().map(str::to_owned));
        let about = Some("scope[type]".to_owned());
        assert_eq!(recorded(&missing), ("parameter.missing", about));
        assert!(missing.reason().sentence(missing.about()).contains("'scope[type]'"));
        // These have texts of the caller's in their param.
        let unknown = ApiError::parameters_unknown(&["hunter2".to_owned()]);
        assert_eq!(recorded(&unknown), ("parameter.unknown", None));
        let metadata = ApiError::invalid_param("metadata[hunter2]", "No.");
        assert_eq!(recorded(&metadata), ("parameter.invalid", Some("metadata".to_owned())));
        let named = ApiError::invalid("No.").with_param("hunter2");
        assert_eq!(recorded(&named), ("request.invalid", None));
    }
}
