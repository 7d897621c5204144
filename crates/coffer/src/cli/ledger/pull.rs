//! `coffer ledger pull`: feeds ledgers from Stripe, once or for good.

use super::accounts::Finder;
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
}

/// Everything that is fed.
struct Fed<'a> {
    stripe: &'a Stripe,
    client: &'a Client,
    marks: &'a Marks,
    args: &'a PullArgs,
    all: Vec<Due<'a>>,
    /// Who looks for further accounts, unless the accounts were named.
    finder: Option<Finder<'a>>,
}

impl Fed<'_> {
    /// Adds an account, if it is not there yet.
    fn add(&mut self, account: Option<String>) -> Result<(), Failure> {
        if self.all.iter().any(|due| due.feed.account == account) {
            return Ok(());
        }
        // What it waits for is shown by days, and not by requests.
        let acting = self.client.acting_for(account.as_deref()).in_background();
        let teller = Teller::new(acting, self.stripe.runtime()).that_waits(self.args.follow);
        let feed = Feed::open(self.stripe, teller, self.marks, account)?;
        self.all.push(Due { feed, at: Instant::now() });
        Ok(())
    }

    /// Adds the accounts that are new; how many. One that cannot be added keeps no other from it:
    /// they are found once.
    fn find(&mut self) -> Result<usize, Failure> {
        let before = self.all.len();
        let mut failed = None;
        for account in self.finder.as_mut().map_or(Ok(Vec::new()), Finder::find)? {
            let Err(failure) = self.add(Some(account)) else { continue };
            if let Some(before) = failed.replace(failure) {
                output::note(&format!("coffer: {}", before.message));
            }
        }
        failed.map_or(Ok(self.all.len().saturating_sub(before)), Err)
    }
}

/// Takes what there is, and goes on if that was asked for.
///
/// # Errors
/// If the key cannot be used, if another process feeds, or if it cannot listen.
pub fn run(config: &Config, args: &PullArgs, output: Output) -> Result<Exit, Failure> {
    let stripe = Stripe::new(&args.stripe)?;
    let client = Client::new(config, &API_KEY)?;
    let marks = Marks::open(args.state.as_deref(), client.server())?;
    let (all, finder) = (Vec::new(), None);
    let mut fed = Fed { stripe: &stripe, client: &client, marks: &marks, args, all, finder };
    for account in &args.accounts {
        fed.add(Some(account.clone()))?;
    }
    if args.accounts.is_empty() {
        fed.finder = Some(Finder::new(&stripe, &client)?);
        fed.add(None)?;
        fed.find()?;
    }
    if args.follow { follow(&mut fed) } else { once(&mut fed, output) }
}

fn begin(args: &PullArgs) -> Begin {
    match args.since {
        _ if args.cut_over => Begin::Balance,
        Some(since) => Begin::Since(since),
        None => Begin::First,
    }
}

fn once(fed: &mut Fed<'_>, output: Output) -> Result<Exit, Failure> {
    let mut rows = Vec::new();
    let mut exit = Exit::Done;
    let (args, is_alone) = (fed.args, fed.all.len() < 2);
    for due in &mut fed.all {
        let done = look(due, begin(args), args.look_back);
        let Feed { account, told, mark, .. } = &due.feed;
        let (matches, error) = match done {
            Ok(found) => (found.as_ref().map(reconcile::matches), None),
            Err(failure) if is_alone => return Err(failure),
            Err(failure) => (None, Some(failure.message)),
        };
        let is_right = error.is_none() && matches.unwrap_or(true) && told.refused == 0;
        rows.push(json!({
            "account": account,
            "recorded": told.new,
            "known": told.known,
            "refused": told.refused,
            "done_until": mark.until,
            "matches": matches,
            "error": error,
        }));
        if !is_right {
            exit = Exit::Failed;
        }
    }
    let list = json!({ "object": "list", "data": rows });
    let fields = ["account", "recorded", "known", "refused", "done_until", "matches", "error"];
    output.show(&list, |list| table::list(list, &fields))?;
    Ok(exit)
}

