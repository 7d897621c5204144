//! The program's own directories.

use std::path::PathBuf;

/// The program's configuration directory: `$XDG_CONFIG_HOME/coffer` if that is set, else
/// `/etc/coffer` for root, else `~/.config/coffer`.
pub fn config_home() -> PathBuf {
    let directory = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    if let Some(home) = directory("XDG_CONFIG_HOME") {
        return home.join("coffer");
    }
    match directory("HOME") {
        Some(home) if !rustix::process::geteuid().is_root() => home.join(".config/coffer"),
        _ => PathBuf::from("/etc/coffer"),
    }
}
