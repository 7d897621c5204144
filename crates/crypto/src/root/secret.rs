//! The secret that opens a root: a passphrase, a PIN or a token.

use super::RootError;
use crate::limits;
use coffer_secretfile as secretfile;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// Asks a person for what is named, without showing it; `None` if there is nobody to ask.
pub type Ask = fn(what: &str) -> Option<io::Result<Zeroizing<String>>>;

/// The passphrase, the PIN or the token that opens a root.
///
/// What is in a file is read whenever it is needed: it may have been replaced, as tokens are, and
/// it does not stay in memory. What somebody types, and what a descriptor gives, is there only
/// once, and is kept.
pub struct RootSecret {
    source: Source,
    once: OnceLock<Zeroizing<String>>,
}

enum Source {
    Given(Zeroizing<String>),
    File(PathBuf),
    Descriptor(PathBuf),
    Person(Ask),
}

impl RootSecret {
    /// This text.
    pub const fn given(text: Zeroizing<String>) -> Self {
        Self { source: Source::Given(text), once: OnceLock::new() }
    }

    /// What is in a file that only its owner can reach, or in a descriptor that the program was
    /// started with: `/dev/fd/3`.
    pub fn file(path: PathBuf) -> Self {
        let source =
            if is_descriptor(&path) { Source::Descriptor(path) } else { Source::File(path) };
        Self { source, once: OnceLock::new() }
    }

    /// What somebody types.
    pub const fn ask(ask: Ask) -> Self {
        Self { source: Source::Person(ask), once: OnceLock::new() }
    }

    /// The text; `what` it is, for errors.
    ///
    /// # Errors
    /// [`RootError::NoSecret`] if nobody gives one, [`RootError::Secret`] if it cannot be read or
    /// is empty.
    pub(super) fn text(&self, what: &'static str) -> Result<Zeroizing<String>, RootError> {
        if let Some(text) = self.once.get() {
            return Ok(text.clone());
        }
        let text = self.read(what)?;
        if text.is_empty() {
            return Err(RootError::Secret { what, why: "it is empty".to_owned() });
        }
        if matches!(self.source, Source::Descriptor(_) | Source::Person(_)) {
            return Ok(self.once.get_or_init(|| text).clone());
        }
        Ok(text)
    }

    fn read(&self, what: &'static str) -> Result<Zeroizing<String>, RootError> {
        let failed = |why: String| RootError::Secret { what, why };
        match &self.source {
            Source::Given(text) => Ok(text.clone()),
            Source::Descriptor(path) => descriptor(path).map_err(failed),
            Source::File(path) => secretfile::read_text(path, limits::ROOT_SECRET_BYTES)
                .map_err(|error| failed(error.to_string())),
            Source::Person(ask) => ask(what)
                .ok_or(RootError::NoSecret { what })?
                .map_err(|error| failed(error.to_string())),
        }
    }
}

/// Whether it names a descriptor that the program was started with. Whoever started it has chosen
/// what is behind it, so that there is no owner and no mode to check.
fn is_descriptor(path: &Path) -> bool {
    path.parent() == Some(Path::new("/dev/fd"))
}

fn descriptor(path: &Path) -> Result<Zeroizing<String>, String> {
    let named = |why: &str| format!("{}: {why}", path.display());
    // A buffer that grows leaves parts of it behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limits::ROOT_SECRET_BYTES + 1));
    let most = u64::try_from(limits::ROOT_SECRET_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map_err(|error| named(&error.kind().to_string()))?;
    if bytes.len() > limits::ROOT_SECRET_BYTES {
        return Err(named("it is too long"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| named("it is no UTF-8 text"))?;
    Ok(Zeroizing::new(secretfile::trimmed(text).to_owned()))
}
