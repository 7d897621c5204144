//! Where the rows of a table are, on a store that is spread over many servers.
//!
//! One list, which each component has beside its migrations, serves all: how a database is
//! distributed, how its rows are moved, and the check of what statements name ([`Touched`]).

mod registry;
mod statement;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use registry::know;

use crate::error::{Result, StorageError};
use crate::value::Value;

/// Where the rows of a table are, once a database is distributed. On a store that is not, all of
/// them are in one place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// On the server that has the account in the row's column `account`, with all other rows of
    /// that account. Statements name the account, so that one server answers them.
    Spread,
    /// On the coordinator, where every server finds them: what is asked before the account is
    /// known, and what all accounts share.
    Central,
    /// On the coordinator alone: what says something of the store itself.
    Local,
}

/// The column by which tables are spread.
pub(crate) const BY: &str = "account";

/// A table's name and its placement.
pub type Placed = (&'static str, Placement);

/// The account that the statements of one unit of work name. Only debug builds look.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Whether there may be several.
    several: bool,
    account: Option<String>,
}

impl Touched {
    /// Of a unit of work, which may touch rows of `several` accounts.
    pub(crate) const fn by(several: bool) -> Self {
        Self { several, account: None }
    }

    /// Checks that a statement names the account of every table that is spread, and that all
    /// statements of one unit name the same: else a store that is spread would ask many servers, or
    /// refuse. Generations of an account are the same account.
    ///
    /// # Errors
    /// In debug builds, [`StorageError::Internal`] with the statement that does not.
    pub(crate) fn statement(&mut self, sql: &'static str, params: &[Value]) -> Result<()> {
        if !cfg!(debug_assertions) {
            return Ok(());
        }
        let accounts = registry::accounts(sql).map_err(|why| refused(&why, sql))?;
        for at in accounts.iter() {
            let Some(Value::Text(account)) = params.get(*at) else {
                return Err(refused("its account is no text", sql));
            };
            let name = account.split('~').next().unwrap_or_default();
            match &self.account {
                Some(before) if before != name && !self.several => {
                    return Err(refused("a unit of work names a second account", sql));
                }
                Some(_) => {}
                None => self.account = Some(name.to_owned()),
            }
        }
        Ok(())
    }
}

fn refused(why: &str, sql: &str) -> StorageError {
    StorageError::Internal(format!("{why}: {sql}").into())
}
