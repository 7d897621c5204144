//! Taking committed entries into the log: each gets its number and its hash, and the head is signed
//! anew.
//!
//! In an embedded store an entry has its number from the start: one writer gives them, in the order
//! of commits and without gaps. In a shared store it has none until it is taken, which is then its
//! place in the order. Several servers may do so at once: the head's size decides whose batch
//! counts.
//!
//! What is read of the log is believed only if it gives the root that the head signs: otherwise
//! whoever rewrites entries and tiles, which takes no key, would have the server sign them.

mod border;
mod mark;

pub use border::check_head;

use crate::canonical;
use crate::checkpoint::{Checkpoint, VerifierKey, origin};
use crate::error::LogError;
use crate::fresh::Fresh;
use crate::limits;
use crate::store::log::{self, Append, Head, Number, Prune};
use crate::tile::Border;
use crate::tree::leaf_hash;
use coffer_base::Timestamp;
use coffer_crypto::{Hash, SigningKey};
use coffer_keyring::Keyring;
use coffer_storage::{Row, StorageError, Store};
use std::sync::{Arc, Mutex, PoisonError};

/// For what the log's signing key is derived.
pub const SIGNING_PURPOSE: &str = "audit";

/// The hash of an entry by its row, of which the first column is no part.
pub(crate) fn hash_of(row: &Row) -> Hash {
    let columns = row.values(1..row.columns()).unwrap_or_default();
    leaf_hash(&canonical::encode(columns))
}

/// The hash in the place of an entry that was gone before it could be taken into the log. No entry
/// has it, since none is empty.
pub(crate) fn hash_of_gone() -> Hash {
    leaf_hash(&[])
}

/// Takes entries into the log of one store.
pub struct Sequencer {
    store: Store,
    keyring: Arc<Keyring>,
    /// What need not be read.
    fresh: Arc<Fresh>,
    /// The border of the tree at the last append, so that its tiles need not be read again.
    border: Mutex<Option<SignedBorder>>,
}

/// A border that this process has signed.
struct SignedBorder {
    border: Border,
    /// Its signed head: if another stands there now, the border is none of it.
    note: String,
}

/// Entries that are taken at once.
struct Batch {
    /// Their hashes, each with the number that it has or gets.
    hashes: Vec<(u64, Hash)>,
    /// What rows get their numbers; of those that have one, none.
    numbers: Vec<Number>,
    /// The part of the store that they are in.
    store: Store,
}

impl Sequencer {
    /// The sequencer of `store`, whose head it signs with a key of `keyring`.
    pub fn new(store: Store, keyring: Arc<Keyring>) -> Self {
        Self { store, keyring, fresh: Arc::default(), border: Mutex::default() }
    }

    /// The same, which takes the hashes of entries from `fresh` where they are there.
    #[must_use]
    pub fn with_fresh(self, fresh: Arc<Fresh>) -> Self {
        Self { fresh, ..self }
    }

    /// Takes all entries that are committed; returns how many.
    ///
    /// # Errors
    /// When a store does not answer, or the log is broken.
    pub async fn run(&self, now: Timestamp) -> Result<u64, LogError> {
        let parts = self.store.parts().await?;
        let mut taken = 0u64;
        for _ in 0..limits::BATCHES_AT_ONCE {
            let head = log::head(&self.store).await?;
            // Before hashes are taken from those who know them: if nothing can be added, they stay.
            let Some(border) = self.border_of(head.as_ref()).await? else { break };
            let Some(batch) = self.next(&parts, border.size()).await? else {
                self.remember(head.map(|head| SignedBorder { border, note: head.note }));
                break;
            };
            let count = batch.hashes.len();
            if !self.append(head, border, batch, now).await? {
                break;
            }
            taken = taken.saturating_add(u64::try_from(count).unwrap_or(0));
        }
        Ok(taken)
    }

    /// The entries that follow the first `size` ones.
    async fn next(&self, parts: &[Store], size: u64) -> Result<Option<Batch>, LogError> {
        let from = size.saturating_add(1);
        let hashes = self.numbered(parts, from).await?;
        if !hashes.is_empty() {
            return Ok(Some(Batch { hashes, numbers: Vec::new(), store: self.store.clone() }));
        }
        for part in parts {
            let rows = log::unnumbered(part, limits::ENTRIES_AT_ONCE).await?;
            if !rows.is_empty() {
                let hashes = (from..).zip(rows.iter().map(hash_of)).collect();
                let numbers = Append::numbers_of(&rows, from)?;
                return Ok(Some(Batch { hashes, numbers, store: part.clone() }));
            }
        }
        Ok(None)
    }

