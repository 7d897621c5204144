//! The command line: one file for each group of verbs.
//!
//! A verb prints its result on standard output and everything else on standard error. It ends
//! with one of the codes of [`Exit`]. No secret is ever taken from an argument, since every
//! process of the machine can read those.

mod activation;
mod admin;
mod admin_key;
mod args;
mod audit;
mod backup;
mod client;
mod complete;
mod config_verb;
mod dev;
mod doctor;
mod duration;
mod erasures;
mod exit;
mod explain;
mod health;
mod init;
mod input;
mod keyring;
mod ledger;
mod listen;
mod migrate;
mod migrate_store;
mod notify;
mod openapi;
mod output;
mod pager;
mod private_file;
mod profiles;
#[cfg(test)]
mod reference;
mod reload;
mod reserves;
mod run;
mod runtime;
mod secret_text;
mod secrets;
mod serve;
mod setup;
mod signals;
mod snippet;
mod stripe;
mod table;
mod waiting;
mod watchdog;

use crate::config::{Config, ConfigError, Flags, environment};
use args::{Audit, Cli, Elsewhere, Keys, Reserves, Verb};
use clap::{ArgMatches, FromArgMatches};
use exit::{Exit, Failure};
use output::{Format, Output};
use std::process::ExitCode;

/// Runs the verb that the arguments name.
pub fn run() -> ExitCode {
    forbid_core_dumps();
    match complete::answer() {
        Ok(false) => {}
        answered => return answered.map_or_else(|failure| failure.exit, |_| Exit::Done).into(),
    }
    let result = args::command().try_get_matches().map_err(usage).and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches).map_err(usage)?;
        dispatch(cli, &matches)
    });
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if !failure.message.is_empty() {
                output::note(&format!("coffer: {}", failure.message));
            }
            failure.exit.into()
        }
    }
}

/// Prints what clap has to say: wrong usage, or help and the version, which are no failures.
fn usage(error: clap::Error) -> Failure {
    let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
    // It fails only if nobody reads the output any more.
    let _ = error.print();
    Failure::new(exit, "")
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string())
    }
}

fn dispatch(cli: Cli, matches: &ArgMatches) -> Result<Exit, Failure> {
    if let Verb::Completions { shell } = cli.verb {
        return complete::print(shell);
    }
    let config = Config::load(&Flags::read(innermost(matches)), &environment()?)?;
    let is_export = matches!(cli.verb, Verb::Audit(Audit::Export(_)));
    let is_report = matches!(cli.verb, Verb::Reserves(Reserves::Report(_)));
    match cli.format {
        Format::Jsonl if !is_export => {
            return Err(Failure::usage("--format jsonl is for `coffer audit export`"));
        }
        Format::Csv if !is_export && !is_report => {
            let only = "--format csv is for `coffer audit export` and `coffer reserves report`";
            return Err(Failure::usage(only));
        }
        _ => {}
    }
    let output = Output::new(cli.format);
    match cli.verb {
        Verb::Dev(args) => dev::run(config, &args),
        Verb::Init(args) => init::run(&config, &args, output),
        Verb::Serve(args) => serve::run(&config, &args),
        Verb::Status => admin::status(&config, output),
        Verb::Health(args) => health::run(&config, &args, output),
        Verb::Doctor(args) => match args.repair {
            Some(directory) => doctor::repair(&config, &directory, output),
            None => doctor::run(&config, output),
        },
        Verb::AdminKey(verb) => admin_key::run(&config, &verb, output),
        Verb::Accounts(verb) => admin::accounts(&config, &verb, output),
        Verb::Users(verb) => erasures::users(&config, &verb, output),
        Verb::Erasures(verb) => erasures::erasures(&config, &verb, output),
        Verb::Apps(verb) => admin::apps(&config, &verb, output),
        Verb::Installs(verb) => admin::installs(&config, &verb, output),
        Verb::Keys(Keys::Unlock) => admin_key::unlock(&config, output),
        Verb::Keys(verb) => admin::keys(&config, &verb, output),
        Verb::Keyring(verb) => keyring::run(&config, &verb, output),
        Verb::Seal => keyring::seal(&config, output),
        Verb::Unseal => keyring::unseal(&config, output),
        Verb::Clock(verb) => admin::clock(&config, &verb, output),
        Verb::Schedule(verb) => admin::schedule(&config, &verb, output),
        Verb::Explain(args) => explain::run(&config, &args, output),
        Verb::Run(args) => run::run(&config, args),
        Verb::Login(_) => profiles::login(&config, output),
        Verb::Logout => profiles::logout(&config),
        Verb::Profiles => profiles::list(output),
        Verb::Secrets(verb) => secrets::run(&config, &verb, output),
        Verb::Listen(args) => listen::run(&config, &args),
        Verb::Reserves(verb) => reserves::run(&config, &verb, cli.format, output),
        Verb::Ledger(verb) => ledger::run(&config, &verb, output),
        Verb::MigrateStore(args) => migrate_store::run(&config, &args, output),
        Verb::Migrate(verb) => migrate::run(&config, &verb, output),
        Verb::Backup(verb) => backup::run(&config, &verb, output),
        Verb::Audit(verb) => audit::run(&config, &verb, cli.format, output),
        Verb::Drill(args) => backup::drill(&config, &args, output),
        Verb::Config(verb) => config_verb::run(&config, &verb, output),
        Verb::Import(Elsewhere::Stripe(args)) => stripe::import(&config, &args, output),
        Verb::Compare(Elsewhere::Stripe(args)) => stripe::compare(&config, &args, output),
        Verb::Man { directory } => complete::manual(&directory),
        Verb::Openapi => openapi::run(&config),
        Verb::Completions { .. } => Ok(Exit::Done),
    }
}

/// The arguments of the verb itself, below those of its group.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    match matches.subcommand() {
        Some((_, below)) => innermost(below),
        None => matches,
    }
}

/// Keeps the keys in memory out of core dumps, and other processes of the same user from reading
/// this one's memory.
fn forbid_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // A system that refuses is no reason not to run the verb.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
