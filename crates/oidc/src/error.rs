//! What goes wrong between this server and an identity provider. Nothing here repeats a code, a
//! token, a key, or what a provider said in words of its own.

use coffer_outbound::OutboundError;

/// Why nobody is let in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The provider did not answer.
    #[error("the identity provider's {what} cannot be fetched: {source}")]
    Unreachable {
        /// What was asked for.
        what: &'static str,
        /// What went wrong.
        source: OutboundError,
    },
    /// A moment ago it has not answered, or not as it should.
    #[error("the identity provider was asked a moment ago, and did not answer as it should")]
    Resting,
    /// It answered with another status than success. A redirect is one: none is followed.
    #[error("the identity provider answered {status} when asked for its {what}")]
    Status {
        /// What was asked for.
        what: &'static str,
        /// The status.
        status: u16,
    },
    /// It answered with something else than was asked for.
    #[error("the identity provider's {what} cannot be read: {why}")]
    Unreadable {
        /// What was asked for.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The provider refuses the exchange, with one of the codes of RFC 6749.
    #[error("the identity provider refused, with the code {0}")]
    Refused(String),
    /// What the provider says of the person is not to be believed.
    #[error("the identity provider's ID token is not accepted: {0}")]
    Token(#[from] TokenFault),
}

/// What is wrong with an ID token.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenFault {
    /// It is not three parts of Base64 with JSON in two of them.
    #[error("it has not the form of a signed token")]
    Form,
    /// It names another algorithm than RS256 and ES256, or none.
    #[error("it names another algorithm than RS256 and ES256")]
    Algorithm,
    /// Its header asks for something that is not known here.
    #[error("its header asks for an extension")]
    Critical,
    /// The provider has no key by that name for that algorithm.
    #[error("the provider has no such key for its algorithm")]
    Key,
    /// The signature is not the key's.
    #[error("its signature is wrong")]
    Signature,
    /// `iss` is another.
    #[error("it is of another issuer")]
    Issuer,
    /// `aud` or `azp` is another.
    #[error("it is for another client")]
    Audience,
    /// `exp` has passed, or is missing.
    #[error("it has expired, or the clocks differ by more than a minute")]
    Expired,
    /// `nbf` or `iat` lies ahead, or `iat` is missing.
    #[error("it is not valid yet, or the clocks differ by more than a minute")]
    Early,
    /// `iat` lies too far behind.
    #[error("it is too old")]
    Old,
    /// `nonce` is another.
    #[error("it is the answer to another sign-in")]
    Nonce,
    /// `sub` is missing, too long, or has other characters than those of ASCII that can be seen.
    #[error("it names no person")]
    Subject,
}
