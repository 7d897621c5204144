//! The kinds of roots.

use std::fmt;

/// What keeps a root key, as a row of the key store and a setting name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The operator: in a file, a credential of the service manager, or the environment.
    Key,
    /// A passphrase.
    Passphrase,
    /// A key of a hardware module.
    Pkcs11,
    /// A key of OpenBao's or Vault's transit engine.
    Transit,
    /// A key of AWS KMS.
    AwsKms,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Key, Self::Passphrase, Self::Pkcs11, Self::Transit, Self::AwsKms];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Passphrase => "passphrase",
            Self::Pkcs11 => "pkcs11",
            Self::Transit => "transit",
            Self::AwsKms => "aws-kms",
        }
    }

    /// The kind that `word` names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
