//! The root key in an environment variable, for platforms that give a service nothing else.

use super::{Kind, Root, RootError, RootKey, text};
use coffer_base::Random;
use zeroize::Zeroizing;

/// The variable's name.
pub const VARIABLE: &str = "COFFER_ROOT_KEY";

/// Parses the variable's value. The caller reads the variable, and should remove it from the
/// environment, which child processes inherit.
///
/// # Errors
/// [`RootError::Malformed`] if it is not one line of the right form.
pub fn parse(text: &str) -> Result<RootKey, RootError> {
    let malformed = || RootError::Malformed { place: VARIABLE.to_owned() };
    text::parse(text.as_bytes()).ok_or_else(malformed)
}

/// The root key as the text that the environment gave.
pub struct Given(Zeroizing<String>);

impl Given {
    /// The text of `key`.
    ///
    /// # Errors
    /// [`RootError::StoreId`] if its store has no proper id.
    pub fn of(key: &RootKey) -> Result<Self, RootError> {
        text::write(key).map(Self)
    }
}

impl Root for Given {
    fn kind(&self) -> Kind {
        Kind::Key
    }

    fn place(&self, _store_id: &str) -> String {
        VARIABLE.to_owned()
    }

    fn keep(&self, _key: &RootKey, _random: &dyn Random) -> Result<Vec<u8>, RootError> {
        Err(RootError::NotStored {
            place: "the environment",
            advice: "let it be made in a file, and give its line as COFFER_ROOT_KEY",
        })
    }

    fn open(&self, store_id: &str, _kept: &[u8]) -> Result<RootKey, RootError> {
        let key = parse(&self.0)?;
        key.belongs_to(store_id)?;
        Ok(key)
    }
}
