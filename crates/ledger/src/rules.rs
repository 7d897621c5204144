//! What facts do to a ledger, and where whoever reserves money of it has a say. Rules write rows
//! and postings through a [`LedgerTx`]; they read no parameters and render nothing.

pub mod charge;
pub mod dispute;
pub mod payout;
pub mod refund;

use crate::expand::Objects;
use crate::model::charge::Charge;
use crate::tx::LedgerTx;
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

    /// Money is about to leave: the reserve that the withdrawal consumes goes back to payments, out
    /// of which the ledger then takes the money.
    fn money_out(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        charge: &Charge,
        withdrawal: &Withdrawal<'_>,
    ) -> impl Future<Output = Result<Reserve, Failure>> + Send;

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