    /// The hashes of the entries from `from` on that have a number: those that are still known, and
    /// of the others those of their rows.
    async fn numbered(
        &self,
        parts: &[Store],
        mut from: u64,
    ) -> Result<Vec<(u64, Hash)>, StorageError> {
        let mut hashes = Vec::new();
        loop {
            let known = self.fresh.take(from);
            if let Some((last, _)) = known.last() {
                from = last.saturating_add(1);
                hashes.extend(known);
            }
            let so_far = i64::try_from(hashes.len()).unwrap_or(i64::MAX);
            let most = limits::HASHED_AT_ONCE.saturating_sub(so_far);
            if most <= 0 {
                return Ok(hashes);
            }
            let next = self.fresh.first().filter(|next| *next > from);
            let to = next.map_or(i64::MAX.unsigned_abs(), |next| next.saturating_sub(1));
            let rows = log::hashes(parts, from, to, most).await?;
            let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
            hashes.extend(rows);
            match next {
                Some(next) if count < most => from = next,
                _ => return Ok(hashes),
            }
        }
    }

    /// Appends a batch; returns false if somebody else has appended meanwhile.
    async fn append(
        &self,
        head: Option<Head>,
        mut border: Border,
        batch: Batch,
        now: Timestamp,
    ) -> Result<bool, LogError> {
        extend(&mut border, &batch.hashes)?;
        let tiles = border.take_changed().into_iter().collect();
        let checkpoint =
            Checkpoint { origin: origin(self.keyring.store_id()), tree: border.tree() };
        let note = checkpoint.sign(&self.signing_key().await?)?;
        let known = SignedBorder { note: note.clone(), border };
        let new = Head { size: checkpoint.tree.size, at: now, note, pruned: 0, pruned_note: None };
        let append = Append { old: head.map(|head| head.size), new, tiles, numbers: batch.numbers };
        let appended = batch.store.write(append).await?;
        if appended {
            self.remember(Some(known));
        }
        Ok(appended)
    }

    fn remember(&self, known: Option<SignedBorder>) {
        *self.border.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    /// The key that signs the head.
    async fn signing_key(&self) -> Result<SigningKey, LogError> {
        Ok(self.keyring.signing_key(SIGNING_PURPOSE).await?)
    }

    /// The key that checks what [`Self::signing_key`] signs.
    fn verifier(&self, signing: &SigningKey) -> Result<VerifierKey, LogError> {
        Ok(VerifierKey::of(self.keyring.store_id(), signing)?)
    }

    /// The border of the tree that `head` signs, which was the log's a moment ago; `None` if
    /// somebody else has appended since, and with that has replaced its last tiles.
    async fn border_of(&self, head: Option<&Head>) -> Result<Option<Border>, LogError> {
        let known = self.border.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(known), Some(head)) = (known, head)
            && known.note == head.note
            && known.border.size() == head.size
        {
            return Ok(Some(known.border));
        }
        let key = self.verifier(&self.signing_key().await?)?;
        let mark = coffer_keyring::audit_mark(self.keyring.store()).await?;
        border::read(&self.store, head, mark.as_ref(), &key).await
    }

    /// Deletes entries that an operator had pruned, as many as one turn may take; returns how many.
    ///
    /// # Errors
    /// When a store does not answer; [`LogError::Broken`] if it is not signed up to where entries
    /// may be deleted, and then none is.
    pub async fn prune(&self) -> Result<u64, LogError> {
        let Some(head) = log::head(&self.store).await?.filter(|head| head.pruned > 0) else {
            return Ok(0);
        };
        let signed = head.pruned_by(&self.verifier(&self.signing_key().await?)?);
        if signed != head.pruned {
            return Err(LogError::Broken(format!(
                "the database says that entries up to {} may be deleted, and that is signed up to \
                 {signed}: none is deleted",
                head.pruned
            )));
        }
        let (up_to, mut pruned) = (signed, 0u64);
        for part in self.store.parts().await? {
            for _ in 0..limits::PRUNED_BATCHES_AT_ONCE {
                let rows = part.write(Prune { up_to }).await?;
                pruned = pruned.saturating_add(rows);
                if rows == 0 {
                    break;
                }
            }
        }
        Ok(pruned)
    }
}

/// Adds hashes to a tree, each at its number; where one is missing, that of an entry that is gone.
fn extend(border: &mut Border, hashes: &[(u64, Hash)]) -> Result<(), LogError> {
    for (id, hash) in hashes {
        let gone = id.saturating_sub(border.size()).saturating_sub(1);
        if gone > limits::GONE_AT_ONCE {
            return Err(LogError::Broken(format!(
                "{gone} entries before the entry {id} of the audit are missing"
            )));
        }
        for _ in 0..gone {
            let id = border.size().saturating_add(1);
            tracing::error!(id, "an entry of the audit was gone before it entered the log");
            border.append(hash_of_gone());
        }
        border.append(*hash);
    }
    Ok(())
}
