//! What facts do to a ledger, and where whoever reserves money of it has a say. Rules write rows
//! and postings through a [`LedgerTx`]; they read no parameters and render nothing.

mod absorb;
pub mod adjustment;
pub mod charge;
pub mod correction;
pub mod dispute;
mod parked;
pub mod payout;
pub(crate) mod reconcile;
pub mod refund;
pub(crate) mod transaction;
pub(crate) mod warning;

use crate::expand::Objects;
use crate::model::account::SourceType;
use crate::model::charge::Charge;
use crate::tx::LedgerTx;
use coffer_base::{Currency, Owner, Timestamp};
use coffer_kernel::{Ctx, Failure, Settings};
use coffer_storage::{StorageError, Store};
use std::future::{Future, ready};

/// The rules by which part of a charge's money is reserved. The ledger calls them at two points,
/// when a charge's money has come in (and later becomes available), and when some of it is about to
/// leave. It knows nothing else of reserves. Rules post their own entries, always between the
/// payments and the reserved buckets of the charge's pool.
pub trait ReserveRules: Clone + Send + Sync + 'static {
    /// What a balance transaction expands: its own fields, and those inside of its source, some of
    /// which are what reserves it.
    const EXPANDABLE: &'static [&'static str];

    /// The rules by the operator's settings.
    fn new(settings: &Settings) -> Self;

    /// Money has come in: the charge is recorded and posted, and part of it can be reserved.
    fn money_in(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        charge: &Charge,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Pending money becomes available: how much of the charge's pending money is reserved. The
    /// ledger moves it together with the rest, in one entry.
    ///
    /// # Errors
    /// If the database does not answer.
    fn money_available(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        charge: &Charge,
    ) -> impl Future<Output = Result<i64, StorageError>> + Send;

    /// The date moved on which a charge's pending money becomes available, from that of `charge` to
    /// `available_on`: what is reserved of it moves too.
    ///
    /// # Errors
    /// If the database does not answer.
    fn money_moved(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        charge: &Charge,
        available_on: Timestamp,
    ) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// The fees of a charge are about to become those of `charge`, which it shows already: what is
    /// reserved of it may follow its new net.
    fn fees_corrected(
        &self,
        _ledger: &mut LedgerTx<'_, '_>,
        _charge: &Charge,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        ready(Ok(()))
    }

    /// The pool of a charge is about to become that of `source_type`: what is reserved of it moves
    /// too. Returns how much that is, pending and available, which the ledger moves.
    ///
    /// # Errors
    /// If the database does not answer.
    fn pool_changed(
        &self,
        _ledger: &mut LedgerTx<'_, '_>,
        _charge: &Charge,
        _source_type: SourceType,
    ) -> impl Future<Output = Result<[i64; 2], StorageError>> + Send {
        ready(Ok([0, 0]))
    }

    /// Money that a refund or a dispute took has come back, and is posted: part of it may be
    /// reserved again.
    fn money_back(
        &self,
        _ledger: &mut LedgerTx<'_, '_>,
        _charge: &Charge,
        _back: &MoneyBack<'_>,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        ready(Ok(()))
    }

    /// Money is about to leave: the reserve that the withdrawal consumes goes back to payments, out
    /// of which the ledger then takes the money.
    fn money_out(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        charge: &Charge,
        withdrawal: &Withdrawal<'_>,
    ) -> impl Future<Output = Result<Reserve, Failure>> + Send;

    /// How much of what is reserved is released by `until`, by currency.
    ///
    /// # Errors
    /// If the database does not answer.
    fn due(
        &self,
        _store: &Store,
        _owner: &Owner,
        _until: Timestamp,
    ) -> impl Future<Output = Result<Vec<(Currency, i64)>, StorageError>> + Send {
        ready(Ok(Vec::new()))
    }

    /// The objects by which the rules' own entries were made, at most a page of each kind: what the
    /// `source` of balance transactions expands to. `holds` are sources of `reserve_hold` entries,
    /// `releases` of `reserve_release` entries.
    ///
    /// # Errors
    /// If the database does not answer.
    fn sources(
        &self,
        store: &Store,
        ctx: &Ctx,
        holds: &[&str],
        releases: &[&str],
    ) -> impl Future<Output = Result<Objects, StorageError>> + Send;
}

