//! The variables of OpenTelemetry. They have names of their own, which all programs share, so they
//! are no settings: no flag and no key of the file stands for them.

use super::ConfigError;
use coffer::traces::TraceSettings;

/// Where traces go, if somebody wants them.
///
/// # Errors
/// [`ConfigError`] if a variable cannot be what it is said to be.
pub fn traces() -> Result<Option<TraceSettings>, ConfigError> {
    TraceSettings::of(|name| std::env::var(name).ok()).map_err(ConfigError)
}
