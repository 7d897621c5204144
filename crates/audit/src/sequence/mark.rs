//! What the key store knows of the log: a signed checkpoint, so that whoever writes to the data
//! store alone can neither empty the log nor set it back unnoticed.

use super::Sequencer;
use crate::checkpoint::{Checkpoint, VerifierKey, sign_pruned};
use crate::error::LogError;
use crate::proof::tree_of;
use crate::store::log::{self, Head, SealPruned};
use coffer_crypto::SigningKey;
use coffer_keyring::AuditMark;

impl Sequencer {
    /// Tells the key store how far the log has come, if it continues what the key store knows.
    ///
    /// Of a store that has no such mark yet, what the version before has let be pruned is signed
    /// first: from then on a number without a signature counts for nothing.
    ///
    /// # Errors
    /// [`LogError::Broken`] if the log does not continue that; then the key store keeps what it
    /// knows. When a store does not answer.
    pub async fn mark(&self) -> Result<(), LogError> {
        let keys = self.keyring.store();
        // The head is read after the mark, so that other servers' marks are not ahead of it.
        let known = coffer_keyring::audit_mark(keys).await?;
        let Some(head) = log::head(&self.store).await? else { return Ok(()) };
        if known.as_ref().is_some_and(|known| known.note == head.note) {
            return Ok(());
        }
        let signing = self.signing_key().await?;
        let key = self.verifier(&signing)?;
        let not_believed = |error| {
            LogError::Broken(format!("the head of the audit's log is not believed: {error}"))
        };
        let tree = Checkpoint::open(&head.note, &key).map_err(not_believed)?.tree;
        match &known {
            Some(known) => self.require_continued(known, tree.size, &key).await?,
            None => self.seal_pruned(&head, &signing).await?,
        }
        let mark = AuditMark { size: tree.size, note: head.note };
        Ok(coffer_keyring::keep_audit_mark(keys, &mark).await?)
    }

    /// Refuses a log that is not what the key store knows, with more entries.
    async fn require_continued(
        &self,
        known: &AuditMark,
        size: u64,
        key: &VerifierKey,
    ) -> Result<(), LogError> {
        let advice = "if you have put back an older database, start once with --accept-rollback";
        let before = Checkpoint::open(&known.note, key);
        let before = before.map_err(|error| {
            LogError::Broken(format!("what the key store knows of the log is damaged: {error}"))
        })?;
        let before = before.tree;
        if before.size > size {
            return Err(LogError::Broken(format!(
                "the key store knows the audit's log with {} entries, and it has {size}: it was \
                 set back; {advice}",
                before.size
            )));
        }
        if tree_of(&self.store, before.size).await? != before {
            return Err(LogError::Broken(format!(
                "the key store knows other entries among the first {} of the audit's log: it was \
                 written anew; {advice}",
                before.size
            )));
        }
        Ok(())
    }

    async fn seal_pruned(&self, head: &Head, signing: &SigningKey) -> Result<(), LogError> {
        if head.pruned == 0 || head.pruned_note.is_some() {
            return Ok(());
        }
        let note = sign_pruned(self.keyring.store_id(), head.pruned, signing)?;
        Ok(self.store.write(SealPruned { up_to: head.pruned, note }).await?)
    }
}
