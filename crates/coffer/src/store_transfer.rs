//! Transfers an installation from one storage engine to the other: rows and wrapped keys byte by
//! byte, so that the root key stays valid.
//!
//! It knows the order of the steps and when a target is complete; `coffer_storage` copies and
//! compares the rows.

use crate::assemble::{self, AssembleError, AssembleOptions, Stores};
use coffer_audit::{Entry, Sequencer};
use coffer_base::{Tenant, Timestamp};
use coffer_keyring::{KEY_MIGRATIONS, Keyring};
use coffer_storage::{Counts, MigrationSet, Progress, StorageError, Transfer};
use std::fmt;
use std::sync::Arc;

/// What was transferred.
#[derive(Debug)]
pub struct TransferReport {
    /// The store's id, which the target takes over.
    pub store_id: String,
    /// Rows of each table of the data.
    pub data: Counts,
    /// Rows of each table of the keys.
    pub keys: Counts,
    /// How many envelopes of each kind were opened in the target.
    pub opened: Vec<(&'static str, u64)>,
}

/// The phase that a transfer is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Rows are moved.
    Moving,
    /// All rows of both stores are compared.
    Comparing,
    /// Every envelope is opened in the target.
    Opening,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Moving => "moving",
            Self::Comparing => "comparing",
            Self::Opening => "opening",
        })
    }
}

/// A callback for the phase, and for how far its table is; `None` where no rows are counted.
pub type OnProgress<'t> = &'t mut (dyn FnMut(Phase, Option<&Progress>) + Send);

/// Transfers the installation at `from` to `to` and verifies what arrived. The target must be
/// empty or hold an incomplete transfer of the same store, which is continued. Nothing else may
/// write to either store meanwhile.
///
/// # Errors
/// If there is no store at `from`, if its root key does not open its keys, if the target holds
/// anything else, or if the two differ afterwards. Running it again continues the transfer.
pub async fn run(
    from: &AssembleOptions,
    to: &AssembleOptions,
    on_progress: OnProgress<'_>,
) -> Result<TransferReport, AssembleError> {
    let now = from.clock.now();
    let (source, store_id, source_keyring) = open_source(from).await?;
    assemble::create_schemas(&to.database, &to.families, now).await?;
    let target = Stores::open_incomplete(to, now).await?;
    take_entries(&source, source_keyring, now).await?;
    let transfers = Transfers::new(&source, &target, &to.families.migrations())?;
    let (data, keys) = transfers.copy_and_compare(&store_id, on_progress).await?;
    on_progress(Phase::Opening, None);
    let (keyring, _) = assemble::open_keyring(to, &target.keys, &store_id).await?;
    let opened = to.families.open_all(&target.data, &keyring).await?;
    transfers.finish().await?;
    let rows: u64 = data.values().chain(keys.values()).sum();
    let entry = Entry::of_program("program.store.move", Tenant::system(), now);
    let amount = Some(i64::try_from(rows).unwrap_or(i64::MAX));
    coffer_audit::record(&target.data, Entry { amount, ..entry }).await?;
    source.close().await;
    target.close().await;
    Ok(TransferReport { store_id, data, keys, opened })
}

/// Opens the source, and its keyring too: a store that nobody can open is not transferred.
async fn open_source(from: &AssembleOptions) -> Result<(Stores, String, Keyring), AssembleError> {
    let source = assemble::open_existing(from).await?;
    let Some(store_id) = coffer_keyring::store_id(&source.data).await? else {
        return Err(from.no_store());
    };
    from.check_kind(&source.keys).await?;
    let (keyring, _) = assemble::open_keyring(from, &source.keys, &store_id).await?;
    Ok((source, store_id, keyring))
}

/// Takes all entries of the source's audit into its log: they keep their numbers, which rows of a
/// shared store get only then.
async fn take_entries(
    source: &Stores,
    keyring: Keyring,
    now: Timestamp,
) -> Result<(), AssembleError> {
    let sequencer = Sequencer::new(source.data.clone(), Arc::new(keyring));
    while sequencer.run(now).await? > 0 {}
    Ok(())
}

/// The transfers of both stores of an installation.
struct Transfers<'s> {
    data: Transfer<'s>,
    keys: Transfer<'s>,
}

impl<'s> Transfers<'s> {
    fn new(
        source: &'s Stores,
        target: &'s Stores,
        data_sets: &[MigrationSet],
    ) -> Result<Self, StorageError> {
        Ok(Self {
            data: Transfer::new(&source.data, &target.data, data_sets)?,
            keys: Transfer::new(&source.keys, &target.keys, &[KEY_MIGRATIONS])?,
        })
    }

    async fn copy_and_compare(
        &self,
        store_id: &str,
        on_progress: OnProgress<'_>,
    ) -> Result<(Counts, Counts), StorageError> {
        for transfer in [&self.data, &self.keys] {
            transfer.run(store_id, |at| on_progress(Phase::Moving, Some(at))).await?;
        }
        let mut compared = |at: &Progress| on_progress(Phase::Comparing, Some(at));
        Ok((self.data.compare(&mut compared).await?, self.keys.compare(&mut compared).await?))
    }

    /// Marks the target as complete. The keys come last: a server checks only the data's mark.
    async fn finish(&self) -> Result<(), StorageError> {
        self.data.finish().await?;
        self.keys.finish().await
    }
}
