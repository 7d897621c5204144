//! A key of the transit engine of OpenBao or Vault as the root of trust.
//!
//! The root key's line is encrypted by `POST /v1/MOUNT/encrypt/KEY` and comes back by `decrypt`;
//! `rewrap` seals it anew under the key's newest version without showing it. The token needs
//! `update` on the paths that are used, and nothing else.

use super::http::{self, Answer, Http};
use super::{Kind, Root, RootError, RootKey, RootSecret, opened, text};
use crate::limits;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coffer_base::Random;
use serde_json::{Value, json};
use std::path::Path;
use zeroize::Zeroizing;

const WHAT: &str = "the token of the transit engine";

/// Where the key is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    server: String,
    mount: String,
    key: String,
    namespace: Option<String>,
}

impl Address {
    /// Parses `https://HOST/MOUNT/KEY`, with `?namespace=…` behind it if there is one.
    ///
    /// # Errors
    /// [`RootError::Spec`] if it is none.
    pub(super) fn parse(text: &str) -> Result<Self, RootError> {
        let (url, query) = text.split_once('?').unwrap_or((text, ""));
        let (server, path) = http::server(url)?;
        let path = path.trim_start_matches('/');
        let wanted = || http::spec("transit:https://HOST/MOUNT/KEY is wanted");
        let (mount, key) = path.rsplit_once('/').ok_or_else(wanted)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
        if mount.is_empty() || key.is_empty() || !path.chars().all(plain) {
            return Err(wanted());
        }
        let namespace = http::parameter(query, "namespace").map(str::to_owned);
        Ok(Self { server, mount: mount.to_owned(), key: key.to_owned(), namespace })
    }
}

/// The root key under a key of a transit engine.
pub struct Transit {
    http: Http,
    address: Address,
    token: RootSecret,
}

impl Transit {
    /// The key at `address`, used with `token`.
    ///
    /// # Errors
    /// [`RootError::Spec`] if the file of the authorities cannot be used.
    pub fn new(
        address: Address,
        token: RootSecret,
        authorities: Option<&Path>,
    ) -> Result<Self, RootError> {
        let http = Http::new(place(&address), authorities)?;
        Ok(Self { http, address, token })
    }

    #[cfg(test)]
    fn hasty(self) -> Self {
        Self { http: self.http.hasty(), ..self }
    }

    /// Sends `field` to the key's `operation`, and answers the `wanted` field of its data.
    fn call(
        &self,
        operation: &str,
        field: (&str, &str),
        wanted: &str,
    ) -> Result<Zeroizing<String>, RootError> {
        let Address { server, mount, key, namespace } = &self.address;
        let token = self.token.text(WHAT)?;
        let mut headers =
            vec![("x-vault-token", token.as_str()), ("content-type", "application/json")];
        headers.extend(namespace.as_deref().map(|name| ("x-vault-namespace", name)));
        let (name, value) = field;
        let body = Zeroizing::new(json!({ name: value }).to_string());
        let url = format!("{server}/v1/{mount}/{operation}/{key}");
        let answer = self.http.post(&url, &headers, body.as_bytes())?;
        if answer.status != 200 {
            return Err(self.refusal(&answer, operation, &[token.as_str(), value]));
        }
        let parsed = serde_json::from_slice::<Value>(&answer.body);
        let mut parsed = parsed.map_err(|_| self.http.answer("it is no JSON"))?;
        match parsed.pointer_mut(&format!("/data/{wanted}")).map(Value::take) {
            Some(Value::String(text)) => Ok(Zeroizing::new(text)),
            _ => Err(self.http.answer(&format!("it has no {wanted}"))),
        }
    }

    /// What an answer without the wanted data means.
    fn refusal(&self, answer: &Answer, operation: &str, sent: &[&str]) -> RootError {
        let Address { mount, key, .. } = &self.address;
        let said = errors(&answer.body, sent);
        match answer.status {
            503 => self.http.unreachable_why(format!("it is sealed or not ready ({said})")),
            429 | 472 | 473 | 500..=599 => {
                self.http.unreachable_why(format!("it cannot answer now ({said})"))
            }
            300..=399 => self.http.refused(
                "it redirects: name the active server itself, or what balances between all of them",
            ),
            401 | 403 => self.http.refused(format!(
                "the token is not valid any more, or may not update {mount}/{operation}/{key} \
                 ({said})"
            )),
            _ => self.http.refused(format!(
                "check that there is a key {key} at {mount}, of a type that encrypts ({said})"
            )),
        }
    }

    fn ciphertext(&self, text: &Zeroizing<String>) -> Result<Vec<u8>, RootError> {
        // What is stored must be what the engine takes back.
        if text.starts_with("vault:v") && text.len() <= limits::KEPT_BYTES {
            return Ok(text.as_bytes().to_vec());
        }
        Err(self.http.answer("its ciphertext does not begin with vault:v, or is too long"))
    }

    fn kept<'k>(&self, kept: &'k [u8]) -> Result<&'k str, RootError> {
        std::str::from_utf8(kept).map_err(|_| RootError::Damaged { place: place(&self.address) })
    }
}

impl Root for Transit {
    fn kind(&self) -> Kind {
        Kind::Transit
    }

    fn place(&self, _store_id: &str) -> String {
        place(&self.address)
    }

    fn keep(&self, key: &RootKey, _random: &dyn Random) -> Result<Vec<u8>, RootError> {
        let line = text::write(key)?;
        let plaintext = Zeroizing::new(STANDARD.encode(line.as_bytes()));
        let sealed = self.call("encrypt", ("plaintext", &plaintext), "ciphertext")?;
        self.ciphertext(&sealed)
    }

    fn open(&self, store_id: &str, kept: &[u8]) -> Result<RootKey, RootError> {
        let plaintext = self.call("decrypt", ("ciphertext", self.kept(kept)?), "plaintext")?;
        let line = STANDARD.decode(plaintext.as_bytes());
        let line = line.map_err(|_| self.http.answer("its plaintext is no base64"))?;
        opened(&Zeroizing::new(line), store_id, &place(&self.address))
    }

    fn renew(&self, kept: &[u8]) -> Result<Option<Vec<u8>>, RootError> {
        let sealed = self.call("rewrap", ("ciphertext", self.kept(kept)?), "ciphertext")?;
        self.ciphertext(&sealed).map(Some)
    }
}

fn place(address: &Address) -> String {
    let Address { server, mount, key, .. } = address;
    format!("the key {key} of {mount} at {server}")
}

/// The errors of an answer: `{"errors":["…"]}`.
fn errors(body: &[u8], sent: &[&str]) -> String {
    let parsed = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let errors = parsed.get("errors").and_then(Value::as_array);
    let texts: Vec<&str> = errors.into_iter().flatten().filter_map(Value::as_str).collect();
    match texts.as_slice() {
        [] => "it gives no reason".to_owned(),
        texts => http::reason(&texts.join("; "), sent),
    }
}

#[cfg(test)]
mod tests;
