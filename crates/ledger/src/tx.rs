//! A ledger transaction: one unit of work on one owner's ledger. Rules and scheduled tasks, also
//! those of crates above this one, write to a ledger through it and in no other way.

use crate::model::balance_transaction::{ProcessorLine, lines_of};
use crate::model::entry::{Balance, Entry, Pool, Posting};
use crate::model::history::Figure;
use crate::model::intake::IntakeRule;
use crate::sql::PLACE_BITS;
use crate::store::{history, journal as store};
use crate::{limits, wire};
use coffer_base::{Owner, Timestamp, id::random_id};
use coffer_dialect::Object;
use coffer_kernel::{
    Failure,
    event::{self, Cause, NewEvent},
};
use coffer_storage::{StorageError, Tx};
use std::collections::BTreeSet;

/// A unit of work on one owner's ledger. It locks the ledger's row first, so that transactions on
/// one ledger follow each other, and numbers the rows that it writes: the order of a list is the
/// order of the commits. It reads each balance once and writes it once, in [`LedgerTx::finish`],
/// however many entries it posts.
#[must_use = "balances are written by finish"]
pub struct LedgerTx<'t, 'x> {
    /// The database's transaction.
    pub tx: &'t mut Tx<'x>,
    /// Whose ledger it is.
    pub owner: &'t Owner,
    /// What its events name as their cause, and the time at which it takes place.
    pub cause: Cause<'t>,
    /// How its money is told, as the owner set it.
    pub(crate) intake: IntakeRule,
    /// The number of this transaction in its ledger.
    number: i64,
    /// How many rows have been numbered so far.
    next_place: i64,
    /// When it takes place in the ledger's history, which does not go back if the clock does.
    at: Timestamp,
    /// The pools that were read, each once.
    balances: Vec<(Pool, CachedBalance)>,
    /// By how much other sums change.
    figures: Vec<(Figure, i64)>,
    /// What was looked up for a page, and is not there.
    pub(crate) absent: Absent,
    /// Whether a page is told, of which much can be looked up at once.
    is_page: bool,
    /// Of which pools it was noted whether anything can be reserved.
    reserved_of: Vec<(Pool, bool)>,
}

/// Ids that a page names and that were not there when it began. Each is taken out when it is first
/// asked for: from then on it may be there.
#[derive(Default)]
pub(crate) struct Absent {
    /// Transactions.
    pub(crate) transactions: BTreeSet<String>,
    /// Charges.
    pub(crate) charges: BTreeSet<String>,
    /// Charges that nothing waits for.
    pub(crate) awaited: BTreeSet<String>,
}

/// A balance as it was read, and as it is now.
#[derive(Clone, Copy)]
struct CachedBalance {
    /// `None` if nothing was ever posted to the pool.
    stored: Option<Balance>,
    /// With all that this transaction has posted.
    now: Balance,
}

impl<'t, 'x> LedgerTx<'t, 'x> {
    /// Locks the ledger of `owner`: the first statement of everything that writes to it.
    ///
    /// # Errors
    /// If the database does not answer, or another transaction is in the way.
    pub async fn begin(
        tx: &'t mut Tx<'x>,
        owner: &'t Owner,
        cause: Cause<'t>,
    ) -> Result<Self, StorageError> {
        let (number, at, intake) = store::next_tx(tx, owner, cause.now).await?;
        Ok(Self {
            tx,
            owner,
            cause,
            intake,
            number,
            next_place: 0,
            at,
            balances: Vec::new(),
            figures: Vec::new(),
            absent: Absent::default(),
            is_page: false,
            reserved_of: Vec::new(),
        })
    }

    /// Says what a page names that is not there.
    pub(crate) fn look_ahead(&mut self, absent: Absent) {
        self.absent = absent;
        self.is_page = true;
    }

    /// Whether a page of transactions is told: then what holds for all of them is worth a read of
    /// its own.
    pub const fn is_page(&self) -> bool {
        self.is_page
    }

    /// Whether anything can be reserved of a pool in this transaction, if that was noted.
    pub fn reserves_of(&self, pool: Pool) -> Option<bool> {
        self.reserved_of.iter().find(|(of, _)| *of == pool).map(|(_, can)| *can)
    }

    /// Notes whether anything can be reserved of a pool: what decides it changes under the
    /// ledger's lock alone, so that it holds until the commit.
    pub fn note_reserves_of(&mut self, pool: Pool, can: bool) {
        self.reserved_of.push((pool, can));
    }

    /// When it takes place.
    pub const fn now(&self) -> Timestamp {
        self.cause.now
    }

    /// When it takes place in the ledger's history: [`Self::now`], or the time of an earlier
    /// transaction if the clock went back since.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The next row's number: larger than that of every row of this ledger so far.
    ///
    /// # Errors
    /// [`StorageError::Internal`] if the transaction writes 65,536 rows, which is a fault of the
    /// program: every operation writes a bounded number.
    pub fn next_seq(&mut self) -> Result<i64, StorageError> {
        let seq = (self.number << PLACE_BITS) | self.next_place;
        self.next_place = self.next_place.saturating_add(1);
        if self.next_place >> PLACE_BITS != 0 {
            return Err(StorageError::Internal("a ledger transaction has too many rows".into()));
        }
        Ok(seq)
    }

