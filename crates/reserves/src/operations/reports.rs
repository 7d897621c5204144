//! What operators and auditors ask of ledgers. Which ledgers it is about is said by parameters,
//! since an admin key is no account's.

pub(crate) mod report;
pub(crate) mod simulate;
pub(crate) mod story;

use crate::limits;
use crate::reasons;
use coffer_base::{AccountId, Mode, Owner, Timestamp, limit};
use coffer_dialect::{ApiError, Fields};
use coffer_ledger::history::ledgers;
use coffer_storage::{StorageError, Store};

/// The parameters of [`Which::parse`].
const WHICH: [&str; 3] = ["mode", "platform", "account"];

/// Of which ledgers something is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Which {
    pub(crate) mode: Mode,
    /// Empty for all.
    pub(crate) platform: String,
    /// Empty for all.
    pub(crate) account: String,
}

impl Which {
    /// `mode`, which is `live` unless it is sent, `platform` and `account`.
    fn parse(fields: &Fields<'_>) -> Result<Self, ApiError> {
        let modes = [("live", Mode::Live), ("test", Mode::Test)];
        let mode = fields.optional_choice("mode", &modes)?.unwrap_or(Mode::Live);
        let platform = account(fields, "platform")?;
        Ok(Self { mode, platform, account: account(fields, "account")? })
    }

    /// The ledgers, each with the time of its last transaction, by platform and account.
    async fn ledgers(&self, store: &Store) -> Result<Vec<(Owner, Timestamp)>, StorageError> {
        let mut found = Vec::new();
        for part in store.parts().await? {
            let of = (self.platform.as_str(), self.account.as_str());
            found.extend(ledgers(&part, self.mode, of, limits::LEDGERS_OF_REPORT).await?);
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(found)
    }

    /// The same, of which there must not be more than one question reads.
    async fn bounded(
        &self,
        store: &Store,
    ) -> Result<Vec<(Owner, Timestamp)>, coffer_kernel::Failure> {
        let found = self.ledgers(store).await?;
        let most = limits::LEDGERS_OF_REPORT;
        if i64::try_from(found.len()).is_ok_and(|count| count < most) {
            return Ok(found);
        }
        let message = format!(
            "There are {most} ledgers or more of what you ask for, and this reads fewer. Send \
             platform or account."
        );
        Err(ApiError::invalid_param("platform", message).because(&reasons::TOO_MANY_LEDGERS).into())
    }
}

/// The id of an account, or nothing.
fn account(fields: &Fields<'_>, name: &str) -> Result<String, ApiError> {
    let Some(id) = fields.optional_plain(name, limit::ID_CHARACTERS)? else {
        return Ok(String::new());
    };
    let id = AccountId::parse(&id)
        .map_err(|error| ApiError::invalid_param(name, format!("{error}.")))?;
    Ok(id.as_str().to_owned())
}
