//! Why a request was refused, for whoever runs the server: what its response does not say.

/// Why a request was refused: a code that stays the same and is recorded, and what it means to an
/// operator. No response has any of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reason {
    /// The code: lower-case words with dots and underscores, never a space.
    pub code: &'static str,
    /// Why, as the middle of a sentence; `{about}` stands for [`ApiError::with_about`](crate::ApiError::with_about).
    pub because: &'static str,
    /// What to do, as the end of that sentence.
    pub advice: &'static str,
}

impl Reason {
    /// Why and what to do, as the end of a sentence, without its full stop.
    pub fn sentence(&self, about: Option<&str>) -> String {
        format!("{}; {}", self.why(about), self.advice)
    }

    /// Why, as the middle of a sentence.
    pub fn why(&self, about: Option<&str>) -> String {
        self.because.replace(ABOUT, about.unwrap_or("that its response names"))
    }

    /// Whether the sentence says what the refusal is about. If it does not, nothing of that is
    /// recorded: it can be a text of the caller's.
    pub(crate) const fn names_what_it_is_about(&self) -> bool {
        let (text, mark) = (self.because.as_bytes(), ABOUT.as_bytes());
        let mut at = 0;
        while at + mark.len() <= text.len() {
            let (_, rest) = text.split_at(at);
            let (head, _) = rest.split_at(mark.len());
            if is_same(head, mark) {
                return true;
            }
            at += 1;
        }
        false
    }
}

/// What stands in a sentence for what the refusal is about.
const ABOUT: &str = "{about}";

const fn is_same(mut one: &[u8], mut other: &[u8]) -> bool {
    while let ([a, rest @ ..], [b, others @ ..]) = (one, other) {
        if *a != *b {
            return false;
        }
        (one, other) = (rest, others);
    }
    one.is_empty() && other.is_empty()
}

/// Declares reasons, and a list of them all: `NAME = "code": "because", "advice";`.
#[macro_export]
macro_rules! reasons {
    ($($name:ident = $code:literal: $because:literal, $advice:literal;)*) => {
        $(
            #[doc = concat!("`", $code, "`: ", $because, ".")]
            pub const $name: $crate::Reason =
                $crate::Reason { code: $code, because: $because, advice: $advice };
        )*

        /// All of them.
        pub const ALL: &[$crate::Reason] = &[$($name),*];
    };
}
