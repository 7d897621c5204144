//! `coffer init`: a new installation.

use super::args::InitArgs;
use super::client::{Client, Expected, Params};
use super::exit::{Exit, Failure};
use super::output::{self, Output};
use super::runtime::Runtime;
use super::{setup, snippet};
use crate::config::{self, Config, Source, Value as Given};
use coffer::assemble::{self, AssembleOptions, Database, Initialized, Installation};
use coffer::serve::{Address, ServeOptions, Server};
use coffer_base::shell;
use coffer_crypto::root::Kind;
use serde_json::{Map, Value, json};
use std::path::Path;
use zeroize::Zeroizing;

/// Initializes an installation, and makes an app in it if that is asked for.
///
/// # Errors
/// If there is one already, or if it cannot be made.
pub fn run(config: &Config, args: &InitArgs, output: Output) -> Result<Exit, Failure> {
    let runtime = Runtime::new()?;
    let (installation, admin_key, mut summary) = runtime.block_on(init(config))?;
    let app_added = match &args.app {
        Some(name) => add_app(&runtime, installation, admin_key, name, &mut summary),
        None => {
            runtime.block_on(installation.stores.close());
            Ok(())
        }
    };
    // The admin key is shown once, so it is shown even if the app could not be made.
    let instead = "make another admin key with `coffer admin-key create` and the same settings";
    output.show_once(&Value::Object(summary.clone()), table, instead)?;
    if !output.is_json() {
        output::note(&advice(config, &summary));
    }
    app_added.map(|()| Exit::Done)
}

/// What `coffer init` prints, by name.
type Summary = Map<String, Value>;

async fn init(config: &Config) -> Result<(Installation, Zeroizing<String>, Summary), Failure> {
    let options = setup::production(config)?;
    let initialized = assemble::init(&options).await?;
    let (_id, token) = setup::create_admin_key(&options, &initialized.stores).await?;
    let summary = summary(&options, &initialized, &token);
    let installation = assemble::open_stores(options, initialized.stores).await?;
    Ok((installation, token, summary))
}

fn summary(options: &AssembleOptions, initialized: &Initialized, admin_key: &str) -> Summary {
    let root = &initialized.root;
    // A key that was given is kept elsewhere.
    let root_key = (root.kind != Kind::Key || root.path.is_some()).then_some(&root.place);
    let mut summary = places(options);
    summary.insert("admin_key".to_owned(), json!(admin_key));
    summary.insert("root_key".to_owned(), json!(root_key));
    summary.insert("store".to_owned(), json!(initialized.store_id));
    summary
}

/// Where the data and the keys are.
fn places(options: &AssembleOptions) -> Summary {
    let shown = |path: &Path| json!(path.display().to_string());
    match (&options.database, &options.key_dir) {
        (Database::Postgres { data, keys }, _) => Summary::from_iter([
            ("database".to_owned(), json!(data.to_string())),
            ("key_database".to_owned(), json!(keys.to_string())),
        ]),
        (Database::Embedded, key_dir) => {
            let data_dir = ("data_dir".to_owned(), shown(&options.data_dir));
            let key_dir = key_dir.as_ref().map(|path| ("key_dir".to_owned(), shown(path)));
            std::iter::once(data_dir).chain(key_dir).collect()
        }
    }
}

/// Makes the account, the app and its keys through the API, as any administrator would: with a
/// server on a port of its own, which ends afterwards.
fn add_app(
    runtime: &Runtime,
    installation: Installation,
    admin_key: Zeroizing<String>,
    name: &str,
    summary: &mut Summary,
) -> Result<(), Failure> {
    let listen = Address::parse("127.0.0.1:0").map_err(Failure::failed)?;
    let options = ServeOptions { listen: Some(listen), ..ServeOptions::default() };
    let server = runtime.block_on(Server::start(installation, options));
    let server = server.map_err(|error| Failure::failed(error.to_string()))?;
    let address = server.address.as_ref().map(ToString::to_string).unwrap_or_default();
    let client = Client::local(&format!("http://{address}"), admin_key);
    let added = client.and_then(|client| create_app(&client, name, summary));
    runtime.block_on(server.stop());
    added
}

