//! The settings that families declare, as settings of the program.

use super::{Config, Kind, PREFIX, SETTING, Setting};
use coffer::families;
use coffer_kernel::{SettingKind, Settings};
use std::sync::OnceLock;

/// All that the families declare, in their order. Names of variables and flags are made once and
/// live as long as the program, as those of its own settings do.
pub fn declared_by_families() -> &'static [Setting] {
    static DECLARED: OnceLock<Vec<Setting>> = OnceLock::new();
    DECLARED.get_or_init(|| families::settings().map(of_program).collect())
}

fn of_program(setting: &coffer_kernel::Setting) -> Setting {
    let env = format!("{PREFIX}{}", setting.name.to_ascii_uppercase());
    let flag = setting.name.replace('_', "-");
    Setting {
        name: setting.name,
        env: String::leak(env),
        flag: Some(String::leak(flag)),
        default: Some(setting.default).filter(|text| !text.is_empty()),
        kind: match setting.kind {
            SettingKind::Switch => Kind::Switch,
            SettingKind::Number { from, to } => Kind::Number { from, to },
            SettingKind::Choice(words) => Kind::Choice(words),
            SettingKind::Text(_) => Kind::Declared(setting.kind),
        },
        about: setting.about,
        ..SETTING
    }
}

impl Config {
    /// What was chosen for the families.
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        for declared in families::settings() {
            let chosen = self.all().find(|(setting, _)| setting.name == declared.name);
            if let Some((_, Some((value, _)))) = chosen {
                // It was checked when the configuration was read.
                let _ = settings.set(declared, &value.to_string());
            }
        }
        settings
    }
}
