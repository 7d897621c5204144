//! Noticing a store that was put back: how far both stores have come is also kept in a file in
//! another place, and a start from an older state is refused.
//!
//! Each store counts in a row of its own ([`coffer_keyring::Head`]). A server that has committed
//! something raises the count within [`crate::limits::HEAD_SECONDS`], with a new random mark, and
//! then replaces the file. So the stores are never behind the file, unless somebody has put them
//! back; what was committed in the last second of a server that was killed may be missing from
//! both.

mod file;
mod keeper;

pub use file::Heads;
pub use keeper::HeadKeeper;

use crate::assemble::{AssembleError, AssembleOptions, Stores};
use coffer_audit::{Actor, ActorKind, Entry, Target};
use coffer_base::civil::readable;
use coffer_base::{Tenant, Timestamp};
use coffer_storage::{StorageError, Tx, Work};
use std::fmt;
use std::path::Path;

/// What a start found of the head file.
#[derive(Debug)]
pub enum Checked {
    /// The stores are where the file says, or further.
    Right,
    /// There is no file, and no server has kept one for these stores yet: this start goes
    /// unchecked, and the server makes the file.
    First,
    /// The stores were put back, and the operator says that it is right.
    Accepted(Rollback),
    /// The file that was kept for these stores is missing, and the operator says that it is right:
    /// how far they have come.
    Without(Heads),
}

/// Stores that are older than the head file, or of another history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rollback {
    /// What the file says.
    pub kept: Heads,
    /// How far the stores have come.
    pub found: Heads,
}

impl fmt::Display for Rollback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = readable(self.kept.at);
        write!(f, "kept at {at}: {}; found: {}", self.kept, self.found)
    }
}

/// Checks that `stores` are not older than the file at `path` says. With `accept`, stores that are
/// get in; it is recorded in the audit log, and the file is made anew. The same holds for a file
/// that is missing although one was kept for these stores: they count in themselves how often.
///
/// # Errors
/// [`AssembleError::Rollback`] with both heads; [`AssembleError::NoHeadFile`] if the file is
/// missing; [`AssembleError::Refused`] if it is damaged or of another store.
pub async fn check(
    options: &AssembleOptions,
    stores: &Stores,
    path: &Path,
    accept: bool,
) -> Result<Checked, AssembleError> {
    let Some(store) = coffer_keyring::store_id(&stores.data).await? else {
        return Err(options.no_store());
    };
    let now = options.clock.now();
    let data = coffer_keyring::head(&stores.data).await?;
    let keys = coffer_keyring::head(&stores.keys).await?;
    let found = Heads { store, data, keys, at: now };
    let Some(kept) = Heads::read(path)? else {
        if !found.was_ever_kept() {
            return Ok(Checked::First);
        }
        if !accept {
            let place = path.to_owned();
            return Err(AssembleError::NoHeadFile { place, found: found.to_string() });
        }
        stores.data.write(RecordAcceptance { kept: None, found: found.clone(), now }).await?;
        coffer_keyring::forget_audit_mark(&stores.keys).await?;
        found.write(path)?;
        return Ok(Checked::Without(found));
    };
    if kept.store != found.store {
        return Err(AssembleError::Refused(format!(
            "the head file {} is that of {}, and this is {}: give each store a head file of its \
             own",
            path.display(),
            kept.store,
            found.store
        )));
    }
    if !found.is_behind(&kept) {
        return Ok(Checked::Right);
    }
    let rollback = Rollback { kept, found };
    if !accept {
        return Err(AssembleError::Rollback(rollback.to_string()));
    }
    let (kept, found) = (Some(rollback.kept.clone()), rollback.found.clone());
    stores.data.write(RecordAcceptance { kept, found, now }).await?;
    coffer_keyring::forget_audit_mark(&stores.keys).await?;
    rollback.found.write(path)?;
    Ok(Checked::Accepted(rollback))
}

/// Takes on data that was put back beside newer keys, where no head file is kept: what the key
/// store knows of the audit's log is forgotten, which the audit records.
///
/// # Errors
/// If a store cannot be read or written.
pub async fn accept(options: &AssembleOptions, stores: &Stores) -> Result<(), AssembleError> {
    let Some(mark) = coffer_keyring::audit_mark(&stores.keys).await? else { return Ok(()) };
    let entry = Entry::of_program("store.rollback.accept", Tenant::system(), options.clock.now());
    let subject = format!("the audit's log, known with {} entries", mark.size);
    let entry = Entry {
        actor: Actor { kind: ActorKind::Operator, ..entry.actor },
        target: Target { subject: Some(subject), ..Target::default() },
        ..entry
    };
    coffer_audit::record(&stores.data, entry).await?;
    Ok(coffer_keyring::forget_audit_mark(&stores.keys).await?)
}

/// Records that stores were served although they had been put back, or although nobody knows since
/// the head file is missing.
struct RecordAcceptance {
    kept: Option<Heads>,
    found: Heads,
    now: Timestamp,
}

impl Work for RecordAcceptance {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let Self { kept, found, .. } = self;
        let (data, keys) = (found.data.sequence, found.keys.sequence);
        let subject = match kept {
            Some(Heads { data: from, keys: keys_from, .. }) => {
                let (from, keys_from) = (from.sequence, keys_from.sequence);
                format!("{} data {from} to {data}, keys {keys_from} to {keys}", found.store)
            }
            None => format!("{} without a head file, data {data}, keys {keys}", found.store),
        };
        let entry = Entry::of_program("store.rollback.accept", Tenant::system(), self.now);
        let entry = Entry {
            actor: Actor { kind: ActorKind::Operator, ..entry.actor },
            target: Target { subject: Some(subject), ..Target::default() },
            ..entry
        };
        coffer_audit::append(tx, &entry);
        Ok(())
    }
}
