//! One account's books, and what happens to them.

use crate::model::plan::{Plan, State, Terms};
use crate::store::plan as plans;
use crate::{MIGRATIONS, Rules, Settings};
use coffer_base::id::AccountId;
use coffer_base::{Currency, Mode, Owner, Random, TestRandom, Timestamp};
use coffer_dialect::{ApiError, Metadata};
use coffer_kernel::event::Cause;
use coffer_kernel::testing::job_context;
use coffer_kernel::verify::{Findings, verify};
use coffer_kernel::{Failure, JobContext};
use coffer_ledger::model::charge::{self, Charge, default_available_on};
use coffer_ledger::model::dispute::{self, Dispute};
use coffer_ledger::model::payout::{self, Payout};
use coffer_ledger::model::refund::Refund;
use coffer_ledger::sql::{self, Record};
use coffer_ledger::{Bucket, LedgerTx, PayoutFloor, SourceType, rules};
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

pub(crate) fn owner(account: &str) -> Owner {
    let id = |text| AccountId::parse(text).unwrap();
    Owner { mode: Mode::Test, platform: id("acct_platform"), account: id(account) }
}

/// What is recorded.
#[derive(Clone)]
pub(crate) enum Act {
    /// A rolling plan of 30 days, of that percentage.
    Plan(i64),
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
    /// A payout: its id, its amount, and whether it is reported.
    Payout(&'static str, i64, bool),
}

struct Recorded {
    act: Act,
    owner: Owner,
    rules: Rules,
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
            Act::Plan(percent) => self.plan(ledger, *percent),
            Act::Charge(id, amount, fee) => self.charge(ledger, id, *amount, *fee).await,
            Act::Fee(id, fee) => {
                let mut charge = charge(ledger, id).await?;
                rules::charge::correct_fee(ledger, &mut charge, *fee, &self.rules).await
            }
            Act::Refund(id, of, amount) => {
                let mut charge = charge(ledger, of).await?;
                let refund = self.refund(ledger, id, &charge, *amount)?;
                rules::refund::record(ledger, &mut charge, refund, &self.rules).await.map(drop)
            }
            Act::Fail(id) => {
                let mut refund = sql::find::<Refund>(ledger.tx, ledger.owner, id).await?.unwrap();
                let mut charge = charge(ledger, refund.charge.as_deref().unwrap()).await?;
                rules::refund::fail(ledger, &mut charge, &mut refund, &self.rules).await
            }
            Act::Dispute(id, of, amount, fee) => {
                let mut charge = charge(ledger, of).await?;
                let dispute = self.dispute(ledger, id, &charge, (*amount, *fee))?;
                rules::dispute::record(ledger, &mut charge, dispute, &self.rules).await.map(drop)
            }
            Act::Win(id, fee_returned) => {
                let mut dispute = sql::find::<Dispute>(ledger.tx, ledger.owner, id).await?.unwrap();
                let mut charge = charge(ledger, dispute.charge.as_deref().unwrap()).await?;
                let charge = Some(&mut charge);
                rules::dispute::win(ledger, charge, &mut dispute, *fee_returned, &self.rules).await
            }
            Act::Payout(id, amount, reported) => {
                let payout = self.payout(ledger, id, *amount, *reported)?;
                rules::payout::record(ledger, &payout, PayoutFloor::Pool).await
            }
        }
    }

    fn plan(&self, ledger: &mut LedgerTx<'_, '_>, percent: i64) -> Result<(), Failure> {
        let plan = Plan {
            seq: ledger.next_seq()?,
            id: ledger.new_id("resplan"),
            created: self.now,
            currency: None,
            percent,
            terms: Terms::Rolling { days_after_charge: 30, expires_on: None },
            state: State::Active,
            announcing: false,
            draw: None,
            hold_transfers: None,
            metadata: Metadata::default(),
        };
        plans::insert(ledger.tx, ledger.owner, &plan);
        Ok(())
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
            told: charge::FirstTelling::default(),
        };
        charge.pending = charge.net();
        rules::charge::record(ledger, &charge, &self.rules).await
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

/// A statement past all rules.
struct Raw(&'static str);

impl Work for Raw {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        tx.query_part(self.0, &[]).await.map(drop)
    }
}

/// The books of `acct_one`.
pub(crate) struct Books {
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    pub(crate) now: Timestamp,
    random: Arc<dyn Random>,
    context: JobContext,
    _directory: TempDir,
}

impl Books {
    pub(crate) async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.db");
        let audit = coffer_kernel::AUDIT_MIGRATIONS;
        let sets = [audit, coffer_kernel::MIGRATIONS, coffer_ledger::MIGRATIONS, MIGRATIONS];
        let (store, _) = Store::open_sqlite(&path, &sets, NOW, Options::default()).unwrap();
        let keys = directory.path().join("keys.db");
        let context = job_context(&store, &keys, NOW).await.unwrap();
        Self {
            store,
            context,
            settings: Settings::default(),
            now: NOW,
            random: Arc::new(TestRandom::seeded(1)),
            _directory: directory,
        }
    }

    const fn rules(&self) -> Rules {
        Rules { settings: self.settings }
    }

    /// Something happens to the ledger of `account`.
    pub(crate) async fn try_to(&self, account: &str, act: Act) -> Result<(), ApiError> {
        let (now, random) = (self.now, Arc::clone(&self.random));
        let recorded = Recorded { act, owner: owner(account), rules: self.rules(), now, random };
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
        let family = coffer_ledger::family::<Rules>();
        for task in (family.parts)(&coffer_kernel::Settings::default()).tasks {
            while task.step(&self.context, now, now).await.unwrap() {}
        }
        self.check().await;
    }

    pub(crate) async fn check(&self) {
        let findings = verified(&self.store).await.unwrap();
        assert_eq!(findings.differences, []);
    }

    pub(crate) async fn raw(&self, sql: &'static str) -> Result<(), StorageError> {
        self.store.write(Raw(sql)).await
    }

    /// P.p, P.a, R.p, R.a, X, F, B.
    pub(crate) async fn standing(&self) -> [i64; Bucket::ALL.len()] {
        let sql = "SELECT payments_pending, payments_available, reserved_pending, \
                   reserved_available, clearing, fees, payouts_in_transit FROM ledger_balance";
        let rows = self.store.query_part(sql, &[]).await.unwrap();
        assert_eq!(rows.len(), 1, "there is one pool");
        [0, 1, 2, 3, 4, 5, 6].map(|column| rows[0].int(column).unwrap())
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

    /// The balance transactions of one source: type, whether reserved, amount and fee.
    pub(crate) async fn transactions(&self, source: &str) -> Vec<(String, bool, i64, i64)> {
        let sql = "SELECT kind, reserved, amount, fee FROM balance_transaction \
                   WHERE source = ? ORDER BY seq";
        let rows = self.store.query_part(sql, &[Value::from(source)]).await.unwrap();
        let read = |row: &coffer_storage::Row| {
            let [reserved, amount, fee] = [1, 2, 3].map(|column| row.int(column).unwrap());
            (row.text(0).unwrap().to_owned(), reserved != 0, amount, fee)
        };
        rows.iter().map(read).collect()
    }
}

/// Verifies the ledger and what is reserved of it.
pub(crate) async fn verified(store: &Store) -> Result<Findings, StorageError> {
    let families = [&coffer_ledger::family::<crate::Rules>(), &crate::FAMILY];
    verify(store, families.into_iter().flat_map(|family| family.checks)).await
}
