//! The arguments of `coffer ledger`.

use super::reserves::time;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Stripe's API.
const STRIPE: &str = concat!("https://api.", "stripe", ".com");

#[derive(Subcommand)]
pub enum Ledger {
    /// Check the books of all ledgers, also while a server runs.
    ///
    /// Balances must be the sums of their postings, reserves what their holds have left, releases
    /// what they took of holds. Ends with 1 if a figure does not follow from the others.
    Verify,
    /// Feed ledgers from Stripe: list balance transactions there, and tell them here.
    ///
    /// A process of its own, since the server never calls Stripe. How far it is stands in a file
    /// for each account, so it goes on where it was, whatever ended it.
    #[command(after_help = "Examples:
  coffer ledger pull --stripe-key-file stripe.key --once
  coffer ledger pull --stripe-key-file stripe.key --account acct_1 --account acct_2 --follow \\
    --webhooks 127.0.0.1:4750 --webhook-secret-file whsec")]
    Pull(PullArgs),
    /// Feed a ledger from a file of balance transactions, JSON lines as Stripe has them or CSV.
    ///
    /// The file is read as a whole before anything is told. Run again after an interruption, it
    /// goes on where it was. Ends with 1 if a row was refused.
    #[command(after_help = "Examples:
  coffer ledger import --stripe transactions.jsonl --account acct_1 --dry-run
  coffer ledger import balance.csv --map balance.toml --account acct_1")]
    Import(ImportArgs),
    /// Compare a ledger with the balance at Stripe. Ends with 1 if they differ.
    #[command(after_help = "Examples:
  coffer ledger reconcile --stripe-key-file stripe.key --account acct_1
  coffer ledger reconcile --stripe-key-file stripe.key --account acct_1 --since 40d
  coffer ledger reconcile --balance balance.json --as-of 1800000000 --account acct_1")]
    Reconcile(ReconcileArgs),
}

/// How Stripe is reached.
#[derive(Args)]
pub struct StripeAccess {
    /// The file with the key at Stripe: a restricted one that may read balance transactions and
    /// their sources. Only its owner may read the file.
    #[arg(long, value_name = "FILE")]
    pub stripe_key_file: Option<PathBuf>,
    /// Stripe's API, or another server that speaks it.
    #[arg(long, value_name = "URL", default_value = STRIPE)]
    pub stripe_url: String,
    /// Requests a second to Stripe, at most. It allows 100 for each account, and 25 for a sandbox.
    #[arg(long, value_name = "N", default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100))]
    pub stripe_rate: u32,
}

#[derive(Args)]
pub struct PullArgs {
    #[command(flatten)]
    pub stripe: StripeAccess,
    /// A connected account. Repeatable; without any, the key's own, all that are connected to it,
    /// and those that have a ledger here.
    #[arg(long = "account", value_name = "ACCOUNT")]
    pub accounts: Vec<String>,
    /// Begin with what was created at this time, in Unix seconds; else with the oldest.
    #[arg(long, value_name = "TIME", conflicts_with = "cut_over")]
    pub since: Option<i64>,
    /// Begin with the balance as it is now, and with the charges of the last 180 days as records
    /// without money: for a history of more than a million transactions.
    #[arg(long)]
    pub cut_over: bool,
    /// Take what there is, and end. This is the default.
    #[arg(long, conflicts_with = "follow")]
    pub once: bool,
    /// Go on until somebody ends it.
    #[arg(long)]
    pub follow: bool,
    /// Also list the last 40 days again and reconcile, as else happens once a day.
    #[arg(long)]
    pub look_back: bool,
    /// Listen here for Stripe's webhooks, which only wake it: HOST:PORT, behind a proxy with TLS.
    #[arg(long, value_name = "ADDRESS", requires_all = ["follow", "webhook_secret_file"])]
    pub webhooks: Option<std::net::SocketAddr>,
    /// The file with the secrets of the endpoint at Stripe, whsec_…, a line for each.
    #[arg(long, value_name = "FILE", requires = "webhooks")]
    pub webhook_secret_file: Option<PathBuf>,
    /// The directory for how far it is; else `feeder` beside the configuration.
    #[arg(long, value_name = "DIRECTORY")]
    pub state: Option<PathBuf>,
}

#[derive(Args)]
pub struct ImportArgs {
    /// A file of JSON lines, each a balance transaction as Stripe lists them.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "map"])]
    #[arg(required_unless_present = "file")]
    pub stripe: Option<PathBuf>,
    /// A file of comma-separated values, with a head.
    #[arg(requires = "map")]
    pub file: Option<PathBuf>,
    /// What the columns of the CSV file are: a TOML file.
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// The account that has the app installed; else the app's own.
    #[arg(long)]
    pub account: Option<String>,
    /// Only say what is in the file, and which rows cannot be read.
    #[arg(long)]
    pub dry_run: bool,
    /// Tell the rest, even if some rows cannot be read. Those, and what the server refuses, go to
    /// this new file as they stand.
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
}

#[derive(Args)]
pub struct ReconcileArgs {
    #[command(flatten)]
    pub stripe: StripeAccess,
    /// The balance in a file instead: JSON, as Stripe answers it. - is standard input.
    #[arg(long, value_name = "FILE", requires = "as_of", conflicts_with = "stripe_key_file")]
    pub balance: Option<PathBuf>,
    /// When that was the balance, in Unix seconds.
    #[arg(long, value_name = "TIME", requires = "balance")]
    pub as_of: Option<i64>,
    /// Also compare the transactions that were created since, one by one, and name those that
    /// differ: a day, Unix seconds, or how long it is ago (40d).
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "balance")]
    #[arg(allow_hyphen_values = true)]
    pub since: Option<i64>,
    /// The account that has the app installed; else the app's own.
    #[arg(long)]
    pub account: Option<String>,
}
