//! The ceiling for reads: axum as its own documentation shows it, answering a fixed document to
//! the very request that Coffer gets for a find.

use crate::args::{Args, Result};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

/// What every answer holds; the load generator looks for it.
pub const MARK: &str = "the same for everybody";

/// Bytes of the fixed document: about what Coffer answers to a find with a payload.
pub const BODY_BYTES: usize = 300;

/// The fixed document.
fn body() -> String {
    let mut body = format!("{{\n  \"payload\": \"{MARK}\",\n  \"filler\": \"");
    let end = "\"\n}";
    body.push_str(&"x".repeat(BODY_BYTES - body.len() - end.len()));
    body.push_str(end);
    body
}

/// Serves until it is ended.
pub fn main(args: &Args) -> Result<()> {
    let port: u16 = args.required("port")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    runtime.block_on(serve(port))
}

async fn serve(port: u16) -> Result<()> {
    let body: &'static str = Box::leak(body().into_boxed_str());
    let answer = move || async move { ([(CONTENT_TYPE, "application/json")], body) };
    let routes = Router::new().route("/v1/apps/secrets/find", get(answer));
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| format!("cannot listen on port {port}: {error}"))?
        .tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, routes).await.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_json_of_the_promised_size() {
        let value: serde_json::Value = serde_json::from_str(&body()).unwrap();
        assert_eq!(value["payload"], MARK);
        assert_eq!(body().len(), BODY_BYTES);
    }
}
