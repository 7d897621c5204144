//! A real server in the test's own process, with a clock that the test moves, and clients that
//! say who they are.
//!
//! Tests read as "who does what": `server.app().client().set("token", "value")`. Nothing here is
//! a mock: the server is assembled as the binary assembles it, listens on a real socket, and
//! keeps its data in a real file.

mod app;
pub mod catalogue;
mod client;
mod gate;
mod home;
mod jobs;
pub mod oidc;
mod otlp;
mod postgres;
mod process;
mod raw;
mod received;
pub mod root_server;
mod rows;
mod scrape;
mod server;
pub mod stripe;
mod template;

use std::time::Duration;

/// How long a test waits for something that must happen: on a machine that is busy with other work
/// everything takes many times longer, and only what hangs takes this long.
pub const PATIENCE: Duration = Duration::from_secs(300);

pub use app::App;
pub use client::{Answer, Client, Params, encode, insist};
pub use gate::Gate;
pub use home::home;
pub use otlp::{Export, OtlpReceiver};
pub use postgres::{Restored, SERVER, is_postgres};
pub use process::{Process, coffer_binary};
pub use raw::Raw;
pub use received::Received;
pub use scrape::Scrape;
pub use server::{Builder, START, TestServer};
