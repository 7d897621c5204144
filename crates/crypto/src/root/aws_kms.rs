//! A key of AWS KMS as the root of trust, by its operations `Encrypt` and `Decrypt`. The store's id
//! is the encryption context, which AWS logs with each use.
//!
//! Only credentials of the environment are known: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and,
//! for temporary ones, `AWS_SESSION_TOKEN`.

use super::http::{self, Answer, Http};
use super::sigv4::{Signer, Unsigned};
use super::{Kind, Means, Root, RootError, RootKey, opened, text};
use crate::limits;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coffer_base::civil::compact;
use coffer_base::{Clock, Random};
use serde_json::{Value, json};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Where the key is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    key: String,
    region: Option<String>,
    endpoint: Option<String>,
}

impl Address {
    /// Parses a key's id, alias or ARN, with `?region=…` behind it unless it is an ARN or the
    /// environment names the region, and `&endpoint=…` for another server than AWS's own.
    ///
    /// # Errors
    /// [`RootError::Spec`] if there is no key in it.
    pub(super) fn parse(text: &str) -> Result<Self, RootError> {
        let (key, query) = text.split_once('?').unwrap_or((text, ""));
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-/:".contains(c);
        if key.is_empty() || !key.chars().all(plain) {
            return Err(http::spec("aws-kms: wants a key's id, alias/NAME or ARN behind it"));
        }
        let of_arn = key.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(2));
        let region = http::parameter(query, "region").or(of_arn).map(str::to_owned);
        let endpoint = http::parameter(query, "endpoint").map(http::server).transpose()?;
        let endpoint = endpoint.map(|(server, _)| server);
        Ok(Self { key: key.to_owned(), region, endpoint })
    }
}

/// The root key under a key of AWS KMS.
pub struct AwsKms {
    http: Http,
    key: String,
    region: String,
    endpoint: String,
    key_id: Zeroizing<String>,
    secret: Zeroizing<String>,
    session: Option<Zeroizing<String>>,
    clock: Arc<dyn Clock>,
}

impl AwsKms {
    /// The key at `address`.
    ///
    /// # Errors
    /// [`RootError::Spec`] if neither the address nor the environment has a region, or if the
    /// environment has no credentials.
    pub fn new(address: Address, means: Means) -> Result<Self, RootError> {
        let [region, key_id, secret, session] = means.aws;
        let region = address.region.or_else(|| region.map(|region| region.to_string()));
        let region = region.ok_or_else(|| http::spec("?region=… or AWS_REGION is missing"))?;
        let (Some(key_id), Some(secret)) = (key_id, secret) else {
            return Err(http::spec("AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is missing"));
        };
        let endpoint = address.endpoint;
        let endpoint = endpoint.unwrap_or_else(|| format!("https://kms.{region}.amazonaws.com"));
        let http = Http::new(
            format!("the key {} at {endpoint}", address.key),
            means.authorities.as_deref(),
        )?;
        let (key, clock) = (address.key, means.clock);
        Ok(Self { http, key, region, endpoint, key_id, secret, session, clock })
    }

    #[cfg(test)]
    fn hasty(self) -> Self {
        Self { http: self.http.hasty(), ..self }
    }

    /// Calls `operation`, and answers the bytes of the `wanted` field.
    fn call(
        &self,
        operation: &str,
        store_id: &str,
        field: (&str, &str),
        wanted: &str,
    ) -> Result<Zeroizing<Vec<u8>>, RootError> {
        let (name, value) = field;
        let context = json!({ "coffer:store": store_id });
        let body = json!({ "KeyId": self.key, "EncryptionContext": context, name: value });
        let body = Zeroizing::new(body.to_string());
        let answer = self.send(operation, &body)?;
        if answer.status != 200 {
            return Err(self.refusal(&answer, &[value, &self.secret]));
        }
        let parsed = serde_json::from_slice::<Value>(&answer.body);
        let mut parsed = parsed.map_err(|_| self.http.answer("it is no JSON"))?;
        let field = match parsed.get_mut(wanted).map(Value::take) {
            Some(Value::String(text)) => Zeroizing::new(text),
            _ => return Err(self.http.answer(&format!("it has no {wanted}"))),
        };
        let bytes = STANDARD.decode(field.as_bytes());
        bytes.map(Zeroizing::new).map_err(|_| self.http.answer("its bytes are no base64"))
    }

