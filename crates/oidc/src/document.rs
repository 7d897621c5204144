//! What a provider says of itself: OpenID Connect Discovery 1.0.

use crate::endpoint::Endpoint;
use crate::error::OidcError;
use crate::settings::Issuer;
use serde_json::Value;

const WHAT: &str = "document";

/// Where a provider's endpoints are, and how it wants to be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Document {
    pub(crate) authorization: Endpoint,
    pub(crate) token: Endpoint,
    pub(crate) keys: Endpoint,
    /// Whether the client's secret goes into the form, and not into a header.
    pub(crate) secret_in_form: bool,
    /// Whether every answer that a browser brings names its issuer (RFC 9207).
    pub(crate) answers_name_issuer: bool,
}

impl Document {
    /// Reads the document of `issuer`.
    ///
    /// # Errors
    /// [`OidcError::Unreadable`] if it is another issuer's, if an endpoint is missing or neither
    /// https nor of this machine, or if the provider knows its clients in another way.
    pub(crate) fn read(json: &Value, issuer: &Issuer) -> Result<Self, OidcError> {
        let wrong = |why| OidcError::Unreadable { what: WHAT, why };
        if text(json, "issuer") != Some(issuer.as_str()) {
            return Err(wrong("it is of another issuer than the one in the settings"));
        }
        let endpoint = |name, why| {
            let found = text(json, name).and_then(|text| Endpoint::parse(text).ok());
            found.ok_or_else(|| wrong(why))
        };
        let methods = json.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
        let takes = |word: &str| {
            methods.is_some_and(|all| all.iter().any(|method| method.as_str() == Some(word)))
        };
        let in_header = methods.is_none() || takes("client_secret_basic");
        if !in_header && !takes("client_secret_post") {
            return Err(wrong("it takes no client's secret, neither in a header nor in a form"));
        }
        Ok(Self {
            authorization: endpoint("authorization_endpoint", "no usable authorization_endpoint")?,
            token: endpoint("token_endpoint", "no usable token_endpoint")?,
            keys: endpoint("jwks_uri", "no usable jwks_uri")?,
            secret_in_form: !in_header,
            answers_name_issuer: json.get("authorization_response_iss_parameter_supported")
                == Some(&Value::Bool(true)),
        })
    }
}

fn text<'j>(json: &'j Value, name: &str) -> Option<&'j str> {
    json.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        json!({
            "issuer": "https://id.example",
            "authorization_endpoint": "https://id.example/authorize",
            "token_endpoint": "https://id.example/token",
            "jwks_uri": "https://keys.example/jwks",
        })
    }

    fn read(change: impl Fn(&mut Value)) -> Result<Document, OidcError> {
        let mut json = document();
        change(&mut json);
        Document::read(&json, &Issuer::parse("https://id.example").unwrap())
    }

    #[test]
    fn a_document_is_its_issuers_and_leads_over_tls() {
        let good = read(|_| {}).unwrap();
        assert!(!good.secret_in_form && !good.answers_name_issuer);
        let methods = "token_endpoint_auth_methods_supported";
        assert!(read(|json| json[methods] = json!(["client_secret_post"])).unwrap().secret_in_form);
        let both = json!(["client_secret_post", "client_secret_basic"]);
        assert!(!read(|json| json[methods] = both.clone()).unwrap().secret_in_form);
        assert!(read(|json| json[methods] = json!(["private_key_jwt"])).is_err());
        for issuer in [json!("https://id.example/"), json!("https://other.example"), json!(1)] {
            assert!(read(|json| json["issuer"] = issuer.clone()).is_err(), "{issuer}");
        }
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
            for bad in [json!(null), json!("http://id.example/x"), json!(["https://id.example"])] {
                assert!(read(|json| json[name] = bad.clone()).is_err(), "{name} {bad}");
            }
        }
    }
}
