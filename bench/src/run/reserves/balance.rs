//! A balance behind which there are few postings, beside one with many.

use super::super::{CONNECTIONS, KEY_VARIABLE, Run};
use super::{HOLD_AMOUNT, first_hold, verified};
use crate::args::Result;
use crate::coffer::Coffer;
use crate::fill::{self, Fill};
use crate::goal::{self, Bound};
use crate::slice::{self, Figure, Slice};
use crate::table::thousands;
use crate::unit::store::{self, one_number};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Postings of the account that has few.
const FEW: u64 = 100;

/// How many times as long as a read of few a read of many may take.
const AT_MOST: f64 = 1.2;

/// An account that is asked for its balance.
struct Account {
    name: String,
    /// The file that names it to a load.
    file: PathBuf,
}

impl Run {
    pub(super) fn balance(&mut self) -> Result<()> {
        let many = self.settings.postings.max(FEW);
        let mut coffer = self.new_store("balances")?;
        let names = coffer.account_names()?;
        let mut accounts = Vec::new();
        for (name, postings) in names.iter().zip([FEW, many]) {
            accounts.push(self.with_postings(&mut coffer, name, postings)?);
        }
        coffer.start()?;
        self.notes.push(verified(&coffer)?);
        let [small, large] = accounts.as_slice() else { return Err("no accounts".to_owned()) };
        for connections in CONNECTIONS {
            let (mut few, mut lots) = (Vec::new(), Vec::new());
            for _ in 0..self.settings.rounds {
                few.push(self.balance_reads(&coffer, small, connections)?);
                lots.push(self.balance_reads(&coffer, large, connections)?);
            }
            let (few, lots) = (Figure::of(&few), Figure::of(&lots));
            let postings = thousands(many as f64);
            let what = format!(
                "balance read with {postings} postings, {connections} connections: its time as a \
                 multiple of that with {FEW}"
            );
            let times = goal::ratio(few.rate, lots.rate);
            self.goal(&what, Some(times), Bound::AtMost(AT_MOST));
            self.line(
                &format!("balance, {postings} postings: {FEW}"),
                connections,
                lots,
                few,
                None,
            );
        }
        coffer.stop()
    }

    /// Gives an account so many postings, and leaves the server stopped.
    fn with_postings(&mut self, coffer: &mut Coffer, name: &str, postings: u64) -> Result<Account> {
        if coffer.pid().is_err() {
            coffer.start()?;
        }
        // One posting is the charge's that paid for it all, one is the first hold's.
        first_hold(coffer, name, postings - 1)?;
        coffer.stop()?;
        let begun = Instant::now();
        let accounts = [name.to_owned()];
        let fill = Fill { accounts: &accounts, copies: postings - 2, due: None };
        fill::holds(&coffer.data_file(), &fill)?;
        check_postings(&coffer.data_file(), name, postings)?;
        self.notes.push(format!(
            "wrote holds of {HOLD_AMOUNT} into the stopped store until an account had {postings} \
             postings: {:.1} s",
            begun.elapsed().as_secs_f64()
        ));
        let file = self.directory.join(format!("account-{postings}"));
        std::fs::write(&file, format!("{name}\n")).map_err(|error| error.to_string())?;
        Ok(Account { name: name.to_owned(), file })
    }

    /// A slice of reads of one account's balance.
    fn balance_reads(&mut self, coffer: &Coffer, account: &Account, conns: u64) -> Result<Slice> {
        self.quiet(|run| {
            let mut load = run.timed("balance", coffer.port, conns);
            load.args(["--stored", "1"]).arg("--accounts").arg(&account.file);
            load.env(KEY_VARIABLE, &coffer.live_key);
            slice::measure(&mut load, &coffer.pids()?, &run.directory)
                .map_err(|error| format!("balance of {}: {error}", account.name))
        })
    }
}

fn check_postings(file: &Path, account: &str, wanted: u64) -> Result<()> {
    let sql = format!("SELECT count(*) FROM ledger_posting WHERE account = '{account}'");
    let found = one_number(&store::open(file)?, &sql)?;
    if found == wanted {
        Ok(())
    } else {
        Err(format!("{account} has {found} postings, not {wanted}"))
    }
}
