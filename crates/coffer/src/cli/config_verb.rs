//! `coffer config`: checks the configuration, or shows each setting and its source.

use super::args::ConfigVerb;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::{setup, table};
use crate::config::{ADMIN_LISTEN, Config, INSECURE_HTTP, LISTEN};
use coffer::serve::ServeError;
use serde_json::{Value, json};

/// Checks or shows the configuration.
///
/// # Errors
/// If settings do not fit together, if the root key or the TLS files cannot be used, or if plain
/// HTTP would leave this machine.
pub fn run(config: &Config, verb: &ConfigVerb, output: Output) -> Result<Exit, Failure> {
    match verb {
        ConfigVerb::Check => {
            check(config)?;
            output.show(&json!({ "ok": true }), |_| "the configuration is good".to_owned())?;
        }
        ConfigVerb::Print => output.show(&settings(config), |settings| {
            let rows = settings.as_array().into_iter().flatten().map(|setting| {
                let text = |name| setting.get(name).and_then(Value::as_str).unwrap_or("-");
                ["name", "value", "source"].map(|name| table::plain(text(name))).to_vec()
            });
            table::columns(&["setting", "value", "source"], rows)
        })?,
    }
    Ok(Exit::Done)
}

fn check(config: &Config) -> Result<(), Failure> {
    config.root_source()?;
    config.database()?;
    config.traffic(None)?;
    let tls = setup::tls(config)?;
    setup::sign_in(config)?;
    if tls.is_some() || config.is_on(&INSECURE_HTTP) {
        return Ok(());
    }
    let addresses = [&LISTEN, &ADMIN_LISTEN].map(|setting| config.address(setting));
    match addresses.into_iter().flatten().find(|address| !address.is_local()) {
        Some(address) => Err(Failure::usage(ServeError::PlainHttp(address.clone()).to_string())),
        None => Ok(()),
    }
}

fn settings(config: &Config) -> Value {
    let settings = config.all().map(|(setting, chosen)| {
        json!({
            "name": setting.name,
            "value": chosen.map(|(value, _)| value.to_string()),
            "source": chosen.map(|(_, source)| source.to_string()),
        })
    });
    Value::Array(settings.collect())
}