/// Each object that is made goes into the summary at once: its key cannot be shown again later.
fn create_app(client: &Client, name: &str, summary: &mut Summary) -> Result<(), Failure> {
    let create = |path: &str, params: Params<'_>, object, field: &str| {
        let object = client.post(path, params, Expected::object(object))?;
        let text = object.get(field).and_then(Value::as_str);
        let missing = || Failure::failed(format!("the answer to POST {path} has no {field}"));
        text.map(str::to_owned).ok_or_else(missing)
    };
    let account = create("/v1/admin/accounts", &[("name", name)], "account", "id")?;
    summary.insert("account".to_owned(), json!(account));
    let app = create("/v1/admin/apps", &[("account", &account), ("name", name)], "app", "id")?;
    summary.insert("app".to_owned(), json!(app));
    for mode in ["test", "live"] {
        let params = [("app", &*app), ("mode", mode)];
        let key = create("/v1/admin/api_keys", &params, "api_key", "key")?;
        summary.insert(format!("{mode}_key"), json!(key));
    }
    Ok(())
}

fn table(summary: &Value) -> String {
    let fields = || summary.as_object().into_iter().flatten();
    let width = fields().map(|(name, _)| name.len()).max().unwrap_or_default().max(10);
    let lines = fields().map(|(name, value)| {
        let value = value.as_str().unwrap_or("as given (COFFER_ROOT_KEY)");
        format!("{:<width$} {value}", name.replace('_', " "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn advice(config: &Config, summary: &Summary) -> String {
    let copy = if config.text(&config::ROOT) == "key" {
        "Copy the root key to another place: without it nobody can open the store, ever."
    } else {
        "Without its root of trust nobody can open the store, ever: make a file that can stand in \
         for\nit with `coffer keyring export`, and keep that in another place."
    };
    let mut advice = format!(
        "\nThe keys are shown only this once: keep them where you keep passwords.\n{copy}\n\n\
         Next:\n\n"
    );
    advice.push_str(&serve_line(config));
    if let (Some(key), Some(Address::Tcp(at))) =
        (summary.get("test_key").and_then(Value::as_str), config.address(&config::LISTEN))
    {
        advice.push_str(&format!("\n{}", snippet::curl(&format!("http://{at}"), key)));
    }
    advice
}

/// The command that serves what was made, as it can be pasted: with every setting that came from a
/// flag, and those that a shell may not pass on.
fn serve_line(config: &Config) -> String {
    let mut line = String::from("coffer serve");
    for setting in [
        &config::DATA_DIR,
        &config::KEY_DIR,
        &config::DATABASE,
        &config::KEY_DATABASE,
        &config::DATABASE_PASSWORD,
        &config::ROOT_KEY,
        &config::ROOT,
        &config::ROOT_SECRET,
        &config::ROOT_CA,
        &config::CONFIG,
    ] {
        let is_given = match (config.value(setting), config.source(setting)) {
            (Some(Given::Secret(_)), _) | (_, None | Some(Source::Default | Source::File(_))) => {
                false
            }
            // An address in the environment may have a password.
            (Some(Given::Database(_)), Some(Source::Environment(_))) => false,
            _ => true,
        };
        if let (true, Some(flag), Some(value)) = (is_given, setting.flag, config.value(setting)) {
            let value = value.to_string();
            line.push_str(&format!(" --{flag} {}", shell::word(&value)));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flags};

    #[test]
    fn a_store_is_said_to_be_where_it_is() {
        let names = |given: &[(&str, &str)]| {
            let pair = |(name, value): &(&str, &str)| {
                ((*name).to_owned(), Zeroizing::new((*value).to_owned()))
            };
            let environment: Environment = given.iter().map(pair).collect();
            let config = Config::load(&Flags::default(), &environment).unwrap();
            let places = places(&setup::production(&config).unwrap());
            places.keys().cloned().collect::<Vec<_>>()
        };
        let (data, keys) = ("postgres://u@h/d", "postgres://u@h/k");
        let databases = [("COFFER_DATABASE_URL", data), ("COFFER_KEY_DATABASE_URL", keys)];
        assert_eq!(names(&databases), ["database", "key_database"]);
        assert_eq!(names(&[("COFFER_KEY_DIR", "keys")]), ["data_dir", "key_dir"]);
        assert_eq!(names(&[]), ["data_dir"]);
    }
}
