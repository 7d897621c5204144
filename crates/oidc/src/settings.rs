//! What an operator says of an identity provider.

use crate::endpoint::Endpoint;
use coffer_base::Redacted;

/// An identity provider, and this server as its client.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// The provider's issuer, letter by letter as it calls itself.
    pub issuer: Issuer,
    /// What this server is called there.
    pub client_id: String,
    /// The secret by which the provider knows it.
    pub client_secret: Redacted<String>,
    /// Where people come back to, as it is registered with the provider.
    pub return_to: Endpoint,
    /// What is asked for, separated by blanks; `openid` is among it.
    pub scopes: String,
}

/// The issuer of tokens: an address without a query.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issuer(String);

impl Issuer {
    /// Parses an issuer.
    ///
    /// # Errors
    /// A sentence for whoever wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let endpoint = Endpoint::parse(text)?;
        if endpoint.as_str().contains('?') {
            return Err(format!("'{text}' has a query, which no issuer has"));
        }
        Ok(Self(text.to_owned()))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where its document is (OpenID Connect Discovery 1.0, section 4).
    pub(crate) fn document(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.0.trim_end_matches('/'))
    }
}
