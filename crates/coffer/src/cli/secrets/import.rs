//! Secrets from files and into them, and from one scope into another.
//!
//! Nothing is half done: before anything is set, all is read and compared, and each set is carried
//! out only if the secret still has the version that was compared. If one fails, those before it
//! are put back, each if nobody has changed it meanwhile. A run that is killed is run again: what
//! is set already is the same, and left alone.

use super::{PATH, SECRET, client};
use crate::cli::args::{CopyArgs, ExportSecretsArgs, ImportArgs, ScopeArgs};
use crate::cli::client::Client;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Output};
use crate::cli::private_file;
use crate::cli::secret_text::{self, Entry, Form};
use crate::cli::table::{self, plain};
use crate::config::Config;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use std::io::{IsTerminal, Read, Write};
use zeroize::Zeroizing;

/// Longest file that is read.
const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// More secrets than this have a bar, on a terminal.
const BAR_BEYOND: usize = 20;

/// The version of what is not there.
const NONE: &str = "0";

/// `coffer secrets import`.
pub fn import(config: &Config, args: &ImportArgs, output: Output) -> Result<Exit, Failure> {
    let path = &args.file;
    let is_input = path.as_os_str() == "-";
    let form = args.form.or_else(|| Form::of(path)).ok_or_else(|| {
        Failure::usage(format!(
            "{} does not say what is in it: give --as dotenv, json, yaml or csv",
            path.display()
        ))
    })?;
    let failed = |error| Failure::usage(format!("{} cannot be read: {error}", path.display()));
    let text = if is_input { standard_input() } else { private_file::read(path, FILE_BYTES) };
    let entries = secret_text::read(form, &text.map_err(failed)?)?;
    check(&entries)?;
    let client = client(config, &args.scope)?;
    Import::plan(&client, &args.scope, entries)?.carry_out(args.dry_run, output)
}

