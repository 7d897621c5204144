//! What needs no key, and is no operation.

use serde_json::{Map, Value, json};

/// Adds the health checks and the documents.
pub(super) fn add(paths: &mut Map<String, Value>) {
    let text = |about: &str| json!({"description": about, "content": {"text/plain": {}}});
    let healthy = json!({"200": text("The process answers.")});
    let ready = json!({
        "200": text("It can serve."),
        "503": text("It cannot read or write a store, doubts its clock or has no keys; the body \
                     says which."),
    });
    let document =
        |kind: &str| json!({"200": {"description": "This description.", "content": {kind: {}}}});
    for (path, name, about, responses) in [
        ("/livez", "livez", "Whether the process answers", healthy),
        ("/readyz", "readyz", "Whether it can serve", ready),
        ("/openapi.json", "openapi", "This description", document("application/json")),
        ("/docs/api", "docs.api", "This description as a page", document("text/html")),
    ] {
        let get = json!({
            "operationId": name,
            "tags": [super::SERVER],
            "summary": about,
            "description": "On every listener, without a key.",
            "security": [],
            "x-coffer-origin": "extension",
            "responses": responses,
        });
        paths.insert(path.to_owned(), json!({"get": get}));
    }
}
