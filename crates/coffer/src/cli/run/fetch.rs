//! The secrets of a scope, from the server or from the copy of what it said last.

use super::fetched::Fetched;
use super::offline::Copy;
use crate::cli::args::RunArgs;
use crate::cli::client::Client;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{duration, output};
use crate::config::{API_KEY, Config};
use serde_json::Value;
use std::sync::Arc;

/// How the secrets of one scope are had.
#[derive(Clone)]
pub struct Fetch {
    client: Arc<Client>,
    params: Vec<(&'static str, String)>,
    copy: Option<Arc<Copy>>,
    max_age: i64,
}

impl Fetch {
    /// Of the scope that the arguments name.
    ///
    /// # Errors
    /// If there is no key, or the server cannot be used with it.
    pub fn new(config: &Config, args: &RunArgs) -> Result<Self, Failure> {
        let account = args.scope.account.as_deref();
        let client = Client::new(config, &API_KEY)?.on_account(account).in_background();
        let copy = args.offline.then(|| Copy::of(&client, &args.scope)).transpose()?;
        let params = args.scope.params(None).into_iter();
        let params = params.map(|(name, value)| (name, value.to_owned())).collect();
        let copy = copy.map(Arc::new);
        Ok(Self { client: Arc::new(client), params, copy, max_age: args.max_age })
    }

    /// The secrets, the oldest first.
    ///
    /// # Errors
    /// If the server refuses; or if it cannot be reached, and no copy is young enough.
    pub fn get(&self) -> Result<Vec<Fetched>, Failure> {
        let failure = match self.ask() {
            Ok(secrets) => {
                if let Some(copy) = &self.copy {
                    copy.write(&secrets, duration::ago(0))?;
                }
                return Ok(secrets);
            }
            Err(failure) => failure,
        };
        let Some(copy) = &self.copy else { return Err(failure) };
        match failure.exit {
            Exit::Unavailable => {}
            Exit::Refused => {
                copy.remove();
                return Err(failure);
            }
            _ => return Err(failure),
        }
        let (secrets, age) = copy.read(duration::ago(0), self.max_age).map_err(|why| {
            Failure::new(Exit::Unavailable, format!("{}\nand {why}", failure.message))
        })?;
        let message = failure.message;
        output::note(&format!("coffer: {message}\ncoffer: the secrets are those of {age}"));
        Ok(secrets)
    }

    /// What the server says now.
    ///
    /// # Errors
    /// If it refuses, or does not answer.
    pub fn ask(&self) -> Result<Vec<Fetched>, Failure> {
        let mut params: Vec<_> =
            self.params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        params.push(("expand[]", "data.payload"));
        let list = self.client.list("/v1/apps/secrets", &params, None)?;
        let data = list.get("data").and_then(Value::as_array);
        let secrets = data.into_iter().flatten().rev().map(Fetched::of);
        secrets
            .collect::<Option<_>>()
            .ok_or_else(|| Failure::failed("the server's list has secrets without their values"))
    }
}
