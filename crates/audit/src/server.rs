//! The name of the server that writes entries.

use crate::limits;
use std::sync::OnceLock;

/// A process writes under one name, however many parts of it write.
static NAME: OnceLock<String> = OnceLock::new();

/// The name of this process: that of its machine, and its number there.
pub(crate) fn server_name() -> &'static str {
    NAME.get_or_init(|| {
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let letters = machine.trim().chars().filter(|letter| letter.is_ascii_graphic());
        let machine: String = letters.take(limits::MACHINE_CHARACTERS).collect();
        format!("{machine}:{}", std::process::id())
    })
}
