//! Where the audit is sent.

use super::{Config, ConfigError, Kind, SETTING, Setting};
use coffer::limits::RECEIVERS;
use coffer::ship::Receiver;

/// Where checkpoints of the audit go.
pub const AUDIT_ANCHOR: Setting = Setting {
    name: "audit_anchor",
    env: "COFFER_AUDIT_ANCHOR",
    flag: Some("audit-anchor"),
    kind: Kind::Anchor,
    about: "where signed checkpoints of the audit go every minute: file:PATH on another disk, or \
            http(s)://… of another server",
    ..SETTING
};

/// Who receives the audit.
pub const AUDIT_SHIP: Setting = Setting {
    name: "audit_ship",
    env: "COFFER_AUDIT_SHIP",
    flag: Some("audit-ship"),
    kind: Kind::Text,
    about: "receivers of the audit, at most 4, separated by commas: file:PATH, \
            syslog+udp://HOST:PORT, syslog+tcp://HOST:PORT, syslog+unix:PATH, https://URL",
    ..SETTING
};

/// What lets the server in there.
pub const AUDIT_SHIP_TOKEN: Setting = Setting {
    name: "audit_ship_token",
    env: "COFFER_AUDIT_SHIP_TOKEN",
    flag: Some("audit-ship-token"),
    kind: Kind::Secret,
    about: "token that is sent as Authorization: Bearer to receivers of the audit over HTTP",
    ..SETTING
};

impl Config {
    /// Who receives the audit.
    ///
    /// # Errors
    /// [`ConfigError`] if one is written in a way that is not understood, comes twice, or there are
    /// too many.
    pub fn audit_receivers(&self) -> Result<Vec<Receiver>, ConfigError> {
        let source = self.source(&AUDIT_SHIP).map(ToString::to_string).unwrap_or_default();
        let wrong = |why: String| ConfigError(format!("audit_ship ({source}): {why}"));
        let mut receivers: Vec<Receiver> = Vec::new();
        let named = self.text(&AUDIT_SHIP).split(',').map(str::trim);
        for text in named.filter(|one| !one.is_empty()) {
            let receiver = Receiver::parse(text).map_err(wrong)?;
            if receivers.contains(&receiver) {
                return Err(wrong(format!("'{receiver}' is named twice")));
            }
            receivers.push(receiver);
        }
        if receivers.len() > RECEIVERS {
            return Err(wrong(format!("at most {RECEIVERS} can be named")));
        }
        Ok(receivers)
    }
}
