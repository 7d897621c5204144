//! Examples that a developer pastes to try a server.

/// Sets a secret with an app's key: with curl, and with Stripe's SDKs for Python and Node.
pub fn all(base: &str, key: &str) -> String {
    format!("{}\n\n{}\n\n{}", curl(base, key), python(base, key), node(base, key))
}

/// Sets a secret with curl.
pub fn curl(base: &str, key: &str) -> String {
    format!(
        "curl {base}/v1/apps/secrets -u {key}: \\\n  -d name=greeting -d payload=hello -d \
         'scope[type]=account'"
    )
}

fn python(base: &str, key: &str) -> String {
    format!(
        r#"# Python: pip install stripe
import stripe
client = stripe.StripeClient("{key}", base_addresses={{"api": "{base}"}})
secret = client.v1.apps.secrets.create(
    {{"name": "greeting", "payload": "hello", "scope": {{"type": "account"}}}}
)
print(secret.id)"#
    )
}

fn node(base: &str, key: &str) -> String {
    let (protocol, rest) = base.split_once("://").unwrap_or(("http", base));
    let (host, port) = rest.rsplit_once(':').unwrap_or((rest, "4747"));
    format!(
        r#"// Node: npm install stripe
const stripe = require("stripe")("{key}", {{
  protocol: "{protocol}", host: "{host}", port: {port},
}});
stripe.apps.secrets
  .create({{ name: "greeting", payload: "hello", scope: {{ type: "account" }} }})
  .then((secret) => console.log(secret.id));"#
    )
}
