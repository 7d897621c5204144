//! Many holds that are due at one midnight, while the API is asked for balances and takes in
//! charges.

use super::super::{Run, authorize};
use super::{first_hold, plan, verified};
use crate::args::Result;
use crate::child::{Background, pause};
use crate::coffer::{ACCOUNTS, Coffer};
use crate::fill::{self, Fill};
use crate::goal::Bound;
use crate::machine;
use crate::unit::store::{self, one_number};
use serde_json::Value;
use std::time::{Duration, Instant};

/// The most holds that one release may give back.
const RELEASED_AT_ONCE: f64 = 1000.0;

/// How long the release may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(1200);

/// How often it is looked whether any hold is left.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Connections of each of the two loads.
const CONNECTIONS: u64 = 4;

/// Milliseconds from one request of a connection to its next: 200 balances and 40 charges a
/// second, which a server that writes all the time can take in.
const BALANCE_EVERY: u64 = 20;
const CHARGE_EVERY: u64 = 100;

/// How long the same loads run when there is nothing to release.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// The two loads.
struct Loads {
    balances: Background,
    charges: Background,
}

impl Loads {
    /// Ends them, and says what they saw.
    fn end(self, when: &str) -> Result<(String, u64)> {
        let (balances, charges) = (self.balances.end()?, self.charges.end()?);
        let read = |bytes: &[u8]| -> Result<Value> {
            serde_json::from_slice(bytes).map_err(|error| format!("a load did not report: {error}"))
        };
        let (balances, charges) = (read(&balances)?, read(&charges)?);
        let next = charges.get("next").and_then(Value::as_u64).unwrap_or(0);
        let shown = |report: &Value| {
            let number = |name: &str| report.get(name).and_then(Value::as_f64).unwrap_or(0.0);
            let ms = |name: &str| number(name) / 1e6;
            format!(
                "{:.0} ({:.0}/s), p50 {:.2}, p99 {:.2}, longest {:.2} ms",
                number("requests"),
                number("rate"),
                ms("p50_ns"),
                ms("p99_ns"),
                ms("max_ns")
            )
        };
        let note = format!(
            "{when}, all answered: balances {}; charges {}",
            shown(&balances),
            shown(&charges)
        );
        Ok((note, next))
    }
}

impl Run {
    pub(super) fn release(&mut self) -> Result<()> {
        let each = (self.settings.holds / ACCOUNTS as u64).max(2);
        let holds = each * ACCOUNTS as u64;
        let mut coffer = self.new_store("holds")?;
        let due = self.fill_holds(&mut coffer, each)?;
        self.notes.push(verified(&coffer)?);
        let begun = Instant::now();
        let answering = coffer.start()?;
        let loads = self.loads(&coffer, 0)?;
        let memory = wait_until_released(&coffer, due, begun)?;
        let seconds = begun.elapsed().as_secs_f64();
        let (meanwhile, next) = loads.end("meanwhile")?;
        let loads = self.loads(&coffer, next)?;
        pause(AFTERWARDS);
        let (afterwards, _) = loads.end("with nothing to release")?;
        self.notes.push(format!(
            "released {holds} holds of {ACCOUNTS} accounts that were due at one midnight: \
             {seconds:.1} s from the start of the server ({:.0}/s), which answered after {:.0} ms; \
             at most {memory:.0} MiB resident",
            holds as f64 / seconds,
            answering.as_secs_f64() * 1e3
        ));
        self.notes.extend([meanwhile, afterwards]);
        self.check_releases(&coffer, holds)?;
        self.notes.push(verified(&coffer)?);
        coffer.stop()
    }

    /// Gives every account so many holds that are due at the last midnight, and a plan for the
    /// charges that will come. Leaves the server stopped, and answers that midnight.
    fn fill_holds(&mut self, coffer: &mut Coffer, each: u64) -> Result<i64> {
        let accounts = coffer.account_names()?;
        for account in &accounts {
            first_hold(coffer, account, each)?;
            plan(coffer, account)?;
        }
        coffer.stop()?;
        let (begun, due) = (Instant::now(), fill::last_midnight()?);
        let fill = Fill { accounts: &accounts, copies: each - 1, due: Some(due) };
        fill::holds(&coffer.data_file(), &fill)?;
        fill::away_since_before(&coffer.data_file(), due)?;
        self.notes.push(format!(
            "wrote {each} holds for each of {} accounts into the stopped store: {:.1} s",
            accounts.len(),
            begun.elapsed().as_secs_f64()
        ));
        Ok(due)
    }

    /// Starts the two loads, which run until they are ended.
    fn loads(&mut self, coffer: &Coffer, first: u64) -> Result<Loads> {
        let mut load = |workload: &str, every: u64, more: [&str; 2]| {
            let mut load = self.load(workload, coffer.port, CONNECTIONS);
            load.args(["--until-eof", "true", "--every-ms", &every.to_string()]).args(more);
            authorize(&mut load, coffer);
            Background::spawn(&mut load)
        };
        let accounts = ACCOUNTS.to_string();
        Ok(Loads {
            balances: load("balance", BALANCE_EVERY, ["--stored", &accounts])?,
            charges: load("charge", CHARGE_EVERY, ["--first", &first.to_string()])?,
        })
    }

    /// Looks at what was written: every hold is released once, none with too many others.
    fn check_releases(&mut self, coffer: &Coffer, holds: u64) -> Result<()> {
        let data = store::open(&coffer.data_file())?;
        let parts = one_number(&data, "SELECT count(*) FROM reserve_allocation")?;
        let releases = one_number(&data, "SELECT count(*) FROM reserve_release")?;
        if parts != holds {
            return Err(format!("{holds} holds were due, but {parts} were released"));
        }
        let largest = one_number(
            &data,
            "SELECT max(parts) FROM (SELECT count(*) AS parts FROM reserve_allocation \
             GROUP BY mode, platform, account, release)",
        )?;
        let what = format!("holds in the largest of {releases} releases of {holds} holds");
        self.goal(&what, Some(largest as f64), Bound::AtMost(RELEASED_AT_ONCE));
        Ok(())
    }
}

/// Waits until no hold is left that is due, and answers the server's largest resident memory
/// meanwhile, in MiB.
fn wait_until_released(coffer: &Coffer, due: i64, begun: Instant) -> Result<f64> {
    let data = store::open(&coffer.data_file())?;
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM reserve_hold WHERE scheduled_release IS NOT NULL \
         AND released < amount AND scheduled_release <= {due})"
    );
    let mut memory = 0;
    while one_number(&data, &sql)? > 0 {
        if begun.elapsed() > PATIENCE {
            return Err(format!("holds are left after {} s", PATIENCE.as_secs()));
        }
        memory = memory.max(machine::resident_kib(coffer.pid()?)?.0);
        pause(LOOK_EVERY);
    }
    Ok(memory as f64 / 1024.0)
}