fn standard_input() -> std::io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().lock().take(FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// `coffer secrets export`.
pub fn export(config: &Config, args: &ExportSecretsArgs) -> Result<Exit, Failure> {
    if args.to.is_none() && std::io::stdout().is_terminal() && !args.reveal {
        return Err(Failure::usage(
            "this would show all values on the terminal: give --reveal if that is meant, or --to \
             FILE",
        ));
    }
    let form = args.form.or_else(|| args.to.as_deref().and_then(Form::of));
    let entries = all_of(&client(config, &args.scope)?, &args.scope)?;
    let secrets = entries.iter();
    let secrets = secrets.map(|one| (one.name.as_str(), one.value.as_str(), one.expires_at));
    let form = form.unwrap_or(Form::Dotenv);
    if form == Form::Dotenv {
        check_variables(&entries)?;
    }
    let text = secret_text::write(form, secrets);
    match &args.to {
        None => output::print_bytes(text.as_bytes())?,
        Some(path) => {
            let written = private_file::create(path).and_then(|mut file| {
                file.write_all(text.as_bytes()).and_then(|()| file.sync_all())
            });
            written.map_err(|error| {
                Failure::usage(format!("{} cannot be written: {error}", path.display()))
            })?;
            output::note(&format!("{} secrets are in {}", entries.len(), path.display()));
        }
    }
    Ok(Exit::Done)
}

/// A name that no variable can have would be another one when the file is read.
fn check_variables(entries: &[Entry]) -> Result<(), Failure> {
    let odd = |c: char| c.is_whitespace() || matches!(c, '=' | '#' | '\'' | '"');
    match entries.iter().find(|entry| entry.name.contains(odd)) {
        None => Ok(()),
        Some(entry) => Err(Failure::usage(format!(
            "the name '{}' cannot stand in a file of NAME=value lines: use --as json, yaml or csv",
            plain(&entry.name)
        ))),
    }
}

/// `coffer secrets copy`.
pub fn copy(config: &Config, args: &CopyArgs, output: Output) -> Result<Exit, Failure> {
    let account = args.to_account.clone().or_else(|| args.scope.account.clone());
    let target = ScopeArgs { user: args.to_user.clone(), account };
    if target.user == args.scope.user && target.account == args.scope.account {
        return Err(Failure::usage(
            "they would stay where they are: give --to-account or --to-user",
        ));
    }
    let mut entries = all_of(&client(config, &args.scope)?, &args.scope)?;
    for name in &args.names {
        if !entries.iter().any(|entry| entry.name == *name) {
            return Err(Failure::new(Exit::NotFound, format!("No such secret: '{}'", plain(name))));
        }
    }
    entries.retain(|entry| args.names.is_empty() || args.names.contains(&entry.name));
    let client = client(config, &target)?;
    Import::plan(&client, &target, entries)?.carry_out(args.dry_run, output)
}

/// All secrets of a scope with their values, the oldest first.
pub fn all_of(client: &Client, scope: &ScopeArgs) -> Result<Vec<Entry>, Failure> {
    let mut params = scope.params(None);
    params.push(("expand[]", "data.payload"));
    let list = client.list(PATH, &params, None)?;
    let data = list.get("data").and_then(Value::as_array);
    let entries = data.into_iter().flatten().rev().map(|secret| {
        Some(Entry {
            name: secret.get("name")?.as_str()?.to_owned(),
            value: Zeroizing::new(secret.get("payload")?.as_str()?.to_owned()),
            expires_at: secret.get("expires_at").and_then(Value::as_i64),
        })
    });
    let missing = || Failure::failed("the server's list has secrets without their values");
    entries.collect::<Option<_>>().ok_or_else(missing)
}

/// Checks what the server would refuse, all at once and before anything is set.
fn check(entries: &[Entry]) -> Result<(), Failure> {
    let longest = coffer_secrets::limits::SECRET_PAYLOAD_CHARACTERS;
    let wrong = entries.iter().filter_map(|entry| {
        let name = plain(&entry.name);
        match entry.value.chars().count() {
            _ if entry.name.is_empty() => Some("a name is empty".to_owned()),
            0 => Some(format!("'{name}' has no value")),
            count if count > longest => {
                Some(format!("'{name}' has {count} characters, and {longest} are the most"))
            }
            _ => None,
        }
    });
    match wrong.collect::<Vec<_>>() {
        none if none.is_empty() => Ok(()),
        wrong => Err(Failure::usage(format!("nothing was set: {}", wrong.join("; ")))),
    }
}

/// A secret as it was found.
struct Found {
    value: Zeroizing<String>,
    expires_at: Option<i64>,
    version: String,
}

/// One secret to set, and what is there in its place.
struct Step {
    entry: Entry,
    found: Option<Found>,
}

impl Step {
    fn is_same(&self) -> bool {
        self.found.as_ref().is_some_and(|found| {
            found.value == self.entry.value && found.expires_at == self.entry.expires_at
        })
    }

    /// A line of what would change, without values.
    fn line(&self) -> Vec<String> {
        let length = |value: &str| format!("******** ({} characters)", value.chars().count());
        let (sign, was) = match &self.found {
            None => ("+", "-".to_owned()),
            Some(_) if self.is_same() => ("=", "the same".to_owned()),
            Some(found) => ("~", length(&found.value)),
        };
        let to = if self.is_same() { "-".to_owned() } else { length(&self.entry.value) };
        vec![sign.to_owned(), plain(&self.entry.name), was, to]
    }
}

/// Secrets that are to be set in one scope.
pub struct Import<'a> {
    client: &'a Client,
    scope: &'a ScopeArgs,
    steps: Vec<Step>,
}

