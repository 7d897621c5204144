//! Ids: a prefix that names the kind of object, and random letters and digits.

use crate::limit;
use crate::random::Random;
use std::fmt;
use std::sync::Arc;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `length` random letters and digits, each equally likely.
pub fn random_base62(random: &dyn Random, length: usize) -> String {
    let mut text = String::with_capacity(length);
    let mut pool = [0u8; 64];
    while text.len() < length {
        random.fill(&mut pool);
        for byte in pool {
            // 248 is the largest multiple of 62 in a byte; larger bytes would favour some letters.
            if byte < 248
                && text.len() < length
                && let Some(&letter) = BASE62.get(usize::from(byte % 62))
            {
                text.push(char::from(letter));
            }
        }
    }
    text
}

/// The last digit of `number` in base 62, as a letter or digit.
pub fn base62_digit(number: u32) -> u8 {
    let place = usize::try_from(number % 62).unwrap_or_default();
    BASE62.get(place).copied().unwrap_or(b'0')
}

/// A new id: `prefix`, an underscore, and `length` random letters and digits.
pub fn random_id(prefix: &str, length: usize, random: &dyn Random) -> String {
    format!("{prefix}_{}", random_base62(random, length))
}

/// Text that is not an id of the kind that was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidId {
    /// What an id of this kind begins with, the underscore included.
    pub prefix: &'static str,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an id that begins with '{}' and goes on with letters, digits and underscores, \
             {} characters at most, was expected",
            self.prefix,
            limit::ID_CHARACTERS
        )
    }
}

impl std::error::Error for InvalidId {}

/// What separates an account's id from the generation of what is kept for it. No id holds it.
const GENERATION: char = '~';

impl AccountId {
    /// The account as rows name it in a generation of its tenant: what was kept before a purge
    /// belongs to another tenant than what is kept after it. 0 is the one before the first purge.
    #[must_use]
    pub fn in_generation(&self, generation: i64) -> Self {
        match generation {
            ..=0 => self.named(),
            later => Self(Arc::from(format!("{}{GENERATION}{later}", self.name()))),
        }
    }

    /// The generation that it is named in.
    pub fn generation(&self) -> i64 {
        let suffix = self.0.split_once(GENERATION).map(|(_, generation)| generation.parse());
        suffix.and_then(Result::ok).unwrap_or(0)
    }

    /// The account's own id, as callers write it.
    pub fn name(&self) -> &str {
        self.0.split_once(GENERATION).map_or(&*self.0, |(name, _)| name)
    }

    /// The account without its generation.
    #[must_use]
    pub fn named(&self) -> Self {
        match self.name() {
            name if name.len() == self.0.len() => self.clone(),
            name => Self(Arc::from(name)),
        }
    }

    /// Parses an account as a row names it, with its generation if that is not the first.
    ///
    /// # Errors
    /// [`InvalidId`] if it is no id with an optional generation behind it.
    pub fn parse_stored(text: &str) -> Result<Self, InvalidId> {
        let Some((name, generation)) = text.split_once(GENERATION) else {
            return Self::parse(text);
        };
        let generation = generation.parse().ok().filter(|generation| *generation > 0);
        let generation = generation.ok_or(InvalidId { prefix: Self::PREFIX })?;
        Self::parse(name).map(|name| name.in_generation(generation))
    }
}

fn checked(text: &str, prefix: &'static str) -> Result<Arc<str>, InvalidId> {
    let well_formed = text.len() <= limit::ID_CHARACTERS
        && text.strip_prefix(prefix).is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        });
    if well_formed { Ok(Arc::from(text)) } else { Err(InvalidId { prefix }) }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(Arc<str>);

        impl $name {
            /// What every such id begins with.
            pub const PREFIX: &'static str = $prefix;

            /// Parses an id: its prefix, then letters, digits and underscores, at most
            /// [`limit::ID_CHARACTERS`] characters in all.
            ///
            /// # Errors
            /// [`InvalidId`] if the prefix, a character or the length is another.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                checked(text, $prefix).map(Self)
            }

            /// A new random id.
            pub fn random(random: &dyn Random) -> Self {
                let letters = random_base62(random, limit::RANDOM_ID_CHARACTERS);
                Self(Arc::from(format!("{}{letters}", $prefix)))
            }

            /// An id that the program uses for itself.
            pub(crate) fn reserved(text: &'static str) -> Self {
                Self(Arc::from(text))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// An account, which installs apps or develops them.
    AccountId, "acct_"
}
id! {
    /// An app of a developer's account.
    AppId, "app_"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::TestRandom;

    #[test]
    fn ids_are_checked() {
        assert!(AccountId::parse("acct_1a_B").is_ok());
        for wrong in ["", "acct_", "app_1", "acct_1-2", "acct_é", "acct_1\0"] {
            assert_eq!(AccountId::parse(wrong), Err(InvalidId { prefix: "acct_" }), "{wrong}");
        }
        let long = format!("acct_{}", "a".repeat(limit::ID_CHARACTERS));
        assert!(AccountId::parse(&long).is_err());
    }

    #[test]
    fn a_generation_is_part_of_stored_accounts_alone() {
        let account = AccountId::parse("acct_1").unwrap();
        assert_eq!(account.in_generation(0), account);
        let later = account.in_generation(12);
        assert_eq!((later.as_str(), later.name(), later.generation()), ("acct_1~12", "acct_1", 12));
        assert_eq!(later.named(), account);
        assert_eq!(later.in_generation(13), account.in_generation(13));
        assert_eq!(AccountId::parse_stored("acct_1~12"), Ok(later));
        assert_eq!(AccountId::parse_stored("acct_1"), Ok(account));
        assert!(AccountId::parse("acct_1~12").is_err(), "no caller can name one");
        for wrong in ["acct_1~", "acct_1~0", "acct_1~x", "acct_1~1~2", "~1", "acct_~1"] {
            assert!(AccountId::parse_stored(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn random_ids_parse_and_differ() {
        let random = TestRandom::seeded(1);
        let (one, two) = (AppId::random(&random), AppId::random(&random));
        assert_ne!(one, two);
        assert_eq!(AppId::parse(one.as_str()), Ok(one));
        assert_eq!(random_id("req", 14, &random).len(), 18);
    }
}
