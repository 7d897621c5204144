//! Keeps a secret of the account's scope, and reads it back.
//!
//! ```sh
//! coffer dev -- cargo run --manifest-path examples/rust/Cargo.toml
//! ```

use std::env;
use stripe::ClientBuilder;
use stripe_connect::apps_secret::{
    CreateAppsSecret, CreateAppsSecretScope, CreateAppsSecretScopeType, FindAppsSecret,
    FindAppsSecretScope, FindAppsSecretScopeType,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (key, base) = (env::var("STRIPE_API_KEY")?, env::var("STRIPE_API_BASE")?);
    let client = ClientBuilder::new(key).url(base).build()?;
    let scope = CreateAppsSecretScope::new(CreateAppsSecretScopeType::Account);
    let secret = CreateAppsSecret::new("oauth", "xoxb-1", scope).send(&client).await?;
    println!("{}", secret.name);
    let scope = FindAppsSecretScope::new(FindAppsSecretScopeType::Account);
    let find = FindAppsSecret::new("oauth", scope).expand([String::from("payload")]);
    println!("{}", find.send(&client).await?.payload.unwrap_or_default());
    Ok(())
}