    /// A new id, such as `reshold_…`.
    pub fn new_id(&self, prefix: &str) -> String {
        random_id(prefix, limits::ID_CHARACTERS, self.cause.random)
    }

    /// The balance of a pool, with what this transaction has posted.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn balance(&mut self, pool: Pool) -> Result<Balance, StorageError> {
        if let Some((_, cached)) = self.balances.iter().find(|(of, _)| *of == pool) {
            return Ok(cached.now);
        }
        let stored = store::balance(self.tx, self.owner, pool).await?;
        let now = stored.unwrap_or_default();
        self.balances.push((pool, CachedBalance { stored, now }));
        Ok(now)
    }

    /// Records an entry: its row, its postings, and its balance transactions. An entry that moves
    /// nothing is not recorded.
    ///
    /// # Errors
    /// 400 if a balance would not fit into 64 bits; [`StorageError::Internal`] if the postings
    /// are of two currencies or one of them is negative, which is a fault of the program.
    pub async fn post(&mut self, entry: &Entry<'_>) -> Result<(), Failure> {
        let Some((currency, postings)) = entry.nonzero_postings()? else { return Ok(()) };
        let number = self.next_seq()?;
        store::insert_entry(self.tx, self.owner, number, entry);
        self.post_lines(number, &postings).await?;
        for line in lines_of(&postings)? {
            let (seq, id) = (self.next_seq()?, self.new_id("txn"));
            let row = store::NewBalanceTransaction { seq, id, number, currency, line, told: None };
            store::insert_balance_transaction(self.tx, self.owner, entry, row);
        }
        Ok(())
    }

    /// Records the entry of a told transaction, with the balance transaction that the processor
    /// told: its id, type and source. That one is there even if the entry moves nothing.
    ///
    /// # Errors
    /// If an amount does not fit, or if the store fails, as [`LedgerTx::post`].
    pub(crate) async fn post_told(
        &mut self,
        entry: &Entry<'_>,
        shown: &ProcessorLine<'_>,
    ) -> Result<(), Failure> {
        let number = self.next_seq()?;
        let moved = entry.nonzero_postings()?.map(|(_, postings)| postings).unwrap_or_default();
        if !moved.is_empty() {
            store::insert_entry(self.tx, self.owner, number, entry);
        }
        self.post_lines(number, &moved).await?;
        let row = store::NewBalanceTransaction {
            seq: self.next_seq()?,
            id: shown.id.to_owned(),
            number,
            currency: shown.currency,
            line: shown.line,
            told: Some(shown),
        };
        store::insert_balance_transaction(self.tx, self.owner, entry, row);
        Ok(())
    }

    /// Stores the postings of an entry, applies them, and tells which pools of the account they
    /// took below zero.
    async fn post_lines(&mut self, number: i64, postings: &[Posting]) -> Result<(), Failure> {
        let mut before: Vec<(Pool, i64)> = Vec::new();
        for (line, posting) in (0..).zip(postings) {
            if before.iter().all(|(pool, _)| *pool != posting.pool) {
                before.push((posting.pool, self.balance(posting.pool).await?.payments()));
            }
            self.apply(posting).await?;
            store::insert_posting(self.tx, self.owner, number, line, posting);
        }
        for (pool, before) in before {
            let balance = self.balance(pool).await?;
            if before >= 0 && balance.payments() < 0 {
                let object = wire::pool(pool, &balance, self.owner.mode.is_live());
                self.emit_event("coffer.ledger.negative", object, None).await?;
            }
        }
        Ok(())
    }

    /// Applies a posting to the cached balance of its pool.
    async fn apply(&mut self, posting: &Posting) -> Result<(), Failure> {
        let mut balance = self.balance(posting.pool).await?;
        balance.apply(posting)?;
        let mut balances = self.balances.iter_mut();
        if let Some((_, cached)) = balances.find(|(of, _)| *of == posting.pool) {
            cached.now = balance;
        }
        Ok(())
    }

    /// Changes one of the sums of which the ledger keeps a history.
    pub fn track(&mut self, figure: Figure, change: i64) {
        match self.figures.iter_mut().find(|(of, _)| *of == figure) {
            Some((_, sum)) => *sum = sum.saturating_add(change),
            None => self.figures.push((figure, change)),
        }
    }

    /// Emits an event about an object of this ledger, whose state it shows after the change;
    /// `previous` are the fields that an update changed, as they were.
    ///
    /// # Errors
    /// If the event cannot be appended.
    pub async fn emit_event(
        &mut self,
        kind: &'static str,
        object: Object,
        previous: Option<Object>,
    ) -> Result<(), StorageError> {
        let event = NewEvent { kind, object, previous };
        event::append(self.tx, self.owner, &self.cause, event).await
    }

    /// Adds the balances that changed to the statements that go out with the commit. The tables
    /// refuse a reserved or in-transit balance below zero (a fault of the program), and the commit
    /// fails then.
    pub fn finish(self) {
        for (pool, cached) in self.balances {
            if cached.stored.unwrap_or_default() != cached.now {
                store::set_balance(self.tx, self.owner, pool, &cached.now);
                let at = (self.at, self.number);
                history::set_balance(self.tx, self.owner, pool, at, &cached.now);
            }
        }
        for (figure, change) in self.figures.into_iter().filter(|(_, change)| *change != 0) {
            history::change_figure(self.tx, self.owner, figure, self.at, change);
        }
    }
}
