//! The arguments of `coffer import` and `coffer compare`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum Elsewhere {
    /// Secrets that Stripe keeps, read through its API with the app's key there.
    ///
    /// The key at Stripe is in STRIPE_API_KEY, or is asked for; the one here is in COFFER_API_KEY
    /// or a profile. Neither server lists the users of an account: name them.
    #[command(after_help = "Examples:
  coffer import stripe --account acct_1 --user acct_1,usr_1 --dry-run
  coffer import stripe --scopes scopes.csv
  coffer compare stripe --scopes scopes.csv")]
    Stripe(StripeArgs),
}

#[derive(Args)]
pub struct StripeArgs {
    /// An account that has the app installed. Repeatable; without any, the app's own.
    #[arg(long = "account", value_name = "ACCOUNT")]
    pub accounts: Vec<String>,
    /// A user of an account. Repeatable.
    #[arg(long = "user", value_name = "ACCOUNT,USER")]
    pub users: Vec<String>,
    /// A file with a line for each scope: ACCOUNT, or ACCOUNT,USER. No account is the app's own.
    #[arg(long, value_name = "FILE")]
    pub scopes: Option<PathBuf>,
    /// Stripe's API, or another server that speaks it.
    #[arg(long, value_name = "URL", default_value = concat!("https://api.", "stripe", ".com"))]
    pub stripe_url: String,
    /// Only say what would change.
    #[arg(long)]
    pub dry_run: bool,
}
