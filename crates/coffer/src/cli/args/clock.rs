//! The arguments of the verbs about time.

use clap::Subcommand;

#[derive(Subcommand)]
pub enum ClockVerb {
    /// Show what the clock says, and why the server doubts it, if it does.
    Show,
    /// Say that what the clock shows is right, after it jumped or the server was off for long.
    ///
    /// Look at the clock first: what is due by it is released and deleted from then on.
    Accept,
}

#[derive(Subcommand)]
pub enum Schedule {
    /// Set watermarks that a wrong clock has raised back, so that what is due is found again.
    ///
    /// Nothing is released twice: what was released shows in the holds themselves.
    Rewind {
        /// To the last midnight before this time, in Unix seconds; else before now.
        #[arg(long, value_name = "SECONDS")]
        to: Option<u64>,
    },
}
