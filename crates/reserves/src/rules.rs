//! How money is reserved and released: the rules that the ledger calls, and those that operations
//! and scheduled tasks of this crate call. Nothing else in this crate posts entries.

mod consume;
mod follow;
pub(crate) mod hold;
pub(crate) mod release;
mod reserve_charge;

use crate::Settings;
use crate::expand;
use crate::reports::report::due_by;
use crate::store;
use coffer_base::{Currency, Owner, Timestamp};
use coffer_kernel::{Ctx, Failure};
use coffer_ledger::expand::Objects;
use coffer_ledger::{Charge, LedgerTx, MoneyBack, Reserve, ReserveRules, SourceType, Withdrawal};
use coffer_storage::{StorageError, Store};

/// The rules of plans and holds, by the operator's settings.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// What the operator set.
    pub settings: Settings,
}

impl ReserveRules for Rules {
    const EXPANDABLE: &'static [&'static str] = expand::IN_BALANCE_TRANSACTION;

    fn new(settings: &coffer_kernel::Settings) -> Self {
        Self { settings: Settings::from(settings) }
    }

    /// Makes a hold for each plan that applies to the charge.
    async fn money_in(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        charge: &Charge,
    ) -> Result<(), Failure> {
        reserve_charge::reserve_charge(ledger, charge, &self.settings).await
    }

    /// Marks the charge's holds as available; the ledger posts the move.
    async fn money_available(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        charge: &Charge,
    ) -> Result<i64, StorageError> {
        consume::settle_holds(ledger, charge).await
    }

    /// Moves the date of the charge's holds that are still pending.
    async fn money_moved(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        charge: &Charge,
        available_on: Timestamp,
    ) -> Result<(), StorageError> {
        store::hold::move_charge(ledger.tx, ledger.owner, charge, available_on);
        Ok(())
    }

    async fn fees_corrected(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        charge: &Charge,
    ) -> Result<(), Failure> {
        follow::follow_fees(ledger, charge, &self.settings).await
    }

    async fn pool_changed(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        charge: &Charge,
        source_type: SourceType,
    ) -> Result<[i64; 2], StorageError> {
        follow::change_pool(ledger, charge, source_type).await
    }

    async fn money_back(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        charge: &Charge,
        back: &MoneyBack<'_>,
    ) -> Result<(), Failure> {
        follow::restore(ledger, charge, back, &self.settings).await
    }

    /// Releases what a refund or a dispute consumes of the charge's holds.
    async fn money_out(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        charge: &Charge,
        withdrawal: &Withdrawal<'_>,
    ) -> Result<Reserve, Failure> {
        consume::consume_reserve(ledger, charge, withdrawal, &self.settings).await
    }

    async fn due(
        &self,
        store: &Store,
        owner: &Owner,
        until: Timestamp,
    ) -> Result<Vec<(Currency, i64)>, StorageError> {
        due_by(store, owner, until).await
    }

    async fn sources(
        &self,
        mut store: &Store,
        ctx: &Ctx,
        holds: &[&str],
        releases: &[&str],
    ) -> Result<Objects, StorageError> {
        expand::sources(&mut store, ctx, holds, releases).await
    }
}
