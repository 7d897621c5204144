//! The headers of requests.

use super::DEVELOPERS;
use coffer_kernel::{Definition, Description, Method, SIMULATED_FAULTS};
use serde_json::{Value, json};

/// Headers by which a change depends on what is there, as they are described.
const CONDITIONS: [&str; 2] = ["Coffer-If-Version", "Coffer-Lease"];

/// The header by which developer mode is asked for a fault.
const SIMULATE: &str = "Coffer-Simulate";

/// The names of the headers that an operation reads; `developer` says whether the server is one
/// that simulates faults.
pub(super) fn names(definition: &Definition, developer: bool) -> Vec<&'static str> {
    let mut all = vec!["Stripe-Version"];
    if !definition.access.is_admin() {
        all.extend(["Stripe-Account", "Stripe-Context"]);
    }
    if definition.method == Method::Post {
        all.push("Idempotency-Key");
    }
    let depends =
        |name: &&str| definition.conditions.iter().any(|known| known.eq_ignore_ascii_case(name));
    all.extend(CONDITIONS.into_iter().filter(depends));
    if developer {
        all.push(SIMULATE);
    }
    all
}

/// Whether these are the operations of a server in developer mode.
pub(super) fn is_developers(all: &[Description]) -> bool {
    all.iter().any(|one| one.definition.path.starts_with(DEVELOPERS))
}

/// Each of them once, for references to it.
pub(super) fn described(developer: bool) -> Value {
    let header = |name: &str, most: usize, about: &str| {
        json!({"name": name, "in": "header", "required": false, "description": about,
            "schema": {"type": "string", "minLength": 1, "maxLength": most}})
    };
    let mut all = json!({
        "Stripe-Version": header("Stripe-Version", 64, "The version of the API, by its date."),
        "Stripe-Account": header("Stripe-Account", 255,
            "The account that the request is for; without it, the key's own."),
        "Stripe-Context": header("Stripe-Context", 255,
            "The same as Stripe-Account, as newer clients send it. If both are there, they name \
             the same account."),
        "Idempotency-Key": header("Idempotency-Key",
            coffer_base::limit::IDEMPOTENCY_KEY_CHARACTERS,
            "The caller's name for the request: with it, a repetition has no second effect."),
        "Coffer-If-Version": header("Coffer-If-Version", 255,
            "The version that the object must have, as the header Coffer-Version of an earlier \
             answer said it; if it has another one, nothing is changed and the answer is a 409."),
        "Coffer-Lease": header("Coffer-Lease", 255,
            "The token of the lease that must be in force; if it is not, nothing is changed and \
             the answer is a 409."),
    });
    if let (true, Value::Object(headers)) = (developer, &mut all) {
        let simulate = json!({"name": SIMULATE, "in": "header", "required": false,
            "description": "The fault that this request shall meet; the same request again goes \
                            through. Other servers than those in developer mode refuse it.",
            "schema": {"type": "string", "enum": SIMULATED_FAULTS}});
        headers.insert(SIMULATE.to_owned(), simulate);
    }
    all
}
