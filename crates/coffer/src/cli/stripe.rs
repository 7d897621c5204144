//! `coffer import stripe` and `coffer compare stripe`: an app's secrets over from Stripe, scope by
//! scope, through Stripe's own API.

use super::args::{ScopeArgs, StripeArgs};
use super::client::Client;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::secret_text::Entry;
use super::secrets::import::{Import, all_of};
use super::{input, table};
use crate::config::{API_KEY, Config};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// Where Stripe's own tools look for the key.
const STRIPE_KEY: &str = "STRIPE_API_KEY";

/// Longest file of scopes.
const FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Both servers.
struct Both {
    there: Client,
    here: Client,
}

impl Both {
    fn new(config: &Config, args: &StripeArgs) -> Result<Self, Failure> {
        let here = Client::new(config, &API_KEY)?;
        let key = match std::env::var(STRIPE_KEY) {
            Ok(key) if !key.is_empty() => Zeroizing::new(key),
            _ => input::key().map_err(|failure| {
                Failure::new(Exit::Refused, format!("{}; set {STRIPE_KEY}", failure.message))
            })?,
        };
        let there = Client::of(&args.stripe_url, None, key, false)?;
        if there.server() == here.server() && there.key() == here.key() {
            return Err(Failure::usage("both are the same server and the same key"));
        }
        Ok(Self { there, here })
    }

    /// The secrets of a scope at Stripe, and a client for the same scope here.
    fn scope(&self, scope: &ScopeArgs) -> Result<(Vec<Entry>, Client), Failure> {
        let account = scope.account.as_deref();
        let there = all_of(&self.there.acting_for(account), scope)?;
        Ok((there, self.here.acting_for(account)))
    }
}

/// `coffer import stripe`. Each scope is set as a whole or not at all; one that fails does not keep
/// the others from being set.
///
/// # Errors
/// If there is no key, or the scopes cannot be read.
pub fn import(config: &Config, args: &StripeArgs, output: Output) -> Result<Exit, Failure> {
    let both = Both::new(config, args)?;
    report(args, output, &["added", "replaced", "unchanged"], |scope| {
        let (secrets, here) = both.scope(scope)?;
        let import = Import::plan(&here, scope, secrets)?;
        if !args.dry_run {
            import.set_all()?;
        }
        let [added, replaced, unchanged] = import.counts();
        let counts = json!({ "added": added, "replaced": replaced, "unchanged": unchanged });
        Ok((counts, true))
    })
}

/// `coffer compare stripe`. It ends with 1 if anything differs.
///
/// # Errors
/// If there is no key, or the scopes cannot be read.
pub fn compare(config: &Config, args: &StripeArgs, output: Output) -> Result<Exit, Failure> {
    let both = Both::new(config, args)?;
    report(args, output, &["same", "different", "only_at_stripe", "only_here"], |scope| {
        let (there, here) = both.scope(scope)?;
        let here = all_of(&here, scope)?;
        let find = |all: &[Entry], name: &str| all.iter().position(|entry| entry.name == name);
        let names = |entries: Vec<&Entry>| {
            Value::from(entries.iter().map(|entry| entry.name.clone()).collect::<Vec<_>>())
        };
        let (mut same, mut different, mut only_there) = (0usize, Vec::new(), Vec::new());
        for entry in &there {
            match find(&here, &entry.name).and_then(|at| here.get(at)) {
                None => only_there.push(entry),
                Some(other) if other == entry => same = same.saturating_add(1),
                Some(_) => different.push(entry),
            }
        }
        let only_here = here.iter().filter(|entry| find(&there, &entry.name).is_none());
        let only_here: Vec<&Entry> = only_here.collect();
        let agrees = different.is_empty() && only_there.is_empty() && only_here.is_empty();
        let (different, only_there) = (names(different), names(only_there));
        let found = json!({
            "same": same,
            "different": different,
            "only_at_stripe": only_there,
            "only_here": names(only_here),
        });
        Ok((found, agrees))
    })
}

/// Does the same for each scope, and prints what came of it.
fn report(
    args: &StripeArgs,
    output: Output,
    fields: &[&str],
    each: impl Fn(&ScopeArgs) -> Result<(Value, bool), Failure>,
) -> Result<Exit, Failure> {
    let mut rows = Vec::new();
    let mut is_good = true;
    for scope in scopes(args)? {
        let mut row = json!({ "account": scope.account, "user": scope.user });
        match each(&scope) {
            Ok((Value::Object(found), agrees)) => {
                is_good &= agrees;
                if let Some(row) = row.as_object_mut() {
                    row.extend(found);
                }
            }
            Ok(_) => {}
            // What is wrong with a key is wrong with all scopes.
            Err(failure) if rows.is_empty() && failure.exit != Exit::Failed => return Err(failure),
            Err(failure) => {
                is_good = false;
                if let Some(row) = row.as_object_mut() {
                    row.insert("error".to_owned(), failure.message.into());
                }
            }
        }
        rows.push(row);
    }
    let list = json!({ "object": "list", "data": rows });
    let shown = [&["account", "user"], fields, &["error"]].concat();
    output.show(&list, |list| table::list(list, &shown))?;
    Ok(if is_good { Exit::Done } else { Exit::Failed })
}

/// The scopes that the arguments name, each once; without any, that of the app's own account.
fn scopes(args: &StripeArgs) -> Result<Vec<ScopeArgs>, Failure> {
    let mut lines: Vec<String> = args.accounts.iter().chain(&args.users).cloned().collect();
    if let Some(path) = &args.scopes {
        let text = super::private_file::read(path, FILE_BYTES).map_err(|error| {
            Failure::usage(format!("{} cannot be read: {error}", path.display()))
        })?;
        let is_scope = |line: &&str| !line.trim().is_empty() && *line != "account,user";
        lines.extend(text.lines().filter(is_scope).map(str::to_owned));
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    let mut scopes: Vec<ScopeArgs> = Vec::with_capacity(lines.len());
    for line in lines {
        let (account, user) = line.split_once(',').unwrap_or((&line, ""));
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let scope = ScopeArgs { account: text(account), user: text(user) };
        if scope.account.as_deref().is_some_and(|account| !account.starts_with("acct_")) {
            let line = table::plain(&line);
            return Err(Failure::usage(format!(
                "'{line}' is no scope: write ACCOUNT or ACCOUNT,USER, such as acct_1,usr_1"
            )));
        }
        let is_known =
            |known: &ScopeArgs| known.account == scope.account && known.user == scope.user;
        if !scopes.iter().any(is_known) {
            scopes.push(scope);
        }
    }
    Ok(scopes)
}
