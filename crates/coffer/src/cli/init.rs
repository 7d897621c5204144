//! `coffer init`: a new installation.

use super::args::Init;
use super::client::Client;
use super::exit::{Exit, Failure};
use super::output::{self, Output};
use super::{install, snippet};
use crate::config::Config;
use coffer::assemble::{self, Initialized};
use coffer::serve::{Address, ServeOptions, Server};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// Founds an installation.
///
/// # Errors
/// If there is one already, or it cannot be made.
pub fn run(config: &Config, wanted: &Init, output: Output) -> Result<Exit, Failure> {
    let options =
        || -> Result<_, Failure> { install::options(config, config.root_source()?, false) };
    let runtime = install::runtime()?;
    let (mut made, installation) = runtime.block_on(async {
        let initialized = assemble::init(&options()?).await?;
        let (made, key) = first(config, &initialized).await?;
        let installation = assemble::open_stores(options()?, initialized.stores).await?;
        Ok::<_, Failure>((made, (installation, key)))
    })?;
    let (installation, key) = installation;
    let with_app = match &wanted.app {
        None => {
            runtime.block_on(installation.stores.close());
            Ok(())
        }
        Some(name) => add_app(&runtime, installation, key, name, &mut made),
    };
    // The admin key is shown once, so it is shown even if the app could not be made.
    output.show(&made, table)?;
    if !output.is_json() {
        output::note(&advice(config, &made));
    }
    with_app.map(|()| Exit::Done)
}

async fn first(
    config: &Config,
    initialized: &Initialized,
) -> Result<(Value, Zeroizing<String>), Failure> {
    let (_id, token) = install::new_admin_key(&initialized.stores.data).await?;
    let root_key = initialized.root_path.as_ref().map(|path| path.display().to_string());
    let made = json!({
        "admin_key": *token,
        "data_dir": config.data_dir().display().to_string(),
        "root_key": root_key,
        "store": initialized.store_id,
    });
    Ok((made, token))
}

/// Makes the account, the app and its keys as anybody would: through the API, which a server
/// that only this process knows offers for a moment.
fn add_app(
    runtime: &tokio::runtime::Runtime,
    installation: assemble::Installation,
    admin: Zeroizing<String>,
    name: &str,
    made: &mut Value,
) -> Result<(), Failure> {
    let listen = Address::parse("127.0.0.1:0").map_err(Failure::failed)?;
    let options = ServeOptions { listen: Some(listen), ..ServeOptions::default() };
    let server = runtime.block_on(Server::start(installation, options));
    let server = server.map_err(|error| Failure::failed(error.to_string()))?;
    let address = server.address.as_ref().map(ToString::to_string).unwrap_or_default();
    let client = Client::local(format!("http://{address}"), admin);
    let added = call_api(&client, name, made);
    runtime.block_on(server.stop());
    added
}

fn call_api(client: &Client, name: &str, made: &mut Value) -> Result<(), Failure> {
    let text = |object: &Value, field: &str| {
        object.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut keep = |field: &str, value: &str| {
        if let Some(made) = made.as_object_mut() {
            made.insert(field.to_owned(), value.into());
        }
    };
    let account = text(&client.post("/v1/admin/accounts", &[("name", name)])?, "id");
    keep("account", &account);
    let params = [("account", account.as_str()), ("name", name)];
    let app = text(&client.post("/v1/admin/apps", &params)?, "id");
    keep("app", &app);
    for mode in ["test", "live"] {
        let params = [("app", app.as_str()), ("mode", mode)];
        let key = text(&client.post("/v1/admin/api_keys", &params)?, "key");
        keep(&format!("{mode}_key"), &key);
    }
    Ok(())
}

fn table(made: &Value) -> String {
    let fields = made.as_object().into_iter().flatten();
    let lines = fields.map(|(name, value)| {
        let value = value.as_str().unwrap_or("as given (COFFER_ROOT_KEY)");
        format!("{:<10} {value}", name.replace('_', " "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn advice(config: &Config, made: &Value) -> String {
    let mut advice = String::from(
        "\nThe keys are shown only this once: keep them where you keep passwords.\n\
         Copy the root key to another place: without it nobody can open the store, ever.\n\n\
         Next:\n\n",
    );
    let default = crate::config::DATA_DIR.default.unwrap_or_default();
    let data_dir = config.data_dir().display().to_string();
    let flag = if data_dir == default { String::new() } else { format!(" --data-dir {data_dir}") };
    advice.push_str(&format!("coffer serve{flag}"));
    if let Some(key) = made.get("test_key").and_then(Value::as_str) {
        let base = "http://127.0.0.1:4747";
        advice.push_str(&format!("\n{}", snippet::curl(base, key)));
    }
    advice
}
