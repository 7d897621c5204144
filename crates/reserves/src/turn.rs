//! A turn: one unit of work on one owner's ledger.
//!
//! It takes the ledger's row first, so that those who write to a ledger take turns, and numbers
//! the rows that it writes. Balances are read once and written once, however many entries there
//! are.

use crate::ledger::{Balance, Entry, Pool, sides};
use crate::store::ledger as store;
use coffer_base::{Owner, Timestamp, id::random_id, limit};
use coffer_dialect::Object;
use coffer_kernel::{
    Failure,
    event::{self, Cause, NewEvent},
};
use coffer_storage::{StorageError, Tx};

/// Bits of a row's number that count within its turn.
const PLACE_BITS: u32 = 16;

/// A turn at a ledger. Its changes to balances are written by [`Turn::finish`].
pub(crate) struct Turn<'t, 'x> {
    /// The transaction.
    pub(crate) tx: &'t mut Tx<'x>,
    /// Whose ledger it is.
    pub(crate) owner: &'t Owner,
    /// What the turn's events came from, and when it takes place.
    pub(crate) cause: Cause<'t>,
    number: i64,
    place: i64,
    balances: Vec<(Pool, Kept)>,
}

/// A balance of the turn: as it was read, and as it is now.
#[derive(Clone, Copy)]
struct Kept {
    read: Option<Balance>,
    now: Balance,
}

impl<'t, 'x> Turn<'t, 'x> {
    /// Takes the ledger of `owner`: the first statement of each write.
    ///
    /// # Errors
    /// [`StorageError`] of the engine.
    pub(crate) async fn take(
        tx: &'t mut Tx<'x>,
        owner: &'t Owner,
        cause: Cause<'t>,
    ) -> Result<Self, StorageError> {
        let number = store::take(tx, owner).await?;
        Ok(Self { tx, owner, cause, number, place: 0, balances: Vec::new() })
    }

    /// When it takes place.
    pub(crate) const fn now(&self) -> Timestamp {
        self.cause.now
    }

    /// The next row's number: larger than that of any row of this ledger so far.
    ///
    /// # Errors
    /// [`StorageError::Internal`] if the turn wrote too many rows, which is a fault of the program.
    pub(crate) fn next_seq(&mut self) -> Result<i64, StorageError> {
        let seq = (self.number << PLACE_BITS) | self.place;
        self.place = self.place.saturating_add(1);
        if self.place >> PLACE_BITS != 0 {
            return Err(StorageError::Internal("a turn at a ledger wrote too many rows".into()));
        }
        Ok(seq)
    }

    /// A new id, such as `reshold_…`.
    pub(crate) fn new_id(&self, prefix: &str) -> String {
        random_id(prefix, limit::RESERVE_ID_CHARACTERS, self.cause.random)
    }

    /// What a pool's buckets hold now.
    ///
    /// # Errors
    /// [`StorageError`] of the engine.
    pub(crate) async fn balance(&mut self, pool: Pool) -> Result<Balance, StorageError> {
        if let Some((_, kept)) = self.balances.iter().find(|(of, _)| *of == pool) {
            return Ok(kept.now);
        }
        let read = store::balance(self.tx, self.owner, pool).await?;
        let now = read.unwrap_or_default();
        self.balances.push((pool, Kept { read, now }));
        Ok(now)
    }

    /// Records what happened: the entry, its postings, and what the account sees of it.
    ///
    /// # Errors
    /// 400 if a balance would leave 64 bits; [`StorageError::Internal`] if the postings are of two
    /// currencies or one of them is negative, which is a fault of the program.
    pub(crate) async fn post(&mut self, entry: &Entry<'_>) -> Result<(), Failure> {
        let Some((currency, moved)) = entry.moved()? else { return Ok(()) };
        let number = self.next_seq()?;
        store::insert_entry(self.tx, self.owner, number, entry);
        for (line, posting) in (0..).zip(&moved) {
            let mut balance = self.balance(posting.pool).await?;
            balance.apply(posting)?;
            for (pool, kept) in &mut self.balances {
                if *pool == posting.pool {
                    kept.now = balance;
                }
            }
            store::insert_posting(self.tx, self.owner, number, line, posting);
        }
        for side in sides(&moved)? {
            let (seq, id) = (self.next_seq()?, self.new_id("txn"));
            let row = store::NewBalanceTransaction { seq, id, number, currency, side };
            store::insert_balance_transaction(self.tx, self.owner, entry, row);
        }
        Ok(())
    }

    /// Tells what happened to an object.
    ///
    /// # Errors
    /// [`StorageError`] of the engine.
    pub(crate) async fn tell(
        &mut self,
        kind: &'static str,
        object: Object,
        previous: Option<Object>,
    ) -> Result<(), StorageError> {
        let event = NewEvent { kind, object, previous };
        event::append(self.tx, self.owner, &self.cause, event).await
    }

    /// Writes the balances that changed. A turn that posted ends with it.
    ///
    /// # Errors
    /// [`StorageError::Internal`] if money that is held back or on its way would be less than none,
    /// which is a fault of the program.
    pub(crate) fn finish(self) -> Result<(), StorageError> {
        for (pool, kept) in self.balances {
            if kept.read.unwrap_or_default() != kept.now {
                store::set_balance(self.tx, self.owner, pool, &kept.now);
            }
        }
        Ok(())
    }
}
