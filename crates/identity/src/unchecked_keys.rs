//! Which tokens are worth looking for. A token ends in a checksum, so what is mistyped, cut or made
//! up is refused without the database. Tokens that were made before there was a checksum go on
//! working: how many letters they have tells them from the others, and their hashes are read once,
//! since no more of them are made.

use crate::api_key::prefixes;
use crate::store;
use coffer_base::Redacted;
use coffer_crypto::{TokenForm, TokenHash, token_form};
use coffer_storage::{StorageError, Store};
use std::collections::HashSet;
use std::sync::OnceLock;

/// The keys of a store whose tokens have no checksum.
pub(crate) struct UncheckedKeys {
    store: Store,
    /// Read when such a token is first presented: most stores never meet one.
    hashes: OnceLock<HashSet<TokenHash>>,
}

impl UncheckedKeys {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, hashes: OnceLock::new() }
    }

    /// Whether a key with this token can exist.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn may_exist(&self, token: &Redacted<String>) -> Result<bool, StorageError> {
        let token = token.expose();
        match form(token) {
            TokenForm::Checked => Ok(true),
            TokenForm::Foreign => Ok(false),
            TokenForm::Unchecked => {
                let hashes = match self.hashes.get() {
                    Some(hashes) => hashes,
                    None => {
                        let read = store::unchecked_keys(&self.store).await?;
                        self.hashes.get_or_init(|| read)
                    }
                };
                Ok(hashes.contains(&TokenHash::of(token)))
            }
        }
    }
}

/// The form of a token of any kind and mode.
pub(crate) fn form(token: &str) -> TokenForm {
    let prefix = prefixes().into_iter().find(|prefix| token.starts_with(prefix));
    prefix.map_or(TokenForm::Foreign, |prefix| token_form(token, prefix))
}
