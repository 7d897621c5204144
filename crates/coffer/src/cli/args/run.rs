//! The arguments of `coffer run` and of the verbs that keep profiles.

use super::ScopeArgs;
use crate::cli::duration;
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// The secrets of the scope become variables: `stripe.token` is STRIPE_TOKEN. Without --watch and
/// --mount the command takes coffer's place, so that signals and exit code are its own.
#[derive(Args)]
#[command(after_help = "Examples:
  coffer run -- npm start
  coffer run --user usr_1 --map oauth=TOKEN --only -- ./sync
  coffer run --mount /run/app/secrets.json -- ./server --secrets /run/app/secrets.json
  coffer run --offline --max-age 12h -- ./kiosk")]
pub struct RunArgs {
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Give the secret NAME the variable ENV. Repeatable.
    #[arg(long = "map", value_name = "NAME=ENV", value_parser = mapping)]
    pub maps: Vec<(String, String)>,
    /// Only the secrets that --map names.
    #[arg(long, requires = "maps")]
    pub only: bool,
    /// Begin the names of all other variables with P.
    #[arg(long, value_name = "P", value_parser = prefix)]
    pub prefix: Option<String>,
    /// Instead of the environment: a file that only the command can read, and that is on no disk.
    ///
    /// .json and .yaml are written as such, everything else as lines of NAME="value".
    #[arg(long, value_name = "FILE")]
    pub mount: Option<PathBuf>,
    /// Start the command anew when a secret has changed.
    #[arg(long)]
    pub watch: bool,
    /// If the server cannot be reached, use what it said last, from an encrypted copy.
    #[arg(long)]
    pub offline: bool,
    /// How old that copy may be: 7d, 12h, 90m.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration::seconds)]
    pub max_age: i64,
    /// The command and its arguments, behind --.
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// The key comes from standard input or a prompt, and is tried before it is kept.
#[derive(Args)]
#[command(after_help = "Examples:
  coffer login --url https://coffer.example.com
  coffer login --profile ci --url unix:/run/coffer/api < key-file
  coffer secrets list --profile ci")]
pub struct LoginArgs {}

fn mapping(text: &str) -> Result<(String, String), String> {
    // A name may have any character, a variable no equals sign.
    let (name, variable) = text.rsplit_once('=').ok_or("write it as NAME=ENV")?;
    if !is_variable(variable) {
        return Err(format!(
            "'{variable}' is no name of a variable: letters, digits and _, and no digit first"
        ));
    }
    Ok((name.to_owned(), variable.to_owned()))
}

fn prefix(text: &str) -> Result<String, String> {
    if is_variable(text) {
        return Ok(text.to_owned());
    }
    Err("a variable cannot begin with that: letters, digits and _, and no digit first".to_owned())
}

fn is_variable(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.is_empty() && text.bytes().all(is_part) && !text.starts_with(|c: char| c.is_ascii_digit())
}
