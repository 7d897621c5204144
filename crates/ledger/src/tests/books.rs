//! One account's books, and what happens to them.

use crate::model::charge::{Charge, FirstTelling, default_available_on};
use crate::model::dispute::{self, Dispute};
use crate::model::payout::{self, Payout};
use crate::model::refund::Refund;
use crate::rules;
use crate::sql::{self, Record};
use crate::store::journal;
use crate::store::verify::CHECK;
use crate::{Bucket, LedgerTx, MIGRATIONS, NoReserves, PayoutFloor, Pool, SourceType};
use coffer_base::id::AccountId;
use coffer_base::{Currency, Mode, Owner, Random, TestRandom, Timestamp, clock::DAY_SECONDS};
use coffer_dialect::ApiError;
use coffer_kernel::event::Cause;
use coffer_kernel::testing::job_context;
use coffer_kernel::verify::verify;
use coffer_kernel::{Failure, JobContext, Settings};
use coffer_storage::{Options, StorageError, Store, Tx, Value, Work};
use std::sync::Arc;
use tempfile::TempDir;

/// 1 March 2026, 10:00 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_772_359_200);
/// 3 March 2026, 00:00 UTC.
pub(crate) const THIRD: Timestamp = Timestamp::from_unix(1_772_496_000);

pub(crate) fn usd() -> Currency {
    Currency::parse("usd").unwrap()
}

pub(crate) fn card() -> Pool {
    Pool { currency: usd(), source_type: SourceType::Card }
}

pub(crate) fn owner(account: &str) -> Owner {
    let id = |text| AccountId::parse(text).unwrap();
    Owner { mode: Mode::Test, platform: id("acct_platform"), account: id(account) }
}

