//! Anchoring: putting checkpoints of the log where somebody who can change the stores cannot change
//! them.

use coffer_audit::Head;
use coffer_base::{Clock, Timestamp};
use coffer_kernel::HttpClient;
use coffer_outbound::HttpRequest;
use coffer_storage::{StorageError, Store};
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a checkpoint is anchored at most, while there are new entries.
const EVERY: Duration = Duration::from_secs(60);

/// Where checkpoints are put.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Anchor {
    /// A file, to whose end each is added.
    File(PathBuf),
    /// A server, to which each is sent in a POST.
    Http(Uri),
}

impl FromStr for Anchor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = "an anchor is file:PATH, http://… or https://…";
        if let Some(path) = text.strip_prefix("file:").filter(|path| !path.is_empty()) {
            return Ok(Self::File(PathBuf::from(path)));
        }
        let uri: Uri = text.parse().map_err(|_| wrong.to_owned())?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        if is_http { Ok(Self::Http(uri)) } else { Err(wrong.to_owned()) }
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            // What follows the host may be a secret of the receiver's.
            Self::Http(uri) => f.write_str(uri.host().unwrap_or_default()),
        }
    }
}

impl Anchor {
    async fn put(&self, note: &str, http: &HttpClient) -> Result<(), String> {
        match self {
            Self::File(path) => add_to_file(path, note).map_err(|error| error.to_string()),
            Self::Http(uri) => {
                let mut headers = HeaderMap::new();
                let text = HeaderValue::from_static("text/plain; charset=utf-8");
                headers.insert(header::CONTENT_TYPE, text);
                let body = note.to_owned().into();
                let request = HttpRequest { method: Method::POST, uri: uri.clone(), headers, body };
                match http.send(request).await {
                    Ok(response) if response.status.is_success() => Ok(()),
                    Ok(response) => Err(format!("it answered {}", response.status.as_u16())),
                    Err(error) => Err(error.to_string()),
                }
            }
        }
    }
}

/// Adds a note to a file, durably, with an empty line behind it.
fn add_to_file(path: &Path, note: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(format!("{note}\n").as_bytes())?;
    file.sync_all()
}

/// An anchor, and what was put there last.
pub(super) struct Anchoring {
    anchor: Anchor,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// When this was last tried, in monotonic time.
    tried: Option<Duration>,
    figures: AnchorFigures,
}

/// What came of anchoring since the server started.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct AnchorFigures {
    /// The entries that the last anchored checkpoint stands for.
    pub entries: u64,
    /// When it was anchored; `None` if none was.
    pub last: Option<Timestamp>,
    /// Checkpoints that were anchored.
    pub succeeded: u64,
    /// Attempts that failed.
    pub failed: u64,
}

impl Anchoring {
    pub(super) const fn new(anchor: Anchor) -> Self {
        let figures = AnchorFigures { entries: 0, last: None, succeeded: 0, failed: 0 };
        Self { anchor, state: Mutex::new(State { tried: None, figures }) }
    }

    /// What came of it so far.
    pub(super) fn figures(&self) -> AnchorFigures {
        self.state().figures
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the head there if it is newer than what is there. A place that cannot be written is
    /// logged and tried again: the audit itself goes on.
    pub(super) async fn run(
        &self,
        store: &Store,
        http: &HttpClient,
        clock: &dyn Clock,
    ) -> Result<(), StorageError> {
        let State { tried, mut figures } = *self.state();
        let now = clock.monotonic();
        if tried.is_some_and(|tried| now.saturating_sub(tried) < EVERY) {
            return Ok(());
        }
        let head = coffer_audit::head(store).await?;
        let Some(Head { size: new, note, .. }) = head.filter(|head| head.size > figures.entries)
        else {
            return Ok(());
        };
        let put = self.anchor.put(&note, http).await;
        let anchor = self.anchor.to_string();
        match put {
            Ok(()) => {
                tracing::info!(anchor, size = new, "a checkpoint of the audit was anchored");
                figures.entries = new;
                figures.last = Some(clock.now());
                figures.succeeded = figures.succeeded.saturating_add(1);
            }
            Err(why) => {
                tracing::error!(anchor, why, "a checkpoint of the audit could not be anchored");
                figures.failed = figures.failed.saturating_add(1);
            }
        }
        *self.state() = State { tried: Some(now), figures };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_files_and_servers() {
        for text in ["file:/mnt/a", "file:a"] {
            assert_eq!(text.parse::<Anchor>().unwrap().to_string(), text);
        }
        let server: Anchor = "https://anchor.example/token".parse().unwrap();
        assert_eq!(server.to_string(), "anchor.example");
        for text in ["", "file:", "/mnt/a", "ftp://a.example", "http:///a"] {
            assert!(text.parse::<Anchor>().is_err(), "{text}");
        }
    }
}
