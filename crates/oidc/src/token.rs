//! ID tokens: what stands in one, and whether it is believed (OpenID Connect Core 1.0, section
//! 3.1.3.7).

use crate::claims::Claims;
use crate::error::TokenFault;
use crate::keys::{Algorithm, Keys};
use crate::limits;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coffer_base::Timestamp;
use serde_json::Value;

/// A token that was taken apart, and not believed yet.
pub(crate) struct Signed<'t> {
    algorithm: Algorithm,
    key: Option<String>,
    /// What the signature is of.
    message: &'t str,
    claims: Value,
    signature: Vec<u8>,
}

/// Whom a token must be from, for and in answer to.
pub(crate) struct Expected<'e> {
    pub(crate) issuer: &'e str,
    pub(crate) client: &'e str,
    pub(crate) nonce: &'e str,
    pub(crate) now: Timestamp,
}

impl<'t> Signed<'t> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// If it has not the form of one, names another algorithm than the two that there are, or wants
    /// something that is not known here.
    pub(crate) fn parse(token: &'t str) -> Result<Self, TokenFault> {
        if token.len() > limits::TOKEN_CHARACTERS {
            return Err(TokenFault::Form);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenFault::Form)?;
        let (header, claims) = message.split_once('.').ok_or(TokenFault::Form)?;
        let (header, claims) = (object(header)?, object(claims)?);
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::parse);
        let algorithm = algorithm.ok_or(TokenFault::Algorithm)?;
        if header.get("crit").is_some() {
            return Err(TokenFault::Critical);
        }
        let key = match header.get("kid") {
            None => None,
            Some(id) => Some(id.as_str().ok_or(TokenFault::Form)?.to_owned()),
        };
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenFault::Form)?;
        Ok(Self { algorithm, key, message, claims, signature })
    }

    /// Whether one of the keys is the token's.
    pub(crate) fn has_key_in(&self, keys: &Keys) -> bool {
        keys.find(self.key.as_deref(), self.algorithm).is_some()
    }

    /// What the token says, if it is signed by one of the keys and is what was asked for.
    ///
    /// # Errors
    /// [`TokenFault`]; the signature comes first.
    pub(crate) fn verify(self, keys: &Keys, expected: &Expected<'_>) -> Result<Claims, TokenFault> {
        let key = keys.find(self.key.as_deref(), self.algorithm).ok_or(TokenFault::Key)?;
        if !key.verifies(self.message.as_bytes(), &self.signature) {
            return Err(TokenFault::Signature);
        }
        check(&self.claims, expected)?;
        Claims::of(self.claims).ok_or(TokenFault::Subject)
    }
}

fn object(part: &str) -> Result<Value, TokenFault> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::Form)?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| TokenFault::Form)?;
    value.is_object().then_some(value).ok_or(TokenFault::Form)
}

/// Whether the claims are of the issuer, for the client, in time, and in answer to the sign-in.
fn check(claims: &Value, expected: &Expected<'_>) -> Result<(), TokenFault> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(TokenFault::Issuer);
    }
    if !is_for(claims, expected.client) {
        return Err(TokenFault::Audience);
    }
    let now = expected.now.unix();
    let before = now.saturating_sub(limits::LEEWAY_SECONDS);
    let behind = now.saturating_add(limits::LEEWAY_SECONDS);
    if time(claims, "exp").is_none_or(|at| at <= before) {
        return Err(TokenFault::Expired);
    }
    let made = time(claims, "iat").ok_or(TokenFault::Early)?;
    let is_from = match claims.get("nbf") {
        None => true,
        Some(_) => time(claims, "nbf").is_some_and(|at| at <= behind),
    };
    if made > behind || !is_from {
        return Err(TokenFault::Early);
    }
    if made < before.saturating_sub(limits::TOKEN_AGE_SECONDS) {
        return Err(TokenFault::Old);
    }
    if text("nonce") != Some(expected.nonce) {
        return Err(TokenFault::Nonce);
    }
    Ok(())
}

/// Whether the token is for the client: for it alone, or for several, of which it is the one that
/// asked.
fn is_for(claims: &Value, client: &str) -> bool {
    let asked = claims.get("azp");
    let is_asker = asked.and_then(Value::as_str) == Some(client);
    let is_alone = match claims.get("aud") {
        Some(Value::String(one)) => one == client,
        Some(Value::Array(all)) => {
            let is_among = all.iter().any(|one| one.as_str() == Some(client));
            is_among && (all.len() == 1 || is_asker)
        }
        _ => false,
    };
    is_alone && (asked.is_none() || is_asker)
}