impl<'a> Import<'a> {
    /// Reads what is there, and compares.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn plan(
        client: &'a Client,
        scope: &'a ScopeArgs,
        entries: Vec<Entry>,
    ) -> Result<Self, Failure> {
        let bar = bar(entries.len(), "compared");
        let mut steps = Vec::with_capacity(entries.len());
        for mut entry in entries {
            let found = find(client, scope, &entry.name)?;
            // A file that says nothing of the end leaves it as it is.
            entry.expires_at = entry.expires_at.or(found.as_ref().and_then(|old| old.expires_at));
            steps.push(Step { entry, found });
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(Self { client, scope, steps })
    }

    /// How many are added, replaced, and left alone.
    pub fn counts(&self) -> [usize; 3] {
        let count = |is: fn(&Step) -> bool| self.steps.iter().filter(|step| is(step)).count();
        [
            count(|step| step.found.is_none()),
            count(|step| step.found.is_some() && !step.is_same()),
            count(Step::is_same),
        ]
    }

    fn carry_out(&self, dry_run: bool, output: Output) -> Result<Exit, Failure> {
        if !dry_run {
            self.set_all()?;
        }
        let [added, replaced, unchanged] = self.counts();
        let result = json!({
            "object": "import",
            "dry_run": dry_run,
            "added": added,
            "replaced": replaced,
            "unchanged": unchanged,
        });
        output.show(&result, |result| {
            let counts = table::object(result);
            if !dry_run {
                return counts;
            }
            let lines = self.steps.iter().map(Step::line);
            format!("{}\n\n{counts}", table::columns(&["", "name", "is", "becomes"], lines))
        })?;
        Ok(Exit::Done)
    }

    /// Sets what differs; if one cannot be set, puts back those before it.
    ///
    /// # Errors
    /// Why one could not be set, and what has become of the others.
    pub fn set_all(&self) -> Result<(), Failure> {
        let changes: Vec<&Step> = self.steps.iter().filter(|step| !step.is_same()).collect();
        let bar = bar(changes.len(), "set");
        let mut done: Vec<(&Step, String)> = Vec::new();
        for step in changes {
            let version = step.found.as_ref().map_or(NONE, |found| &found.version);
            let Step { entry: Entry { name, value, expires_at }, .. } = step;
            match self.set(name, value, *expires_at, version) {
                Ok(version) => done.push((step, version)),
                Err(failure) => {
                    bar.finish_and_clear();
                    return Err(self.undo(name, &done, &failure));
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn set(
        &self,
        name: &str,
        value: &str,
        expires_at: Option<i64>,
        version: &str,
    ) -> Result<String, Failure> {
        let expires_at = expires_at.map(|at| at.to_string());
        let mut params = self.scope.params(Some(name));
        params.push(("payload", value));
        params.extend(expires_at.as_deref().map(|at| ("expires_at", at)));
        let set = self.client.post_if(PATH, &params, version, SECRET)?;
        Ok(set.version.unwrap_or_default())
    }

    /// Puts back what was set, the last first; what is said of it.
    fn undo(&self, failed: &str, done: &[(&Step, String)], failure: &Failure) -> Failure {
        let mut left = Vec::new();
        for (step, version) in done.iter().rev() {
            let name = &step.entry.name;
            let put_back = match &step.found {
                Some(old) => self.set(name, &old.value, old.expires_at, version).map(drop),
                None => {
                    let (path, params) = (format!("{PATH}/delete"), self.scope.params(Some(name)));
                    self.client.post_if(&path, &params, version, SECRET).map(drop)
                }
            };
            if put_back.is_err() {
                left.push(plain(name));
            }
        }
        let outcome = if left.is_empty() {
            "nothing has changed: what was set before it was put back".to_owned()
        } else {
            format!(
                "these were set before it, and could not be put back: {}; run it again to go on",
                left.join(", ")
            )
        };
        let message = format!("'{}': {}\n{outcome}", plain(failed), failure.message);
        Failure::new(failure.exit, message)
    }
}

/// The secret of that name, if it is there.
fn find(client: &Client, scope: &ScopeArgs, name: &str) -> Result<Option<Found>, Failure> {
    let mut params = scope.params(Some(name));
    params.push(("expand[]", "payload"));
    let found = match client.get_versioned(&format!("{PATH}/find"), &params, SECRET) {
        Ok(found) => found,
        Err(failure) if failure.exit == Exit::NotFound => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let value = found.object.get("payload").and_then(Value::as_str);
    let (Some(value), Some(version)) = (value, found.version) else {
        return Err(Failure::failed("the server does not say which version a secret has"));
    };
    let expires_at = found.object.get("expires_at").and_then(Value::as_i64);
    Ok(Some(Found { value: Zeroizing::new(value.to_owned()), expires_at, version }))
}

/// A bar, if there is much to do.
fn bar(count: usize, what: &'static str) -> ProgressBar {
    if count <= BAR_BEYOND {
        return ProgressBar::hidden();
    }
    let style = indicatif::ProgressStyle::with_template("{bar:30} {pos} of {len} {msg}");
    let bar = ProgressBar::new(u64::try_from(count).unwrap_or(u64::MAX)).with_message(what);
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
