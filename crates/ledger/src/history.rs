//! What ledgers were at any moment: balances and other sums as the books had them, whatever was
//! told later of the time before. Each is found by its key, and no state is summed from postings.

pub use crate::model::history::{PoolAt, PoolRow};
pub use crate::store::history::{
    breaches_at, figures_at, first_seq_after, ledgers, pool_around, pool_rows, pools_at,
};
pub use crate::store::past::{
    PastCharge, PastMove, captures_from, charges_from, moves_after, transaction_of,
};
pub use crate::store::past_debits::{DebitsOf, PastDebit, debits_from};
