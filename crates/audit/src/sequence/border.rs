//! Reading the border of a log, which is believed only as far as the head signs it.

use crate::checkpoint::{Checkpoint, VerifierKey};
use crate::error::LogError;
use crate::store::log::{self, Head};
use crate::tile::Border;
use coffer_keyring::AuditMark;
use coffer_storage::Store;

/// Checks that the log of `store` can be continued: that its last tiles give the root that its head
/// signs, and that it is not gone, which `mark`, from the key store, would know. Answers how many
/// entries are in it.
///
/// # Errors
/// [`LogError::Broken`] if it cannot be; [`LogError::Storage`] if the store cannot be read.
pub async fn check_head(
    store: &Store,
    mark: Option<&AuditMark>,
    key: &VerifierKey,
) -> Result<u64, LogError> {
    // A server that appends meanwhile replaces what is read; it does so once a second at most.
    for _ in 0..ATTEMPTS {
        let head = log::head(store).await?;
        if let Some(border) = read(store, head.as_ref(), mark, key).await? {
            return Ok(border.size());
        }
    }
    Err(LogError::Broken("the log changes while it is read".to_owned()))
}

/// How often a log is read that others append to.
const ATTEMPTS: u32 = 20;

/// The border that `head` signs, which was the log's a moment ago; `None` if it is not any more.
pub(super) async fn read(
    store: &Store,
    head: Option<&Head>,
    mark: Option<&AuditMark>,
    key: &VerifierKey,
) -> Result<Option<Border>, LogError> {
    let found = match head {
        Some(head) => signed(store, head, key).await?,
        None => none_yet(store, mark).await?,
    };
    let why = match found {
        Ok(border) => return Ok(Some(border)),
        Err(why) => why,
    };
    // Tiles that were read after the head may be those of a later one.
    let now = log::head(store).await?;
    if now.as_ref().map(|now| &now.note) == head.map(|head| &head.note) {
        return Err(LogError::Broken(format!("nothing is added to the audit's log: {why}")));
    }
    Ok(None)
}

/// The border of a log with a head, or why that is not believed.
async fn signed(
    store: &Store,
    head: &Head,
    key: &VerifierKey,
) -> Result<Result<Border, String>, LogError> {
    let signed = match Checkpoint::open(&head.note, key) {
        Ok(checkpoint) => checkpoint.tree,
        Err(error) => return Ok(Err(format!("its head is not believed: {error}"))),
    };
    let size = head.size;
    if signed.size != size {
        return Ok(Err(format!("its head says {size} entries, and {} were signed", signed.size)));
    }
    let needed = Border::needed(size).into_iter().collect();
    let Some(border) = Border::restore(size, log::tiles(store, &needed).await?) else {
        return Ok(Err(format!("tiles of its {size} entries are missing")));
    };
    if border.tree() != signed {
        return Ok(Err(format!(
            "its tiles do not give the root that was signed of {size} entries"
        )));
    }
    Ok(Ok(border))
}

/// The border of a log that has no head, or why there must have been one.
async fn none_yet(
    store: &Store,
    mark: Option<&AuditMark>,
) -> Result<Result<Border, String>, LogError> {
    if let Some(mark) = mark {
        return Ok(Err(format!(
            "it is gone, and the key store knows it with {} entries. It was deleted, or an older \
             database was put back; if you did that, start once with --accept-rollback",
            mark.size
        )));
    }
    let is_left = log::last_tile(store, 0).await?.is_some()
        || log::has_numbers(&store.parts().await?).await?;
    Ok(if is_left { Err("its head was deleted".to_owned()) } else { Ok(Border::default()) })
}
