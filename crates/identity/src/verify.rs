//! Checks every row that says who is who: for an operator, also beside a running server.

use crate::floors::Floors;
use crate::limits;
use crate::row_mac::RowMac;
use crate::store::{Judgement, VERIFIED};
use coffer_base::Timestamp;
use coffer_keyring::{Keyring, KeyringError};
use coffer_storage::Store;

/// What a check of all rows found.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct RowFindings {
    /// How many rows were checked.
    pub checked: u64,
    /// Rows that this installation did not write as they are: table and id of each, up to
    /// [`limits::REPORTED_ROWS`].
    pub forged: Vec<String>,
    /// Rows from before a revocation that are there without its mark, likewise.
    pub outdated: Vec<String>,
}

/// Checks every account, app, install, key and erasure in `data`: its MAC, and whether the key
/// store has a revocation of it that its row does not show.
///
/// # Errors
/// When a store cannot be read, or the installation's own keys are lost.
pub async fn verify_rows(
    data: &Store,
    keyring: &Keyring,
    now: Timestamp,
) -> Result<RowFindings, KeyringError> {
    let mac = RowMac::silent(keyring.row_key(now).await?);
    let floors = Floors::all(keyring.store()).await?;
    let mut findings = RowFindings::default();
    for verified in VERIFIED {
        let mut after = None;
        loop {
            let (rows, last) = verified.page(data, after).await?;
            for row in &rows {
                let judgement = (verified.judge)(&mac, &floors, row)?;
                let id = || format!("{} {}", verified.table.name, verified.table.id_of(row, 0));
                findings.add(judgement, id);
            }
            let Some(last) = last else { break };
            after = Some(last);
        }
    }
    Ok(findings)
}

impl RowFindings {
    fn add(&mut self, judgement: Judgement, id: impl Fn() -> String) {
        self.checked = self.checked.saturating_add(1);
        let list = match judgement {
            Judgement::Right => return,
            Judgement::Forged => &mut self.forged,
            Judgement::Outdated => &mut self.outdated,
        };
        if list.len() < limits::REPORTED_ROWS {
            list.push(id());
        }
    }
}
