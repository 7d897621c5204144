//! One account's books, and what happens to them.

use crate::account::{Bucket, SourceType};
use crate::charge::{self, Charge, usual_availability};
use crate::dispute::{self, Dispute};
use crate::holding::reserve_for_charge;
use crate::ledger::Pool;
use crate::payout::{self, Payout};
use crate::plan::{Plan, State, Terms};
use crate::refund::{self, Refund};
use crate::store::{charge as charges, dispute as disputes, ledger, payout as payouts};
use crate::store::{plan as plans, refund as refunds};
use crate::sweep::{MakeAvailable, Task};
use crate::turn::Turn;
use crate::{MIGRATIONS, Settings};
use coffer_base::id::AccountId;
use coffer_base::{Currency, Mode, Owner, Random, TestRandom, Timestamp, clock::DAY_SECONDS};
use coffer_dialect::{ApiError, Metadata};
use coffer_kernel::event::Cause;
use coffer_kernel::testing::job_context;
use coffer_kernel::{Failure, JobContext, ScheduledTask};
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

/// What happens.
#[derive(Clone)]
pub(crate) enum Act {
    /// A rolling plan of 30 days is made, of that percentage.
    Plan(i64),
    /// A charge comes: its id, amount and fee.
    Charge(&'static str, i64, Option<i64>),
    /// The fee of a charge is told.
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
    /// A payout: its id, its amount, and whether it was told.
    Payout(&'static str, i64, bool),
    /// A payout becomes something else.
    Become(&'static str, payout::Status),
}

struct Turned {
    act: Act,
    owner: Owner,
    settings: Settings,
    now: Timestamp,
    random: Arc<dyn Random>,
}

impl Work for Turned {
    type Out = Result<(), ApiError>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Out, StorageError> {
        let (now, random, listeners) = (self.now, &*self.random, &[]);
        let cause = Cause { request: None, idempotency_key: None, now, random, listeners };
        let mut turn = Turn::take(tx, &self.owner, cause).await?;
        match self.act(&mut turn).await {
            Ok(()) => turn.finish().map(Ok),
            Err(Failure::Refused(error)) => Ok(Err(error)),
            Err(Failure::Storage(error)) => Err(error),
        }
    }
}

impl Turned {
    async fn act(&self, turn: &mut Turn<'_, '_>) -> Result<(), Failure> {
        match &self.act {
            Act::Plan(percent) => self.plan(turn, *percent),
            Act::Charge(id, amount, fee) => self.charge(turn, id, *amount, *fee).await,
            Act::Fee(id, fee) => {
                let mut charge = charge(turn, id).await?;
                charge::correct_fee(turn, &mut charge, *fee).await
            }
            Act::Refund(id, of, amount) => {
                let mut charge = charge(turn, of).await?;
                let refund = self.refund(turn, id, &charge, *amount)?;
                refund::add(turn, &mut charge, refund, &self.settings).await.map(drop)
            }
            Act::Fail(id) => {
                let mut refund = refunds::find(turn.tx, turn.owner, id).await?.unwrap();
                let mut charge = charge(turn, &refund.charge).await?;
                refund::fail(turn, &mut charge, &mut refund).await
            }
            Act::Dispute(id, of, amount, fee) => {
                let mut charge = charge(turn, of).await?;
                let dispute = self.dispute(turn, id, &charge, (*amount, *fee))?;
                dispute::add(turn, &mut charge, dispute, &self.settings).await.map(drop)
            }
            Act::Win(id, fee_returned) => {
                let mut dispute = disputes::find(turn.tx, turn.owner, id).await?.unwrap();
                let mut charge = charge(turn, &dispute.charge).await?;
                dispute::win(turn, &mut charge, &mut dispute, *fee_returned).await
            }
            Act::Lose(id) => {
                let mut dispute = disputes::find(turn.tx, turn.owner, id).await?.unwrap();
                dispute::lose(turn, &mut dispute);
                Ok(())
            }
            Act::Payout(id, amount, reported) => {
                let payout = self.payout(turn, id, *amount, *reported)?;
                payout::add(turn, &payout).await
            }
            Act::Become(id, status) => {
                let mut payout = payouts::find(turn.tx, turn.owner, id).await?.unwrap();
                payout::become_status(turn, &mut payout, *status).await
            }
        }
    }

    fn plan(&self, turn: &mut Turn<'_, '_>, percent: i64) -> Result<(), Failure> {
        let plan = Plan {
            seq: turn.next_seq()?,
            id: turn.new_id("resplan"),
            created: self.now,
            currency: None,
            percent,
            terms: Terms::Rolling { days_after_charge: 30, expires_on: None },
            state: State::Active,
            announcing: false,
            metadata: Metadata::default(),
        };
        plans::insert(turn.tx, turn.owner, &plan);
        Ok(())
    }

    async fn charge(
        &self,
        turn: &mut Turn<'_, '_>,
        id: &str,
        amount: i64,
        fee: Option<i64>,
    ) -> Result<(), Failure> {
        let mut charge = Charge {
            seq: turn.next_seq()?,
            id: id.to_owned(),
            amount,
            currency: usd(),
            fee,
            application_fee: 0,
            source_type: SourceType::Card,
            source_transfer: None,
            created: self.now,
            available_on: usual_availability(self.now),
            refunded: 0,
            disputed: false,
            pending: 0,
            settled: false,
        };
        charge.pending = charge.net();
        charge::add(turn, &charge).await?;
        reserve_for_charge(turn, &charge, &self.settings).await
    }

    fn refund(
        &self,
        turn: &mut Turn<'_, '_>,
        id: &str,
        charge: &Charge,
        amount: i64,
    ) -> Result<Refund, Failure> {
        Ok(Refund {
            seq: turn.next_seq()?,
            id: id.to_owned(),
            charge: charge.id.clone(),
            amount,
            currency: charge.currency,
            created: self.now,
            drawn: 0,
            from_pending: 0,
            failed: false,
        })
    }

    fn dispute(
        &self,
        turn: &mut Turn<'_, '_>,
        id: &str,
        charge: &Charge,
        (amount, fee): (i64, i64),
    ) -> Result<Dispute, Failure> {
        Ok(Dispute {
            seq: turn.next_seq()?,
            id: id.to_owned(),
            charge: charge.id.clone(),
            amount,
            currency: charge.currency,
            fee,
            created: self.now,
            drawn: 0,
            from_pending: 0,
            status: dispute::Status::Open,
            fee_returned: false,
        })
    }

    fn payout(
        &self,
        turn: &mut Turn<'_, '_>,
        id: &str,
        amount: i64,
        reported: bool,
    ) -> Result<Payout, Failure> {
        Ok(Payout {
            seq: turn.next_seq()?,
            id: id.to_owned(),
            amount,
            currency: usd(),
            source_type: SourceType::Card,
            reported,
            created: self.now,
            status: payout::Status::InTransit,
        })
    }
}

async fn charge(turn: &mut Turn<'_, '_>, id: &str) -> Result<Charge, Failure> {
    Ok(charges::find(turn.tx, turn.owner, id).await?.unwrap())
}

/// A statement past all rules.
struct Raw(&'static str);

impl Work for Raw {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        tx.execute(self.0, &[]).await.map(drop)
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
        let sets = [coffer_kernel::MIGRATIONS, MIGRATIONS];
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

    /// Something happens to the ledger of `account`.
    pub(crate) async fn try_to(&self, account: &str, act: Act) -> Result<(), ApiError> {
        let (settings, now, random) = (self.settings, self.now, Arc::clone(&self.random));
        let turned = Turned { act, owner: owner(account), settings, now, random };
        self.store.write(turned).await.unwrap()
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
        while Task(MakeAvailable).step(&self.context, now, now).await.unwrap() {}
        self.check().await;
    }

    pub(crate) async fn check(&self) {
        let findings = crate::verify(&self.store).await.unwrap();
        assert_eq!(findings.differences, []);
    }

    pub(crate) async fn raw(&self, sql: &'static str) -> Result<(), StorageError> {
        self.store.write(Raw(sql)).await
    }

    /// P.p, P.a, R.p, R.a, X, F, B.
    pub(crate) async fn standing(&self) -> [i64; Bucket::ALL.len()] {
        let balances = ledger::balances(&self.store, &owner("acct_one")).await.unwrap();
        let [(pool, balance)] = balances[..] else { panic!("there is one pool: {balances:?}") };
        assert_eq!(pool, card());
        *balance.amounts()
    }

    pub(crate) async fn charge(&self, id: &str) -> Charge {
        charges::read(&self.store, &owner("acct_one"), id).await.unwrap().unwrap()
    }

    /// The postings of the entries of one source, as `X→P.p 100`.
    pub(crate) async fn postings(&self, source: &str) -> Vec<String> {
        let names = ["P.p", "P.a", "R.p", "R.a", "X", "F", "B"];
        let name = |code: i64| names[usize::try_from(code).unwrap()];
        let rows = self
            .store
            .query(
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
        let filter = ledger::Filter {
            kind: None,
            currency: None,
            source: Some(source.to_owned()),
            of_payout: false,
            created: crate::tests::lists::always(),
        };
        let position = crate::tests::lists::first_page();
        let owner = owner("acct_one");
        let found = ledger::page_of_balance_transactions(&self.store, &owner, position, &filter);
        let said = |each: ledger::BalanceTransaction| {
            (each.kind, each.side.reserved, each.side.amount, each.side.fee)
        };
        found.await.unwrap().into_iter().rev().map(said).collect()
    }
}

/// `days` after [`NOW`].
pub(crate) fn days(days: i64) -> Timestamp {
    NOW.plus(days * DAY_SECONDS)
}
