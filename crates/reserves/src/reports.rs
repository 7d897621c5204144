//! What a platform asks of its ledgers: how exposed it is and what covers that, why money is held
//! or came free, and what another plan would have done. They read, and write nothing.

mod captures;
mod debits;
mod money;
pub(crate) mod proposal;
mod replay;
pub(crate) mod report;
pub(crate) mod simulate;
pub(crate) mod story;
