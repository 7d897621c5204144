//! What the resource families are told of the configuration.

use super::{
    Config, DELETE_RETURNS_SECRET, RESERVE_DRAW, RESERVE_HOLD_FLOOR, RESERVE_STRICT,
    SECRETS_PER_SCOPE, Value,
};
use coffer::families::Settings;
use coffer_reserves::Consumption;

impl Config {
    /// The settings of the resource families.
    pub fn families(&self) -> Settings {
        Settings { secrets: self.secrets(), reserves: self.reserves() }
    }

    fn reserves(&self) -> coffer_reserves::Settings {
        let mut settings = coffer_reserves::Settings::default();
        if self.text(&RESERVE_DRAW) == "only_if_needed" {
            settings.consumption = Consumption::OnlyIfNeeded;
        }
        settings.strict = self.is_on(&RESERVE_STRICT);
        if let Some(Value::Number(number)) = self.value(&RESERVE_HOLD_FLOOR) {
            settings.hold_floor = i64::from(*number);
        }
        settings
    }

    fn secrets(&self) -> coffer_secrets::Settings {
        let mut settings = coffer_secrets::Settings::default();
        if let Some(Value::Number(number)) = self.value(&SECRETS_PER_SCOPE) {
            settings.secrets_per_scope = *number;
        }
        settings.delete_returns_secret = self.is_on(&DELETE_RETURNS_SECRET);
        settings
    }
}
