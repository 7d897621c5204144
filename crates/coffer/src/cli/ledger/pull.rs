//! `coffer ledger pull`: feeds ledgers from Stripe, once or for good.

use super::feed::{Begin, Feed};
use super::mark::Marks;
use super::reconcile;
use super::stripe::{DAY, Stripe};
use super::tell::Teller;
use super::wake::{self, Secrets, Wake};
use crate::cli::args::PullArgs;
use crate::cli::client::Client;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Output};
use crate::cli::table;
use crate::config::{API_KEY, Config};
use coffer_base::{Clock, SystemClock};
use serde_json::{Value, json};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// Between two looks at an account that something happens on.
const POLL: Duration = Duration::from_secs(60);

/// Between two looks at an account that nothing happened on for a day.
const POLL_QUIET: Duration = Duration::from_secs(3_600);

/// After an event, until its money can be listed.
const AFTER_EVENT: Duration = Duration::from_secs(2);

/// An account, and when it is looked at next.
struct Due<'a> {
    feed: Feed<'a>,
    at: Instant,
    failed: bool,
}

/// Takes what there is, and goes on if that was asked for.
///
/// # Errors
/// If the key cannot be used, if another process feeds, or if it cannot listen.
pub fn run(config: &Config, args: &PullArgs, output: Output) -> Result<Exit, Failure> {
    let stripe = Stripe::new(&args.stripe)?;
    let client = Client::new(config, &API_KEY)?;
    let marks = Marks::open(args.state.as_deref(), client.server())?;
    let mut all = Vec::new();
    for account in accounts(args) {
        let acting = client.acting_for(account.as_deref());
        let teller = Teller::new(acting, stripe.runtime()).that_waits(args.follow);
        let feed = Feed::open(&stripe, teller, &marks, account)?;
        all.push(Due { feed, at: Instant::now(), failed: false });
    }
    if args.follow { follow(&stripe, args, &mut all) } else { once(args, &mut all, output) }
}

/// The accounts that were named, each once; the key's own, if none was.
fn accounts(args: &PullArgs) -> Vec<Option<String>> {
    let mut accounts: Vec<Option<String>> = Vec::new();
    for account in &args.accounts {
        if !accounts.iter().flatten().any(|known| known == account) {
            accounts.push(Some(account.clone()));
        }
    }
    if accounts.is_empty() { vec![None] } else { accounts }
}

fn begin(args: &PullArgs) -> Begin {
    match args.since {
        _ if args.cut_over => Begin::Balance,
        Some(since) => Begin::Since(since),
        None => Begin::First,
    }
}

fn once(args: &PullArgs, all: &mut [Due<'_>], output: Output) -> Result<Exit, Failure> {
    let mut rows = Vec::new();
    let mut exit = Exit::Done;
    for due in &mut *all {
        let done = look(due, begin(args), args.look_back);
        let Feed { account, told, mark, .. } = &due.feed;
        let (matches, error) = match done {
            Ok(found) => (found.as_ref().map(reconcile::matches), None),
            // What is wrong with a key is wrong for all accounts.
            Err(failure) if all_alone(&rows, args) => return Err(failure),
            Err(failure) => (None, Some(failure.message)),
        };
        if matches == Some(false) || told.refused > 0 || error.is_some() {
            exit = Exit::Failed;
        }
        rows.push(json!({
            "account": account,
            "recorded": told.new,
            "known": told.known,
            "refused": told.refused,
            "done_until": mark.until,
            "matches": matches,
            "error": error,
        }));
    }
    let list = json!({ "object": "list", "data": rows });
    let fields = ["account", "recorded", "known", "refused", "done_until", "matches", "error"];
    output.show(&list, |list| table::list(list, &fields))?;
    Ok(exit)
}

fn all_alone(rows: &[Value], args: &PullArgs) -> bool {
    rows.is_empty() && args.accounts.len() < 2
}

/// Looks at an account; once a day, or if that is asked for, also back. Answers the
/// reconciliation, if there was one.
fn look(due: &mut Due<'_>, begin: Begin, looks_back: bool) -> Result<Option<Value>, Failure> {
    due.feed.pass(begin)?;
    let since = SystemClock.now().unix().saturating_sub(due.feed.mark.looked_back);
    if looks_back || since >= DAY {
        return due.feed.look_back().map(Some);
    }
    Ok(None)
}

/// Looks at accounts whenever it is time, or an event says so, until somebody ends it.
fn follow(stripe: &Stripe, args: &PullArgs, all: &mut [Due<'_>]) -> Result<Exit, Failure> {
    let (wake, woken) = sync_channel(wake::WAITING);
    if let (Some(address), Some(path)) = (args.webhooks, &args.webhook_secret_file) {
        let secrets = Secrets::read(path)?;
        let at = wake::listen(stripe.runtime(), address, secrets, wake.clone())?;
        output::note(&format!("coffer: webhooks are received at http://{at}"));
    }
    output::note(&format!("coffer: {} accounts are fed", all.len()));
    loop {
        let now = Instant::now();
        for due in all.iter_mut().filter(|due| due.at <= now) {
            follow_one(due, args);
        }
        let next = all.iter().map(|due| due.at).min().unwrap_or(now + POLL);
        sleep_until(next, &woken, all);
    }
}

/// Looks at one account, and says when next. What fails is said, and tried again.
fn follow_one(due: &mut Due<'_>, args: &PullArgs) {
    let new = due.feed.told.new;
    let name = due.feed.account.clone().unwrap_or_else(|| "the key's own account".to_owned());
    let done = look(due, begin(args), args.look_back && due.feed.mark.looked_back == 0);
    due.failed = done.is_err();
    match done {
        Ok(found) => {
            if let Some(found) = found.filter(|found| !reconcile::matches(found)) {
                output::note(&format!("coffer: {name} differs:\n{}", reconcile::text(&found)));
            }
            let new = due.feed.told.new.saturating_sub(new);
            if new > 0 {
                output::note(&format!("coffer: {name}: {new} transactions"));
            }
        }
        Err(failure) => {
            output::note(&format!("coffer: {name}: {}; trying again", failure.message));
        }
    }
    let quiet_since = due.feed.mark.until.map_or(0, |until| SystemClock.now().unix() - until);
    let pause = if quiet_since > DAY && !due.failed { POLL_QUIET } else { POLL };
    due.at = Instant::now() + pause;
}

/// Waits, and lets events bring forward when their accounts are looked at.
fn sleep_until(next: Instant, woken: &Receiver<Wake>, all: &mut [Due<'_>]) {
    let pause = next.saturating_duration_since(Instant::now());
    let mut first = woken.recv_timeout(pause).ok();
    let at = Instant::now() + AFTER_EVENT;
    while let Some(wake) = first {
        for due in all.iter_mut().filter(|due| due.feed.account == wake) {
            due.at = due.at.min(at);
        }
        first = woken.try_recv().ok();
    }
}
