//! A client of OpenID Connect: who has signed in at an identity provider.
//!
//! The authorization code flow alone, with a secret, PKCE, a state and a nonce. What a provider is
//! asked for is bounded in bytes and in time, goes over TLS (or stays on this machine), and follows
//! no redirect. Of what it answers nothing is believed but an ID token that one of its keys has
//! signed. This crate keeps no session and knows no roles; no code and no token is in an error or
//! in any `Debug` output.

mod claims;
mod document;
mod endpoint;
mod error;
mod keys;
pub mod limits;
mod provider;
mod settings;
mod token;

pub use claims::Claims;
pub use endpoint::Endpoint;
pub use error::{OidcError, TokenFault};
pub use provider::{Attempt, Begun, Provider, ProviderOptions};
pub use settings::{Issuer, ProviderSettings};
