//! The arguments of `coffer listen`.

use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub struct ListenArgs {
    /// Where events are sent: a URL of this machine, such as `http://localhost:3000/webhooks`.
    #[arg(long, value_name = "URL", required_unless_present = "print_secret")]
    pub forward_to: Option<String>,
    /// Only events of these types, with commas between them.
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub events: Vec<String>,
    /// Events of this connected account.
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// The file with the secret that signs, which is made if it is not there; without it each run
    /// has a new one.
    #[arg(long, value_name = "PATH")]
    pub secret_file: Option<PathBuf>,
    /// Print the secret of the file and end.
    #[arg(long, requires = "secret_file")]
    pub print_secret: bool,
}