/// Why money of a charge is about to leave, and how much.
#[derive(Clone, Copy, Debug)]
pub enum Withdrawal<'a> {
    /// The processor's fee is corrected. It consumes no reserve.
    Fee,
    /// The refund with this id.
    Refund {
        /// Its id.
        id: &'a str,
        /// Its amount.
        amount: i64,
    },
    /// The dispute with this id.
    Dispute {
        /// Its id.
        id: &'a str,
        /// Its amount, without its fee: a fee consumes no reserve.
        amount: i64,
    },
    /// Neither a refund nor a dispute: the charge failed after its money was credited, or an
    /// adjustment takes of it.
    Failure {
        /// How much of it goes back.
        amount: i64,
    },
}

/// Money that came back of what a refund or a dispute took.
#[derive(Clone, Copy, Debug)]
pub struct MoneyBack<'a> {
    /// The refund or the dispute.
    pub of: Taker<'a>,
    /// How much of what it had consumed of the reserve came back before.
    pub before: i64,
    /// How much of what it had consumed of the reserve has come back with this: not less.
    pub after: i64,
    /// When it becomes available, if it is pending under a date of its own, as a transaction's is.
    pub available_on: Option<Timestamp>,
}

impl<'a> MoneyBack<'a> {
    /// `back` came back of what `of` took, after `before` had come back: what was reserved
    /// comes back first. `None` if nothing that was reserved came back with this.
    pub fn of(of: Taker<'a>, consumed: i64, before: i64, back: i64) -> Option<Self> {
        let all = before.saturating_add(back);
        let (before, after) = (before.min(consumed).max(0), all.min(consumed).max(0));
        (after > before).then_some(Self { of, before, after, available_on: None })
    }
}

/// What takes money of a charge.
#[derive(Clone, Copy, Debug)]
pub enum Taker<'a> {
    /// The refund with this id.
    Refund(&'a str),
    /// The dispute with this id.
    Dispute(&'a str),
}

/// What a withdrawal found of a charge's reserve.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Reserve {
    /// How much the withdrawal consumed.
    pub consumed: i64,
    /// How much of the charge's pending money is still reserved, which the ledger does not touch.
    pub pending: i64,
}

/// Rules of a ledger of which nothing is reserved, as in the ledger's own tests.
#[derive(Clone, Copy, Debug)]
pub struct NoReserves;

impl ReserveRules for NoReserves {
    const EXPANDABLE: &'static [&'static str] = &["fee_details", "source", "source.charge"];

    fn new(_settings: &Settings) -> Self {
        Self
    }

    fn money_in(
        &self,
        _ledger: &mut LedgerTx<'_, '_>,
        _charge: &Charge,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        ready(Ok(()))
    }

    fn money_available(
        &self,
        _ledger: &mut LedgerTx<'_, '_>,
        _charge: &Charge,
    ) -> impl Future<Output = Result<i64, StorageError>> + Send {
        ready(Ok(0))
    }

    fn money_moved(
        &self,
        _ledger: &mut LedgerTx<'_, '_>,
        _charge: &Charge,
        _available_on: Timestamp,
    ) -> impl Future<Output = Result<(), StorageError>> + Send {
        ready(Ok(()))
    }

    fn money_out(
        &self,
        _ledger: &mut LedgerTx<'_, '_>,
        _charge: &Charge,
        _withdrawal: &Withdrawal<'_>,
    ) -> impl Future<Output = Result<Reserve, Failure>> + Send {
        ready(Ok(Reserve::default()))
    }

    fn sources(
        &self,
        _store: &Store,
        _ctx: &Ctx,
        _holds: &[&str],
        _releases: &[&str],
    ) -> impl Future<Output = Result<Objects, StorageError>> + Send {
        ready(Ok(Objects::new()))
    }
}
