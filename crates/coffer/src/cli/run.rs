//! `coffer run`: a command with secrets in its environment, or in a file that only it can read.
//!
//! Neither appears in the arguments of any process.

mod fetch;
mod fetched;
mod mount;
mod offline;
mod supervise;
mod variables;

use super::args::RunArgs;
use super::exit::{Exit, Failure};
use crate::config::{self, Config, Kind};
use fetch::Fetch;
use mount::Mount;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::Command;
use variables::Variables;

/// What shells end with if a command is not there, or cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;

/// `coffer run`.
///
/// # Errors
/// If the secrets cannot be had, or cannot be variables. The command's own end is no error.
pub fn run(config: &Config, args: RunArgs) -> Result<Exit, Failure> {
    let fetch = Fetch::new(config, &args)?;
    let variables = Variables::of(&fetch.get()?, &args)?;
    if args.watch || args.mount.is_some() {
        return supervise::run(fetch, args, variables);
    }
    let mut command = command(&args)?;
    variables.add_to(&mut command);
    // It returns only if it fails.
    let error = command.exec();
    Ok(not_started(&args, &error))
}

/// The command, without the keys that coffer itself was given.
fn command(args: &RunArgs) -> Result<Command, Failure> {
    let (program, words) =
        args.command.split_first().ok_or_else(|| Failure::usage("there is no command after --"))?;
    let mut command = Command::new(program);
    command.args(words);
    for setting in config::ALL.iter().filter(|setting| setting.kind == Kind::Secret) {
        command.env_remove(setting.env).env_remove(setting.file_variable());
    }
    Ok(command)
}

/// Says why the command did not start; the code that shells end with then.
fn not_started(args: &RunArgs, error: &std::io::Error) -> Exit {
    let program = args.command.first().map(|word| word.to_string_lossy()).unwrap_or_default();
    super::output::note(&format!("coffer: {program} cannot be run: {error}"));
    Exit::Child(if error.kind() == ErrorKind::NotFound { NOT_FOUND } else { NOT_RUN })
}

/// What a command is started with, and the file that is there while it runs.
fn prepared(args: &RunArgs, variables: &Variables) -> Result<(Command, Option<Mount>), Failure> {
    let mut command = command(args)?;
    let mount = match &args.mount {
        None => {
            variables.add_to(&mut command);
            None
        }
        Some(path) => Some(Mount::make(path, &variables.file(path))?),
    };
    Ok((command, mount))
}
