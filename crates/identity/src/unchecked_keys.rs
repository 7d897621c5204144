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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api_key::{Holder, NewKey};
    use crate::directory::Directory;
    use coffer_base::{TestClock, TestRandom, Timestamp};
    use coffer_crypto::new_token;
    use coffer_kernel::{Authenticate, Credentials};
    use coffer_storage::{MigrationSet, Options, Tx, Work};
    use std::sync::Arc;

    const NOW: Timestamp = Timestamp::from_unix(1);

    fn open(home: &tempfile::TempDir, sets: &[MigrationSet]) -> Store {
        Store::open_sqlite(&home.path().join("data"), sets, NOW, Options::default()).unwrap().0
    }

    async fn status(directory: &Directory, token: &str) -> u16 {
        let token = Redacted::new(token.to_owned());
        let credentials = Credentials { token: &token, account: None, now: NOW };
        directory.authenticate(&credentials).await.map_or_else(|error| error.status(), |_| 200)
    }

    /// The store has no table of keys, so whoever asks it is told.
    #[tokio::test]
    async fn what_cannot_be_a_key_is_refused_without_the_store() {
        let home = tempfile::TempDir::new().unwrap();
        let clock = Arc::new(TestClock::at(NOW));
        let directory = Directory::new(open(&home, &[]), clock);
        for prefix in prefixes() {
            let token = new_token(prefix, &TestRandom::seeded(1));
            let token = token.expose();
            assert_eq!(status(&directory, token).await, 500, "{prefix}");
            let other = if token.ends_with('a') { 'b' } else { 'a' };
            let wrong = [token.get(..token.len() - 1).unwrap(), &other.to_string()].concat();
            let rubbish =
                [wrong, format!("{token}a"), prefix.to_owned(), token.to_ascii_lowercase()];
            for rubbish in rubbish {
                assert_eq!(status(&directory, &rubbish).await, 401, "{rubbish}");
            }
        }
        for rubbish in ["sk_test_x", "sk_live_0123456789abcdefghijklmn", "nonsense"] {
            assert_eq!(status(&directory, rubbish).await, 401, "{rubbish}");
        }
    }

    struct Insert(NewKey);

    impl Work for Insert {
        type Out = ();

        async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
            self.0.insert(tx).await.map(drop)
        }
    }

    #[tokio::test]
    async fn a_key_from_before_the_checksum_goes_on_working() {
        let home = tempfile::TempDir::new().unwrap();
        let store = open(&home, &[coffer_kernel::MIGRATIONS, store::MIGRATIONS]);
        let old = "ak_coffer_0123456789ABCDEFGHIJKLMNOPQRSTUV";
        let token = Redacted::new(old.to_owned());
        let (random, name) = (TestRandom::seeded(1), String::new());
        let key = NewKey::from_token(token, Holder::Admin, name, None, &random, NOW);
        store.write(Insert(key)).await.unwrap();
        let directory = Directory::new(store, Arc::new(TestClock::at(NOW)));
        assert_eq!(status(&directory, old).await, 200);
        assert_eq!(status(&directory, &old.replace('V', "W")).await, 401);
    }
}
