//! What it takes to open a root, besides its name.

use super::RootSecret;
use coffer_base::Clock;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a root is opened with, besides its name.
pub struct Means {
    /// The passphrase, the PIN or the token.
    pub secret: RootSecret,
    /// A PEM file with the authorities that vouch for another server; without it, the public ones.
    pub authorities: Option<PathBuf>,
    /// The variables of AWS: region, key id, key, session token.
    pub aws: [Option<Zeroizing<String>>; 4],
    /// What signs requests with the time.
    pub clock: Arc<dyn Clock>,
}
