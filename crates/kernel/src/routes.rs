//! From a verb and a path to an operation. Read from top to bottom, the registrations of the
//! families are the API.

use crate::collection::{Collection, List, Retrieve};
use crate::definition::{Access, Definition, Method};
use crate::description::{Description, describe};
use crate::handler::{Handler, Read, Write};
use crate::metrics::ReadMetrics;
use crate::operation::{ReadOperation, SealingOperation, Unsealed, WriteOperation};
use std::collections::HashMap;
use std::sync::Arc;

/// The operation that a request is for.
pub(crate) struct Route {
    pub(crate) handler: Arc<dyn Handler>,
    /// Its place among all operations, by which it is counted.
    pub(crate) number: usize,
    /// What stands in the path's open segments.
    pub(crate) open: Vec<String>,
}

impl Route {
    /// Whether the operation decides itself about the account that the request names.
    pub(crate) fn is_of_any_account(&self) -> bool {
        self.handler.definition().any_account
    }
}

/// The operations that the server answers.
#[derive(Default)]
pub struct Routes {
    /// All operations, in the order of registration.
    handlers: Vec<Arc<dyn Handler>>,
    /// Paths without open segments: most requests need one look.
    literal: HashMap<(Method, &'static str), usize>,
    /// Paths with open segments, split at the slashes; tried one by one.
    open: Vec<(Method, Vec<&'static str>, usize)>,
}

impl Routes {
    /// Adds an operation that changes something.
    pub fn write<O: WriteOperation>(&mut self, operation: O) -> &mut Self {
        self.seal(Unsealed(operation))
    }

    /// Adds an operation that seals values and then changes something.
    pub fn seal<O: SealingOperation>(&mut self, operation: O) -> &mut Self {
        self.add(&O::DEFINITION, Arc::new(Write(Arc::new(operation))))
    }

    /// Adds an operation that only reads.
    pub fn read<O: ReadOperation>(&mut self, operation: O) -> &mut Self {
        self.add(&O::DEFINITION, Arc::new(Read(Arc::new(operation))))
    }

    /// Adds the two operations that list a collection and read one object of it.
    pub fn collection<C: Collection + Clone>(&mut self, collection: C) -> &mut Self {
        self.read(List(collection.clone())).read(Retrieve(collection))
    }

    /// Adds the operation that shows all figures.
    pub(crate) fn metrics(&mut self) -> &mut Self {
        self.add(&ReadMetrics::DEFINITION, Arc::new(ReadMetrics))
    }

    /// Adds all operations of `more`, behind those that are there.
    pub fn append(&mut self, more: Self) -> &mut Self {
        for handler in more.handlers {
            let definition = *handler.definition();
            self.add(&definition, handler);
        }
        self
    }

    fn add(&mut self, definition: &Definition, handler: Arc<dyn Handler>) -> &mut Self {
        let (method, path) = (definition.method, definition.path);
        let at = self.handlers.len();
        self.handlers.push(handler);
        if path.contains(':') {
            self.open.push((method, path.split('/').collect(), at));
        } else {
            self.literal.insert((method, path), at);
        }
        self
    }

    /// All operations, in the order in which they were added.
    pub fn all(&self) -> impl Iterator<Item = &Definition> {
        self.handlers.iter().map(|handler| handler.definition())
    }

    /// What each of them accepts, in the same order. It takes some milliseconds.
    pub fn described(&self) -> Vec<Description> {
        self.handlers.iter().map(|handler| describe(&**handler)).collect()
    }

    /// The operation with this number.
    pub(crate) fn definition(&self, number: usize) -> Option<&Definition> {
        Some(self.handlers.get(number)?.definition())
    }

    /// The path of the operation with this number.
    pub(crate) fn template(&self, number: usize) -> Option<&'static str> {
        Some(self.definition(number)?.path)
    }

    /// The permissions that restricted keys can hold: what the operations ask for, and for each
    /// `_write` its `_read`.
    pub fn permissions(&self) -> Vec<String> {
        let mut all = Vec::new();
        for definition in self.all() {
            if let Access::Tenant { permission } = definition.access
                && !all.iter().any(|known| known == permission)
            {
                all.push(permission.to_owned());
            }
        }
        all
    }

    /// The operation for a request.
    pub(crate) fn find(&self, method: Method, path: &str) -> Option<Route> {
        let (number, open) = match self.literal.get_key_value(&(method, path)) {
            Some((_, number)) => (*number, Vec::new()),
            None => self.find_open(method, path)?,
        };
        Some(Route { handler: Arc::clone(self.handlers.get(number)?), number, open })
    }

    fn find_open(&self, method: Method, path: &str) -> Option<(usize, Vec<String>)> {
        let mut candidates = self.open.iter().filter(|(verb, _, _)| *verb == method);
        candidates.find_map(|(_, pattern, number)| Some((*number, matched(pattern, path)?)))
    }
}

/// The open segments of `path` if it fits `pattern`. An empty segment fits nothing.
fn matched(pattern: &[&str], path: &str) -> Option<Vec<String>> {
    let mut open = Vec::new();
    let mut segments = path.split('/');
    for expected in pattern {
        let segment = segments.next()?;
        if expected.starts_with(':') {
            if segment.is_empty() {
                return None;
            }
            open.push(segment.to_owned());
        } else if *expected != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_segments_are_taken_out() {
        let pattern: Vec<_> = "/v1/admin/apps/:id".split('/').collect();
        assert_eq!(matched(&pattern, "/v1/admin/apps/app_1"), Some(vec!["app_1".into()]));
        for other in ["/v1/admin/apps", "/v1/admin/apps/", "/v1/admin/apps/a/b", "/v1/x/apps/a"] {
            assert_eq!(matched(&pattern, other), None, "{other}");
        }
    }
}
