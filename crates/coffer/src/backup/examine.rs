//! Looking at everything that a store holds: whether each record opens, each row is one that the
//! server wrote, and each figure of the books follows from the others.

use crate::assemble::{self, AssembleError, AssembleOptions, Stores};
use coffer_audit::checkpoint::VerifierKey;
use coffer_audit::{Expected, LogError, SIGNING_PURPOSE};
use coffer_keyring::{Head, Keyring};
use coffer_storage::StorageError;

/// What a store was found to hold.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Examination {
    /// Its id.
    pub store: String,
    /// How many sealed records of each kind were opened.
    pub opened: Vec<(&'static str, u64)>,
    /// How many tenants' records can be opened by nobody, since their keys were destroyed.
    pub destroyed: u64,
    /// How many rows that say who is who were checked.
    pub identities: u64,
    /// How many of those were revoked or changed since; the keys are newer than the data then.
    pub outdated: u64,
    /// How many entries are in the audit's log.
    pub audited: u64,
    /// How much there is in the books, by name.
    pub books: Vec<(&'static str, u64)>,
    /// How far data and keys have come.
    pub heads: (Head, Head),
    /// What is wrong; nothing if all is right.
    pub problems: Vec<String>,
}

/// Opens the keys of the stores with the root key, and looks at everything.
///
/// # Errors
/// If a store cannot be read, or if its root key is missing.
pub async fn examine(
    options: &AssembleOptions,
    stores: &Stores,
) -> Result<Examination, AssembleError> {
    let Some(store) = coffer_keyring::store_id(&stores.data).await? else {
        return Err(options.no_store());
    };
    options.check_kind(&stores.keys).await?;
    let (keyring, _) = assemble::open_keyring(options, &stores.keys, &store).await?;
    let mut found = Examination { store, ..Examination::default() };
    found.open_records(options, stores, &keyring).await?;
    found.check_identities(stores, &keyring).await?;
    found.check_audit(stores, &keyring).await?;
    found.check_books(options, stores).await?;
    let head = |store| coffer_keyring::head(store);
    found.heads = (head(&stores.data).await?, head(&stores.keys).await?);
    Ok(found)
}

impl Examination {
    async fn open_records(
        &mut self,
        options: &AssembleOptions,
        stores: &Stores,
        keyring: &Keyring,
    ) -> Result<(), AssembleError> {
        let tenants = coffer_keyring::tenants_without_key(&stores.data, &stores.keys).await?;
        self.destroyed = tenants.destroyed;
        if tenants.missing > 0 {
            self.problems.push(format!(
                "{} tenants' data is sealed under keys that are not among these: the keys are \
                 older than the data",
                tenants.missing
            ));
        }
        match options.families.open_all(&stores.data, keyring).await {
            Ok(opened) => self.opened = opened,
            Err(error) => self.problems.push(format!("a record does not open: {error}")),
        }
        Ok(())
    }

    async fn check_identities(
        &mut self,
        stores: &Stores,
        keyring: &Keyring,
    ) -> Result<(), AssembleError> {
        let found = coffer_identity::verify_rows(&stores.data, keyring).await?;
        self.identities = found.checked;
        self.outdated = u64::try_from(found.outdated.len()).unwrap_or(u64::MAX);
        if !found.forged.is_empty() {
            self.problems.push(format!(
                "rows were written or changed by somebody else: {}",
                found.forged.join(", ")
            ));
        }
        Ok(())
    }

    /// Whether the log's head was signed with the keys of this store, and whether every entry is as
    /// it was when it was taken in.
    async fn check_audit(
        &mut self,
        stores: &Stores,
        keyring: &Keyring,
    ) -> Result<(), AssembleError> {
        let signing = keyring.signing_key(SIGNING_PURPOSE).await?;
        let key = VerifierKey::of(&self.store, &signing).map_err(LogError::from);
        let mark = coffer_keyring::audit_mark(&stores.keys).await?;
        let size = coffer_audit::head(&stores.data).await?.map(|head| head.size);
        // A copy of the keys may be some moments newer than that of the data.
        let is_newer = mark.as_ref().zip(size).is_some_and(|(mark, size)| mark.size > size);
        let expected = Expected::new(key.map_err(StorageError::from)?, Vec::new()).beside(mark);
        let expected = Expected { mark: expected.mark.clone().filter(|_| !is_newer), ..expected };
        let report = coffer_audit::verify(&stores.data, &expected, |_, _| ()).await;
        let report = report.map_err(StorageError::from)?;
        self.audited = report.size;
        let problems = report.problems.iter().map(|problem| format!("the audit's log: {problem}"));
        self.problems.extend(problems);
        if report.unnamed > 0 {
            let count = report.unnamed;
            self.problems.push(format!("the audit's log: {count} more entries are wrong"));
        }
        Ok(())
    }

    async fn check_books(
        &mut self,
        options: &AssembleOptions,
        stores: &Stores,
    ) -> Result<(), AssembleError> {
        let found = options.families.verify(&stores.data).await?;
        self.books = found.counts;
        self.problems.extend(found.differences.iter().map(ToString::to_string));
        self.problems.extend(found.unverified);
        Ok(())
    }
}
