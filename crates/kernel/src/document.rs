//! Documents: what the server says of itself, to whoever asks, without a key.

use crate::definition::Access;
use crate::description::Description;
use crate::listener::ListenerRole;
use crate::routes::Routes;
use bytes::Bytes;
use std::sync::OnceLock;

/// A document, which is the same as long as the server runs.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    /// Its path.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Writes it, of the operations that the listener serves on which it is asked for.
    pub write: fn(&[Description]) -> String,
}

/// Pages that are part of the program, the same for whoever asks: the `Content-Type` and the bytes
/// of what is at a path, with the query of its URL.
pub type FindPage = fn(&str, Option<&str>) -> Option<(&'static str, Bytes)>;

/// The documents of a server. Each is written when it is first asked for.
pub(crate) struct Documents {
    all: &'static [Document],
    /// For each document, what the listeners of each role serve.
    written: Vec<[OnceLock<Bytes>; ROLES.len()]>,
}

const ROLES: [ListenerRole; 3] = [ListenerRole::All, ListenerRole::Api, ListenerRole::Admin];

impl Documents {
    pub(crate) fn new(all: &'static [Document]) -> Self {
        let written = all.iter().map(|_| Default::default()).collect();
        Self { all, written }
    }

    /// The document at `path`, if there is one.
    pub(crate) fn find(&self, path: &str) -> Option<usize> {
        self.all.iter().position(|document| document.path == path)
    }

    /// The document with this number: its `Content-Type` and its text.
    pub(crate) fn read(
        &self,
        number: usize,
        role: ListenerRole,
        routes: &Routes,
    ) -> Option<(&'static str, Bytes)> {
        let document = self.all.get(number)?;
        let at = ROLES.iter().position(|known| *known == role)?;
        let text = self.written.get(number)?.get(at)?.get_or_init(|| {
            let serves = |one: &Description| role.serves(access(one));
            let served: Vec<_> = routes.described().into_iter().filter(serves).collect();
            Bytes::from((document.write)(&served))
        });
        Some((document.content_type, text.clone()))
    }
}

const fn access(description: &Description) -> Access {
    description.definition.access
}
