//! Completions: what shells ask for when Tab is pressed, and the manual, which is made of the same.

use super::args;
use super::client::profile::Profiles;
use super::client::{Client, Expected};
use super::exit::{Exit, Failure};
use super::output::{note, print_bytes};
use crate::config::{ADMIN_KEY, API_KEY, Config, Flags, environment};
use clap::Command;
use clap_complete::Shell;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};
use serde_json::Value;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// The variable by which a shell asks.
const VARIABLE: &str = "_COFFER_COMPLETE";

/// How long somebody who has pressed Tab waits for the server.
const PATIENCE: Duration = Duration::from_millis(800);

/// How many values are offered: a page, which is more than fits on a screen.
const MOST: &str = "100";

/// Answers a shell that asks for completions; `false` if none asks.
///
/// # Errors
/// If the question is none that a shell asks.
pub fn answer() -> Result<bool, Failure> {
    if std::env::var_os(VARIABLE).is_none() {
        return Ok(false);
    }
    let directory = std::env::current_dir().ok();
    let complete = CompleteEnv::with_factory(command).var(VARIABLE);
    let answered = complete.try_complete(std::env::args_os(), directory.as_deref());
    answered.map_err(|error| Failure::usage(error.to_string()))
}

/// Prints what a shell has to read, so that it asks.
pub fn print(shell: Shell) -> Result<Exit, Failure> {
    let shells = Shells::builtins();
    let name = shell.to_string();
    let completer = shells
        .completer(&name)
        .ok_or_else(|| Failure::usage(format!("there are no completions for {name}")))?;
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, "coffer", "coffer", "coffer", &mut script)
        .map_err(|error| Failure::failed(error.to_string()))?;
    print_bytes(&script)?;
    Ok(Exit::Done)
}

/// Writes the pages of the manual.
pub fn manual(directory: &Path) -> Result<Exit, Failure> {
    let failed = |error: std::io::Error| {
        Failure::usage(format!("{} cannot be written: {error}", directory.display()))
    };
    std::fs::create_dir_all(directory).map_err(failed)?;
    clap_mangen::generate_to(args::command(), directory).map_err(failed)?;
    note(&format!("the manual is in {}: man -l {0}/coffer.1", directory.display()));
    Ok(Exit::Done)
}

/// The command line, with what completes its values.
fn command() -> Command {
    with_values(args::command())
}

fn with_values(command: Command) -> Command {
    let of_secrets = command.get_name() == "secrets";
    let command = command.mut_args(|arg| match arg.get_id().as_str() {
        "profile" => arg.add(ArgValueCandidates::new(profiles)),
        "account" | "accounts" | "to_account" => arg.add(ArgValueCandidates::new(accounts)),
        _ => arg,
    });
    command.mut_subcommands(|below| {
        let below = with_values(below);
        if !of_secrets {
            return below;
        }
        below.mut_args(|arg| match arg.get_id().as_str() {
            "name" | "names" => arg.add(ArgValueCandidates::new(secrets)),
            _ => arg,
        })
    })
}

fn profiles() -> Vec<CompletionCandidate> {
    let all = Profiles::read().unwrap_or_default();
    let all = all.all().iter();
    all.map(|(name, profile)| CompletionCandidate::new(name).help(Some(profile.url.clone().into())))
        .collect()
}

/// Names of secrets in the account's scope.
fn secrets() -> Vec<CompletionCandidate> {
    let scope = [("scope[type]", "account")];
    in_time(move |config| names(Client::new(config, &API_KEY)?, "/v1/apps/secrets", &scope, "name"))
}

fn accounts() -> Vec<CompletionCandidate> {
    in_time(|config| names(Client::new(config, &ADMIN_KEY)?, "/v1/admin/accounts", &[], "id"))
}

fn names(
    client: Client,
    path: &str,
    params: &[(&str, &str)],
    field: &str,
) -> Result<Vec<String>, Failure> {
    let mut params = params.to_vec();
    params.push(("limit", MOST));
    let page = client.get(path, &params, Expected::object("list"))?;
    let data = page.get("data").and_then(Value::as_array);
    let names = data.into_iter().flatten().filter_map(|object| object.get(field)?.as_str());
    // A name that could steer the terminal is not offered.
    Ok(names.filter(|name| !name.contains(char::is_control)).map(str::to_owned).collect())
}

/// What the server says, if it says it soon; nothing if it does not.
fn in_time(
    ask: impl FnOnce(&Config) -> Result<Vec<String>, Failure> + Send + 'static,
) -> Vec<CompletionCandidate> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let environment = environment().ok();
        let config = environment.and_then(|all| Config::load(&Flags::default(), &all).ok());
        // Nobody may wait any more.
        let _ = sender.send(config.and_then(|config| ask(&config).ok()).unwrap_or_default());
    });
    let names = receiver.recv_timeout(PATIENCE).unwrap_or_default();
    names.into_iter().map(CompletionCandidate::new).collect()
}
