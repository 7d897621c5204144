//! The name of the server that writes entries.

use std::sync::OnceLock;

/// A process writes under one name, however many parts of it write.
static NAME: OnceLock<String> = OnceLock::new();

/// Names this process in the entries that it writes from now on. Only the first call counts.
pub fn name_server(name: impl FnOnce() -> String) {
    let _ = NAME.get_or_init(name);
}

/// The name of this process: `unnamed` until it has one.
pub(crate) fn server_name() -> &'static str {
    NAME.get().map_or("unnamed", String::as_str)
}
