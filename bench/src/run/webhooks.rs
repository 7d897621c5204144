//! Webhooks: whether events arrive as fast as they are made, and what receivers that hang are to
//! the others.

use super::reserves::plan;
use super::{Run, wait_for};
use crate::args::Result;
use crate::child::{Child, free_port, pause};
use crate::coffer::Coffer;
use crate::goal::{self, Bound};
use crate::http;
use crate::receiver::now_micros;
use serde_json::Value;
use std::process::Command;
use std::time::{Duration, Instant};

/// Connections that make charges.
const CONNECTIONS: [u64; 2] = [1, 16];

/// What arrives while charges are made, as a share of the events of these charges.
const KEEPS_UP: f64 = 0.9;

/// How long the last events may take to arrive.
const PATIENCE: Duration = Duration::from_secs(120);

/// Accounts, endpoints of each, and how many of these hang.
const ACCOUNTS: usize = 10;
const ENDPOINTS: usize = 100;
const HANG: usize = 10;

/// Events that are made while some hang, one after the other, and the time between two: each goes
/// to all endpoints of its account.
const EVENTS: usize = 100;
const EVENT_EVERY: Duration = Duration::from_millis(200);

/// The delay that ninety-nine of a hundred deliveries beside receivers that hang may have.
const DELAY_MS: f64 = 2000.0;

/// A receiver in a process of its own.
pub(super) struct Receiver {
    pub(super) child: Child,
    port: u16,
}

impl Receiver {
    pub(super) fn start(run: &Run) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(&run.itself);
        let child = Child::spawn(command.args(["receiver", "--port", &port.to_string()]))?;
        wait_for(port)?;
        Ok(Self { child, port })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    fn stats(&self) -> Result<Value> {
        http::call(self.port, "", "GET", "/stats", "", &[])
    }

    pub(super) fn number(&self, name: &str) -> Result<f64> {
        let stats = self.stats()?;
        stats.get(name).and_then(Value::as_f64).ok_or_else(|| format!("no {name} in {stats}"))
    }

    /// Waits until so many have arrived.
    fn wait(&self, wanted: f64) -> Result<()> {
        let begun = Instant::now();
        loop {
            let arrived = self.number("arrived")?;
            if arrived >= wanted {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("{arrived} of {wanted} webhooks have arrived"));
            }
            pause(Duration::from_millis(5));
        }
    }
}

impl Run {
    /// All parts of webhooks. Receivers are on this machine and speak plain HTTP, which is for test
    /// mode.
    pub fn webhooks(&mut self) -> Result<()> {
        self.deliveries_beside_intake()?;
        self.receivers_that_hang()?;
        self.note_disturbances();
        Ok(())
    }

    /// A new store in test mode whose server may send to this machine.
    fn store_with_webhooks(&self, name: &str) -> Result<Coffer> {
        let mut coffer = Coffer::create(&self.settings.coffer, &self.directory.join(name))?;
        coffer.stop()?;
        coffer.use_test_mode();
        coffer.environment = vec![
            ("COFFER_WEBHOOK_ALLOW", "127.0.0.1".to_owned()),
            ("COFFER_WEBHOOK_ALLOW_HTTP", "true".to_owned()),
            ("COFFER_WEBHOOK_ENDPOINTS", ENDPOINTS.to_string()),
        ];
        coffer.start()?;
        Ok(coffer)
    }

