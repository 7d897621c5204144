//! A provider's public keys: RFC 7517.

use crate::error::OidcError;
use crate::limits;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coffer_crypto::ForeignKey;
use serde_json::Value;

const WHAT: &str = "keys";

/// How an ID token can be signed here. What a token says of it is only asked after, and never
/// followed: the key decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Algorithm {
    Rs256,
    Es256,
}

impl Algorithm {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }
}

/// The keys that sign ID tokens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Keys(Vec<Key>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: ForeignKey,
}

impl Keys {
    /// Reads the provider's keys. Those of other kinds, and for other purposes, are passed over.
    ///
    /// # Errors
    /// [`OidcError::Unreadable`] if there is no list, or more keys than anybody has.
    pub(crate) fn read(json: &Value) -> Result<Self, OidcError> {
        let wrong = |why| OidcError::Unreadable { what: WHAT, why };
        let list = json.get("keys").and_then(Value::as_array);
        let list = list.ok_or_else(|| wrong("there is no list of keys"))?;
        if list.len() > limits::KEYS {
            return Err(wrong("there are too many keys"));
        }
        Ok(Self(list.iter().filter_map(key).collect()))
    }

    /// The key by this name for an algorithm. A token that names none can have the only key that
    /// there is for its algorithm.
    pub(crate) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&ForeignKey> {
        let mut of_algorithm = self.0.iter().filter(|key| key.algorithm == algorithm);
        match id {
            Some(id) => of_algorithm.find(|key| key.id.as_deref() == Some(id)).map(|key| &key.key),
            None => of_algorithm.next().filter(|_| of_algorithm.next().is_none()).map(|k| &k.key),
        }
    }
}

fn key(json: &Value) -> Option<Key> {
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    if text("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let (algorithm, key) = match (text("kty")?, text("crv")) {
        ("RSA", _) => (Algorithm::Rs256, ForeignKey::rsa(&bytes("n")?, &bytes("e")?)?),
        ("EC", Some("P-256")) => (Algorithm::Es256, ForeignKey::p256(&bytes("x")?, &bytes("y")?)?),
        _ => return None,
    };
    let is_for_another = text("alg").is_some_and(|word| Algorithm::parse(word) != Some(algorithm));
    (!is_for_another).then(|| Key { id: text("kid").map(str::to_owned), algorithm, key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ec(kid: &str) -> Value {
        let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
        let y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
        json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid})
    }

    fn keys(list: Value) -> Keys {
        Keys::read(&json!({ "keys": list })).unwrap()
    }

    #[test]
    fn a_key_is_found_by_its_name_and_its_algorithm() {
        let two = keys(json!([ec("a"), ec("b"), {"kty": "oct", "k": "AAAA", "kid": "c"}]));
        assert!(two.find(Some("a"), Algorithm::Es256).is_some());
        for id in [Some("c"), Some("d"), Some(""), None] {
            assert!(two.find(id, Algorithm::Es256).is_none(), "{id:?}");
        }
        assert!(two.find(Some("a"), Algorithm::Rs256).is_none());
        assert!(keys(json!([ec("a")])).find(None, Algorithm::Es256).is_some());
    }

    #[test]
    fn keys_for_something_else_are_none() {
        for (name, value) in [
            ("use", "enc"),
            ("alg", "RS256"),
            ("alg", "ECDH-ES"),
            ("crv", "P-384"),
            ("kty", "OKP"),
            ("x", "AAAA"),
            ("y", "not base64!"),
        ] {
            let mut key = ec("a");
            key[name] = json!(value);
            assert_eq!(keys(json!([key])), Keys(Vec::new()), "{name}={value}");
        }
        let many: Vec<_> = (0..=limits::KEYS).map(|_| ec("a")).collect();
        for bad in [json!({}), json!({"keys": {}}), json!({ "keys": many }), json!([])] {
            assert!(Keys::read(&bad).is_err());
        }
    }
}