/// A time in seconds, of which providers write fractions too.
fn time(claims: &Value, name: &str) -> Option<i64> {
    let number = claims.get(name)?;
    let whole = |seconds: f64| (seconds.abs() < FARTHEST).then_some(seconds.floor() as i64);
    number.as_i64().or_else(|| number.as_f64().and_then(whole))
}

/// Seconds up to which a number with a fraction is taken for a time: the year 33658.
const FARTHEST: f64 = 1e12;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    fn claims() -> Value {
        json!({
            "iss": "https://id.example",
            "aud": "coffer",
            "sub": "u1",
            "exp": NOW + 300,
            "iat": NOW,
            "nonce": "n",
        })
    }

    fn checked(name: &str, value: Value) -> Result<(), TokenFault> {
        let mut claims = claims();
        claims[name] = value;
        let expected = Expected {
            issuer: "https://id.example",
            client: "coffer",
            nonce: "n",
            now: Timestamp::from_unix(NOW),
        };
        check(&claims, &expected)
    }

    #[test]
    fn each_claim_is_checked() {
        assert_eq!(checked("extra", json!(1)), Ok(()));
        for (name, value, fault) in [
            ("iss", json!("https://id.example/"), TokenFault::Issuer),
            ("iss", json!(["https://id.example"]), TokenFault::Issuer),
            ("aud", json!("other"), TokenFault::Audience),
            ("aud", json!([]), TokenFault::Audience),
            ("aud", json!(["coffer", "other"]), TokenFault::Audience),
            ("aud", json!(null), TokenFault::Audience),
            ("azp", json!("other"), TokenFault::Audience),
            ("azp", json!(null), TokenFault::Audience),
            ("exp", json!(NOW - 60), TokenFault::Expired),
            ("exp", json!(null), TokenFault::Expired),
            ("exp", json!("9999999999"), TokenFault::Expired),
            ("exp", json!(1e300), TokenFault::Expired),
            ("iat", json!(NOW + 61), TokenFault::Early),
            ("iat", json!(null), TokenFault::Early),
            ("iat", json!(NOW - 661), TokenFault::Old),
            ("nbf", json!(NOW + 61), TokenFault::Early),
            ("nbf", json!("soon"), TokenFault::Early),
            ("nonce", json!("m"), TokenFault::Nonce),
            ("nonce", json!(null), TokenFault::Nonce),
        ] {
            assert_eq!(checked(name, value.clone()), Err(fault), "{name} {value}");
        }
        for (name, value) in [
            ("aud", json!(["coffer"])),
            ("azp", json!("coffer")),
            ("exp", json!(NOW - 59)),
            ("exp", json!(NOW as f64 + 0.5)),
            ("iat", json!(NOW + 60)),
            ("iat", json!(NOW - 660)),
            ("nbf", json!(NOW + 60)),
        ] {
            assert_eq!(checked(name, value.clone()), Ok(()), "{name} {value}");
        }
    }

    #[test]
    fn several_audiences_need_the_one_that_asked() {
        let mut claims = claims();
        claims["aud"] = json!(["other", "coffer"]);
        assert!(!is_for(&claims, "coffer"));
        claims["azp"] = json!("coffer");
        assert!(is_for(&claims, "coffer"));
    }

    #[test]
    fn what_has_another_form_is_no_token() {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let token = |header: &str| format!("{}.{}.AAAA", part(header), part("{}"));
        let fault = |token: &str| Signed::parse(token).err();
        assert_eq!(fault(&token(r#"{"alg":"RS256"}"#)), None);
        let fine = token(r#"{"alg":"RS256"}"#);
        for odd in [
            "",
            ".",
            "..",
            "a.b",
            &fine[1..],
            &format!("{fine}="),
            &format!("{fine}.AAAA"),
            &token("[]"),
            &token(r#"{"alg":"RS256","kid":7}"#),
            &"x".repeat(limits::TOKEN_CHARACTERS + 1),
        ] {
            assert_eq!(fault(odd), Some(TokenFault::Form), "{odd:.40}");
        }
        for algorithm in ["none", "None", "HS256", "RS512", "rs256", "PS256", ""] {
            let header = format!(r#"{{"alg":"{algorithm}"}}"#);
            assert_eq!(fault(&token(&header)), Some(TokenFault::Algorithm), "{algorithm}");
        }
        assert_eq!(fault(&token("{}")), Some(TokenFault::Algorithm));
        let critical = r#"{"alg":"ES256","crit":["b64"]}"#;
        assert_eq!(fault(&token(critical)), Some(TokenFault::Critical));
    }
}
