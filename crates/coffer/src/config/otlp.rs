//! The variables of OpenTelemetry. They have names of their own, which all programs share, so they
//! are no settings: no flag and no key of the file stands for them.

use super::ConfigError;
use coffer::otlp::OtlpSettings;

/// What goes out by OTLP, and where.
///
/// # Errors
/// [`ConfigError`] if a variable cannot be what it is said to be.
pub fn otlp() -> Result<OtlpSettings, ConfigError> {
    OtlpSettings::of(|name| std::env::var(name).ok()).map_err(ConfigError)
}