    /// Charges without an endpoint, and then with one that gets an event of each.
    fn deliveries_beside_intake(&mut self) -> Result<()> {
        let mut coffer = self.store_with_webhooks("delivered")?;
        for account in coffer.account_names()? {
            plan(&coffer, &account)?;
        }
        let mut next = 0;
        let alone = self.charge_rates(&coffer, &mut next)?;
        let receiver = Receiver::start(self)?;
        let endpoint = [
            ("url", receiver.url("all")),
            ("connect", "true".to_owned()),
            ("enabled_events[]", "reserve.hold.created".to_owned()),
        ];
        let endpoint: Vec<_> = endpoint.iter().map(|(name, value)| (*name, &**value)).collect();
        let path = "/v1/webhook_endpoints";
        http::call(coffer.port, &coffer.live_key, "POST", path, "", &endpoint)?;
        for (connections, alone) in CONNECTIONS.into_iter().zip(alone) {
            let (first, before) = (next, receiver.number("arrived")?);
            let begun = Instant::now();
            let made = self.charges_from(&coffer, &mut next, connections)?;
            let arrived = receiver.number("arrived")? - before;
            let charges = (next - first) as f64;
            receiver.wait(before + charges)?;
            let seconds = begun.elapsed().as_secs_f64();
            self.disturbed(&made);
            self.notes.push(format!(
                "charges, {connections} connections: {:.0}/s with an endpoint, {alone:.0}/s \
                 without; of {charges} events {arrived} had arrived with the last charge, all \
                 after {seconds:.1} s ({:.0}/s)",
                made.rate,
                charges / seconds
            ));
            let what = format!(
                "webhooks that arrive while charges are made at {connections} connections, of \
                 each event"
            );
            self.goal(&what, Some(goal::ratio(arrived, charges)), Bound::AtLeast(KEEPS_UP));
        }
        receiver.child.stop()?;
        coffer.stop()
    }

    fn charge_rates(&mut self, coffer: &Coffer, next: &mut u64) -> Result<Vec<f64>> {
        let rate = |connections| Ok(self.charges_from(coffer, next, connections)?.rate);
        CONNECTIONS.into_iter().map(rate).collect()
    }

    /// A thousand endpoints of which a hundred hang: how long the others wait for their events.
    fn receivers_that_hang(&mut self) -> Result<()> {
        let mut coffer = self.store_with_webhooks("hanging")?;
        let receiver = Receiver::start(self)?;
        let accounts: Vec<_> = coffer.account_names()?.into_iter().take(ACCOUNTS).collect();
        for account in &accounts {
            plan(&coffer, account)?;
            for number in 0..ENDPOINTS {
                let what = if number < HANG { "hang" } else { "timed" };
                let url = receiver.url(&format!("{what}/{account}/{number}"));
                let form = [("url", &*url), ("enabled_events[]", "reserve.hold.created")];
                coffer.post(account, "/v1/webhook_endpoints", &form)?;
            }
        }
        let begun = Instant::now();
        for (number, account) in accounts.iter().cycle().take(EVENTS).enumerate() {
            let id = format!("ch_{}", now_micros()?);
            let charge = [("id", &*id), ("amount", "1000"), ("currency", "usd")];
            coffer.post(account, "/v1/ledger/charges", &charge)?;
            let due = EVENT_EVERY * u32::try_from(number + 1).unwrap_or(u32::MAX);
            pause(due.saturating_sub(begun.elapsed()));
        }
        let good = EVENTS * (ENDPOINTS - HANG);
        receiver.wait(good as f64)?;
        let seconds = begun.elapsed().as_secs_f64();
        let [median, p99, longest] = ["p50_ms", "p99_ms", "longest_ms"];
        let (median, longest) = (receiver.number(median)?, receiver.number(longest)?);
        let p99 = receiver.number(p99)?;
        let (all, hang) = (ACCOUNTS * ENDPOINTS, ACCOUNTS * HANG);
        self.notes.push(format!(
            "{all} endpoints of which {hang} hang, {EVENTS} events: {good} deliveries to the \
             others in {seconds:.1} s, p50 {median:.0}, p99 {p99:.0}, longest {longest:.0} ms \
             after the charge"
        ));
        let what = format!("p99 of deliveries beside {hang} of {all} endpoints that hang, ms");
        self.goal(&what, Some(p99), Bound::AtMost(DELAY_MS));
        receiver.child.stop()?;
        coffer.stop()
    }
}