/// What is recorded.
#[derive(Clone)]
pub(crate) enum Act {
    /// A charge comes: its id, amount and fee.
    Charge(&'static str, i64, Option<i64>),
    /// The fee of a charge is reported.
    Fee(&'static str, i64),
    /// A refund: its id, its charge, its amount.
    Refund(&'static str, &'static str, i64),
    /// A refund fails.
    Fail(&'static str),
    /// A dispute: its id, its charge, its amount and its fee.
    Dispute(&'static str, &'static str, i64, i64),
    /// A dispute is won, with its fee or without.
    Win(&'static str, bool),
    /// A dispute is lost.
    Lose(&'static str),
    /// A payout: its id, its amount, and whether it is reported.
    Payout(&'static str, i64, bool),
    /// A payout becomes something else.
    Become(&'static str, payout::Status),
}

struct Recorded {
    act: Act,
    owner: Owner,
    now: Timestamp,
    random: Arc<dyn Random>,
}

impl Work for Recorded {
    type Out = Result<(), ApiError>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Out, StorageError> {
        let (now, random, listeners) = (self.now, &*self.random, &[]);
        let cause = Cause { request: None, idempotency_key: None, now, random, listeners };
        let mut ledger = LedgerTx::begin(tx, &self.owner, cause).await?;
        match self.act(&mut ledger).await {
            Ok(()) => {
                ledger.finish();
                Ok(Ok(()))
            }
            Err(Failure::Refused(error)) => Ok(Err(error)),
            Err(Failure::Storage(error)) => Err(error),
        }
    }
}

impl Recorded {
    async fn act(&self, ledger: &mut LedgerTx<'_, '_>) -> Result<(), Failure> {
        match &self.act {
            Act::Charge(id, amount, fee) => self.charge(ledger, id, *amount, *fee).await,
            Act::Fee(id, fee) => {
                let mut charge = charge(ledger, id).await?;
                rules::charge::correct_fee(ledger, &mut charge, *fee, &NoReserves).await
            }
            Act::Refund(id, of, amount) => {
                let mut charge = charge(ledger, of).await?;
                let refund = self.refund(ledger, id, &charge, *amount)?;
                rules::refund::record(ledger, &mut charge, refund, &NoReserves).await.map(drop)
            }
            Act::Fail(id) => {
                let mut refund = sql::find::<Refund>(ledger.tx, ledger.owner, id).await?.unwrap();
                let mut charge = charge(ledger, refund.charge.as_deref().unwrap()).await?;
                rules::refund::fail(ledger, &mut charge, &mut refund, &NoReserves).await
            }
            Act::Dispute(id, of, amount, fee) => {
                let mut charge = charge(ledger, of).await?;
                let dispute = self.dispute(ledger, id, &charge, (*amount, *fee))?;
                rules::dispute::record(ledger, &mut charge, dispute, &NoReserves).await.map(drop)
            }
            Act::Win(id, fee_returned) => {
                let mut dispute = sql::find::<Dispute>(ledger.tx, ledger.owner, id).await?.unwrap();
                let mut charge = charge(ledger, dispute.charge.as_deref().unwrap()).await?;
                let charge = Some(&mut charge);
                rules::dispute::win(ledger, charge, &mut dispute, *fee_returned, &NoReserves).await
            }
            Act::Lose(id) => {
                let mut dispute = sql::find::<Dispute>(ledger.tx, ledger.owner, id).await?.unwrap();
                rules::dispute::say(ledger, &mut dispute, dispute::Status::Lost);
                Ok(())
            }
            Act::Payout(id, amount, reported) => {
                let payout = self.payout(ledger, id, *amount, *reported)?;
                rules::payout::record(ledger, &payout, PayoutFloor::Pool).await
            }
            Act::Become(id, status) => {
                let mut payout = sql::find::<Payout>(ledger.tx, ledger.owner, id).await?.unwrap();
                rules::payout::become_status(ledger, &mut payout, *status).await
            }
        }
    }

    async fn charge(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        id: &str,
        amount: i64,
        fee: Option<i64>,
    ) -> Result<(), Failure> {
        let mut charge = Charge {
            seq: ledger.next_seq()?,
            id: id.to_owned(),
            amount,
            currency: usd(),
            fee,
            application_fee: 0,
            source_type: SourceType::Card,
            source_transfer: None,
            created: self.now,
            available_on: default_available_on(self.now),
            refunded: 0,
            disputed: false,
            pending: 0,
            settled: false,
            by_transaction: false,
            told: FirstTelling::default(),
        };
        charge.pending = charge.net();
        rules::charge::record(ledger, &charge, &NoReserves).await
    }

    fn refund(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        id: &str,
        charge: &Charge,
        amount: i64,
    ) -> Result<Refund, Failure> {
        Ok(Refund {
            seq: ledger.next_seq()?,
            id: id.to_owned(),
            charge: Some(charge.id.clone()),
            amount,
            currency: charge.currency,
            source_type: charge.source_type,
            created: self.now,
            consumed: 0,
            from_pending: 0,
            failed_amount: 0,
            parked: false,
            told_created: None,
        })
    }

    fn dispute(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        id: &str,
        charge: &Charge,
        (amount, fee): (i64, i64),
    ) -> Result<Dispute, Failure> {
        Ok(Dispute {
            seq: ledger.next_seq()?,
            id: id.to_owned(),
            charge: Some(charge.id.clone()),
            amount,
            currency: charge.currency,
            source_type: charge.source_type,
            fee,
            created: self.now,
            consumed: 0,
            from_pending: 0,
            withdrawn: amount,
            reinstated: 0,
            status: dispute::Status::Open,
            status_created: None,
            fee_returned: false,
            moved: false,
            parked: false,
            told: dispute::FirstTelling::default(),
        })
    }

    fn payout(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        id: &str,
        amount: i64,
        reported: bool,
    ) -> Result<Payout, Failure> {
        Ok(Payout {
            seq: ledger.next_seq()?,
            id: id.to_owned(),
            amount,
            currency: usd(),
            source_type: SourceType::Card,
            reported,
            created: self.now,
            status: payout::Status::InTransit,
            processor_id: None,
            fee: None,
            arrival_date: None,
            by_transaction: false,
            automatic: None,
            told: payout::FirstTelling::default(),
        })
    }
}

async fn charge(ledger: &mut LedgerTx<'_, '_>, id: &str) -> Result<Charge, Failure> {
    Ok(sql::find(ledger.tx, ledger.owner, id).await?.unwrap())
}

/// The books of `acct_one`.
pub(crate) struct Books {
    pub(crate) store: Store,
    pub(crate) now: Timestamp,
    random: Arc<dyn Random>,
    context: JobContext,
    _directory: TempDir,
}

impl Books {
    pub(crate) async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.db");
        let sets = [coffer_kernel::AUDIT_MIGRATIONS, coffer_kernel::MIGRATIONS, MIGRATIONS];
        let (store, _) = Store::open_sqlite(&path, &sets, NOW, Options::default()).unwrap();
        let keys = directory.path().join("keys.db");
        let context = job_context(&store, &keys, NOW).await.unwrap();
        let random = Arc::new(TestRandom::seeded(1));
        Self { store, now: NOW, random, context, _directory: directory }
    }

    /// Something happens to the ledger of `account`.
    pub(crate) async fn try_to(&self, account: &str, act: Act) -> Result<(), ApiError> {
        let (now, random) = (self.now, Arc::clone(&self.random));
        let recorded = Recorded { act, owner: owner(account), now, random };
        self.store.write(recorded).await.unwrap()
    }

    /// It happens to `acct_one`, and the books are right after each.
    pub(crate) async fn all(&self, acts: &[Act]) {
        for act in acts {
            self.try_to("acct_one", act.clone()).await.unwrap();
            self.check().await;
        }
    }

    /// It becomes `now`, and money available.
    pub(crate) async fn become_time(&mut self, now: Timestamp) {
        self.now = now;
        for task in crate::parts::<NoReserves>(&Settings::default()).tasks {
            while task.step(&self.context, now, now).await.unwrap() {}
        }
        self.check().await;
    }

    pub(crate) async fn check(&self) {
        let findings = verify(&self.store, &[CHECK]).await.unwrap();
        assert_eq!(findings.differences, []);
    }

    /// P.p, P.a, R.p, R.a, X, F, B.
    pub(crate) async fn standing(&self) -> [i64; Bucket::ALL.len()] {
        let balances = journal::balances(&self.store, &owner("acct_one")).await.unwrap();
        let [(pool, balance)] = balances[..] else { panic!("there is one pool: {balances:?}") };
        assert_eq!(pool, card());
        *balance.amounts()
    }

    /// A record of `acct_one`.
    pub(crate) async fn read<R: Record>(&self, id: &str) -> R {
        sql::read(&self.store, &owner("acct_one"), id).await.unwrap().unwrap()
    }

    pub(crate) async fn charge(&self, id: &str) -> Charge {
        self.read(id).await
    }

    /// The postings of the entries of one source, as `X→P.p 100`.
    pub(crate) async fn postings(&self, source: &str) -> Vec<String> {
        let names = ["P.p", "P.a", "R.p", "R.a", "X", "F", "B"];
        let name = |code: i64| names[usize::try_from(code).unwrap()];
        let rows = self
            .store
            .query_part(
                "SELECT p.from_bucket, p.to_bucket, p.amount FROM ledger_posting p \
                 JOIN ledger_entry e ON e.mode = p.mode AND e.platform = p.platform \
                 AND e.account = p.account AND e.seq = p.entry \
                 WHERE e.source = ? ORDER BY p.entry, p.line",
                &[Value::from(source)],
            )
            .await
            .unwrap();
        let said = |row: &coffer_storage::Row| {
            let [from, to, amount] = [0, 1, 2].map(|column| row.int(column).unwrap());
            format!("{}→{} {amount}", name(from), name(to))
        };
        rows.iter().map(said).collect()
    }
}

/// `days` after [`NOW`].
pub(crate) fn days(days: i64) -> Timestamp {
    NOW.plus(days * DAY_SECONDS)
}