    fn send(&self, operation: &str, body: &str) -> Result<Answer, RootError> {
        let at = self.clock.now();
        let (time, target) = (compact(at), format!("TrentService.{operation}"));
        let host = self.endpoint.split_once("://").map_or("", |(_, host)| host);
        let mut headers = vec![
            ("content-type", "application/x-amz-json-1.1"),
            ("host", host),
            ("x-amz-date", &time),
        ];
        headers.extend(self.session.as_ref().map(|token| ("x-amz-security-token", token.as_str())));
        headers.push(("x-amz-target", &target));
        let signer = Signer {
            key_id: &self.key_id,
            secret: &self.secret,
            region: &self.region,
            service: "kms",
        };
        let request =
            Unsigned { method: "POST", query: "", headers: &headers, body: body.as_bytes(), at };
        let authorization = signer.authorization(&request);
        // The client writes the host itself, from the address.
        headers.retain(|(name, _)| *name != "host");
        headers.push(("authorization", &authorization));
        self.http.post(&format!("{}/", self.endpoint), &headers, body.as_bytes())
    }

    /// What an answer without the wanted field means, by the name of the error in it.
    fn refusal(&self, answer: &Answer, sent: &[&str]) -> RootError {
        let parsed = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
        let text = |name: &str| parsed.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = text("__type").rsplit('#').next().unwrap_or_default();
        let message = if text("message").is_empty() { text("Message") } else { text("message") };
        let said = http::reason(&format!("{name}: {message}"), sent);
        let temporary = ["Throttling", "Timeout", "Internal", "KeyUnavailable", "Limit"];
        if answer.status >= 500 || temporary.iter().any(|word| name.contains(word)) {
            return self.http.unreachable_why(format!("it cannot answer now ({said})"));
        }
        let advice = match name {
            "DisabledException" => "enable the key",
            "KMSInvalidStateException" => {
                "the key is not usable in its state; is it to be deleted?"
            }
            "NotFoundException" => "check the key's id and the region",
            "InvalidCiphertextException" | "IncorrectKeyException" => {
                "the root key of this store is under another key"
            }
            _ => "check the credentials, and that their policy allows kms:Encrypt and kms:Decrypt",
        };
        self.http.refused(format!("{said}; {advice}"))
    }
}

impl Root for AwsKms {
    fn kind(&self) -> Kind {
        Kind::AwsKms
    }

    fn place(&self, _store_id: &str) -> String {
        format!("the key {} at {}", self.key, self.endpoint)
    }

    fn keep(&self, key: &RootKey, _random: &dyn Random) -> Result<Vec<u8>, RootError> {
        let line = text::write(key)?;
        let plaintext = Zeroizing::new(STANDARD.encode(line.as_bytes()));
        let field = ("Plaintext", plaintext.as_str());
        let sealed = self.call("Encrypt", key.store_id(), field, "CiphertextBlob")?;
        if sealed.len() > limits::KEPT_BYTES {
            return Err(self.http.answer("its ciphertext is too long"));
        }
        Ok(sealed.to_vec())
    }

    fn open(&self, store_id: &str, kept: &[u8]) -> Result<RootKey, RootError> {
        let sealed = STANDARD.encode(kept);
        let line = self.call("Decrypt", store_id, ("CiphertextBlob", &sealed), "Plaintext")?;
        opened(&line, store_id, &self.place(store_id))
    }
}

#[cfg(test)]
mod tests;
