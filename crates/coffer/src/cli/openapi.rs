//! `coffer openapi`: the description of the API, without a server that runs.

use super::exit::{Exit, Failure};
use super::runtime::Runtime;
use super::{output, setup};
use crate::config::Config;
use coffer::assemble::{self, AssembleOptions, Callers};
use coffer::openapi;

/// Prints the description of all operations, those of developer mode too.
///
/// # Errors
/// If no installation can be put together in a temporary directory, whose operations these are.
pub fn run(config: &Config) -> Result<Exit, Failure> {
    let directory = tempfile::tempdir()
        .map_err(|error| Failure::failed(format!("no temporary directory can be made: {error}")))?;
    let options = || AssembleOptions {
        data_dir: directory.path().join("data"),
        ..setup::developer(config, &Callers::default())
    };
    let runtime = Runtime::new()?;
    let described = runtime.block_on(async {
        let initialized = assemble::init(&options()).await?;
        let installation = assemble::open_stores(options(), initialized.stores).await?;
        let described = installation.kernel.routes().described();
        installation.stores.close().await;
        Ok::<_, Failure>(described)
    })?;
    let document = serde_json::to_string_pretty(&openapi::document(&described));
    output::print(&document.map_err(|error| Failure::failed(error.to_string()))?)?;
    Ok(Exit::Done)
}