/// Looks at an account; once a day, or if that is asked for, also back. Answers the
/// reconciliation, if there was one.
fn look(due: &mut Due<'_>, begin: Begin, looks_back: bool) -> Result<Option<Value>, Failure> {
    due.feed.pass(begin)?;
    let since = due.feed.stripe.now().saturating_sub(due.feed.mark.looked_back);
    if looks_back || since >= DAY {
        return due.feed.look_back().map(Some);
    }
    Ok(None)
}

/// Looks at accounts whenever it is time, or an event says so, and for new ones, until somebody
/// ends it.
fn follow(fed: &mut Fed<'_>) -> Result<Exit, Failure> {
    let (wake, woken) = sync_channel(wake::WAITING);
    if let (Some(address), Some(path)) = (fed.args.webhooks, &fed.args.webhook_secret_file) {
        let secrets = Secrets::read(path)?;
        let at = wake::listen(fed.stripe.runtime(), address, secrets, wake.clone())?;
        output::note(&format!("coffer: webhooks are received at http://{at}"));
    }
    output::note(&format!("coffer: {} accounts are fed", fed.all.len()));
    let mut find_at = Instant::now() + POLL;
    loop {
        let now = Instant::now();
        if fed.finder.is_some() && find_at <= now {
            look_for_accounts(fed);
            find_at = Instant::now() + POLL;
        }
        for due in fed.all.iter_mut().filter(|due| due.at <= now) {
            follow_one(due, fed.args);
        }
        let next = fed.all.iter().map(|due| due.at).min().unwrap_or(find_at);
        let next = if fed.finder.is_some() { next.min(find_at) } else { next };
        if sleep_until(next, &woken, &mut fed.all) {
            find_at = find_at.min(Instant::now() + AFTER_EVENT);
        }
    }
}

/// Adds accounts that are new. What fails is said, and tried again the next time.
fn look_for_accounts(fed: &mut Fed<'_>) {
    match fed.find() {
        Ok(0) => {}
        Ok(new) => output::note(&format!("coffer: {new} more accounts are fed")),
        Err(failure) => {
            output::note(&format!("coffer: new accounts: {}; trying again", failure.message));
        }
    }
}

/// Looks at one account, and says when next. What fails is said, and tried again.
fn follow_one(due: &mut Due<'_>, args: &PullArgs) {
    let new = due.feed.told.new;
    let name = due.feed.account.clone().unwrap_or_else(|| "the key's own account".to_owned());
    let done = look(due, begin(args), args.look_back && due.feed.mark.looked_back == 0);
    let is_quiet = match &done {
        Ok(_) => is_quiet(due),
        // One that was found and not named may have no app installed here, and stay like that.
        Err(failure) => failure.exit != Exit::Unavailable && args.accounts.is_empty(),
    };
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
    due.at = Instant::now() + if is_quiet { POLL_QUIET } else { POLL };
}

/// Whether nothing happened on an account for a day.
fn is_quiet(due: &Due<'_>) -> bool {
    due.feed.mark.until.is_some_and(|until| SystemClock.now().unix() - until > DAY)
}

/// Waits, and lets events bring forward when their accounts are looked at. Whether one was about an
/// account that is not fed.
fn sleep_until(next: Instant, woken: &Receiver<Wake>, all: &mut [Due<'_>]) -> bool {
    let pause = next.saturating_duration_since(Instant::now());
    // The listener ends with the process.
    let mut first = woken.recv_timeout(pause).ok();
    let at = Instant::now() + AFTER_EVENT;
    let mut is_new = false;
    while let Some(wake) = first {
        match all.iter_mut().find(|due| due.feed.account == wake) {
            Some(due) => due.at = due.at.min(at),
            None => is_new = true,
        }
        first = woken.try_recv().ok();
    }
    is_new
}
