//! An identity provider, as this server asks it.

use crate::claims::Claims;
use crate::document::Document;
use crate::error::{OidcError, TokenFault};
use crate::keys::Keys;
use crate::limits;
use crate::settings::ProviderSettings;
use crate::token::{Expected, Signed};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use coffer_base::id::random_base62;
use coffer_base::{Clock, Random, Redacted};
use coffer_crypto::sha256;
use coffer_outbound::{HttpClient, HttpRequest, HttpResponse, Limits};
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// The bounds of every exchange with a provider. The operator has named it, so its addresses are
/// whichever its name has.
const EXCHANGE: Limits = Limits {
    total: Duration::from_secs(limits::EXCHANGE_SECONDS),
    response_bytes: limits::ANSWER_BYTES,
    addresses: |_| true,
};

/// What a provider is made of.
pub struct ProviderOptions {
    /// What the operator says of it.
    pub settings: ProviderSettings,
    /// In PEM, the authorities that vouch for it; without any, the public ones.
    pub authorities: Option<Vec<u8>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where states, nonces and verifiers come from.
    pub random: Arc<dyn Random>,
}

/// A provider. What it says of itself, and its keys, are fetched when somebody signs in.
pub struct Provider {
    settings: ProviderSettings,
    client: HttpClient,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    known: Mutex<Fetched>,
}

/// What was fetched, and when.
#[derive(Default)]
struct Fetched {
    document: Option<(Duration, Arc<Document>)>,
    keys: Option<(Duration, Arc<Keys>)>,
    /// When the provider did not answer, or not as it should.
    failed: Option<Duration>,
}

/// One sign-in that was begun: what only its end may know.
#[derive(Debug)]
pub struct Attempt {
    nonce: Redacted<String>,
    verifier: Redacted<String>,
}

/// A sign-in that begins.
pub struct Begun {
    /// Where the person's browser goes.
    pub to: String,
    /// What it comes back with: the only text by which the attempt is found again.
    pub state: String,
    /// What the end needs.
    pub attempt: Attempt,
}

impl Provider {
    /// A provider, of which nothing is known yet.
    ///
    /// # Errors
    /// A sentence for the operator, if the authorities cannot be used.
    pub fn new(options: ProviderOptions) -> Result<Self, String> {
        let ProviderOptions { settings, authorities, clock, random } = options;
        let client = HttpClient::new(EXCHANGE).map_err(|error| error.to_string())?;
        let client = match authorities {
            Some(pem) => client.trusting(&pem).map_err(|error| error.to_string())?,
            None => client,
        };
        Ok(Self { settings, client, clock, random, known: Mutex::default() })
    }

    /// The provider's issuer.
    pub fn issuer(&self) -> &str {
        self.settings.issuer.as_str()
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    /// If the provider's document cannot be had.
    pub async fn begin(&self) -> Result<Begun, OidcError> {
        let document = self.document(&mut *self.known.lock().await).await?;
        let letters = || random_base62(&*self.random, limits::RANDOM_CHARACTERS);
        let (state, nonce, verifier) = (letters(), letters(), letters());
        let challenge = URL_SAFE_NO_PAD.encode(sha256(&[verifier.as_bytes()]));
        let to = document.authorization.with(&[
            ("response_type", "code"),
            ("client_id", &self.settings.client_id),
            ("redirect_uri", self.settings.return_to.as_str()),
            ("scope", &self.settings.scopes),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let attempt = Attempt { nonce: Redacted::new(nonce), verifier: Redacted::new(verifier) };
        Ok(Begun { to, state, attempt })
    }

    /// Ends a sign-in with the code that the browser has brought, and with the issuer that came
    /// beside it, if one did (RFC 9207).
    ///
    /// # Errors
    /// If the provider does not take the code, or if its token is not to be believed.
    pub async fn finish(
        &self,
        attempt: Attempt,
        code: &Redacted<String>,
        issuer: Option<&str>,
    ) -> Result<Claims, OidcError> {
        let document = self.document(&mut *self.known.lock().await).await?;
        let is_named = issuer.is_some() || !document.answers_name_issuer;
        if !is_named || issuer.is_some_and(|issuer| issuer != self.issuer()) {
            return Err(TokenFault::Issuer.into());
        }
        let token = self.exchange(&document, &attempt, code).await?;
        let signed = Signed::parse(token.expose())?;
        let keys = self.keys(&document, &signed).await?;
        let expected = Expected {
            issuer: self.issuer(),
            client: &self.settings.client_id,
            nonce: attempt.nonce.expose(),
            now: self.clock.now(),
        };
        Ok(signed.verify(&keys, &expected)?)
    }

    /// Exchanges a code for an ID token.
    async fn exchange(
        &self,
        document: &Document,
        attempt: &Attempt,
        code: &Redacted<String>,
    ) -> Result<Redacted<String>, OidcError> {
        const WHAT: &str = "token";
        let wrong = |why| OidcError::Unreadable { what: WHAT, why };
        let ProviderSettings { client_id, client_secret, return_to, .. } = &self.settings;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", return_to.as_str()),
            ("code_verifier", attempt.verifier.expose()),
        ];
        let mut headers = HeaderMap::new();
        if document.secret_in_form {
            fields.push(("client_id", client_id));
            fields.push(("client_secret", client_secret.expose()));
        } else {
            headers.insert(header::AUTHORIZATION, basic(client_id, client_secret));
        }
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form);
        let request = (Method::POST, document.token.uri(), headers, encoded(&fields));
        let answer = self.send(WHAT, request).await?;
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if !answer.status.is_success() {
            let status = answer.status.as_u16();
            return Err(match refusal(&json) {
                Some(code) => OidcError::Refused(code),
                None => OidcError::Status { what: WHAT, status },
            });
        }
        let token = json.get("id_token").and_then(Value::as_str);
        let token = token.ok_or_else(|| wrong("there is no id_token in it"))?;
        Ok(Redacted::new(token.to_owned()))
    }

    /// The provider's document.
    async fn document(&self, known: &mut Fetched) -> Result<Arc<Document>, OidcError> {
        let now = self.clock.monotonic();
        if let Some((at, document)) = &known.document
            && is_within(now, *at, limits::KEPT_SECONDS)
        {
            return Ok(Arc::clone(document));
        }
        let url = self.settings.issuer.document().parse().ok();
        let read = |json: &Value| Document::read(json, &self.settings.issuer);
        let document = Arc::new(self.fetch(known, ("document", url), read).await?);
        known.document = Some((now, Arc::clone(&document)));
        Ok(document)
    }

    /// The provider's keys, among them the token's if the provider has it: keys that are not known
    /// are asked for again, but not all the time.
    async fn keys(&self, document: &Document, signed: &Signed<'_>) -> Result<Arc<Keys>, OidcError> {
        let mut known = self.known.lock().await;
        let now = self.clock.monotonic();
        if let Some((at, keys)) = &known.keys {
            let seconds = match signed.has_key_in(keys) {
                true => limits::KEPT_SECONDS,
                false => limits::KEYS_AGAIN_SECONDS,
            };
            if is_within(now, *at, seconds) {
                return Ok(Arc::clone(keys));
            }
        }
        let url = document.keys.uri();
        let keys = Arc::new(self.fetch(&mut known, ("keys", url), Keys::read).await?);
        known.keys = Some((now, Arc::clone(&keys)));
        Ok(keys)
    }

    /// Fetches something and reads it. A provider that has not answered, or with something else, is
    /// left in peace for a while: whoever waits here behind others does not wait for each of them,
    /// and no provider that has trouble is asked once more for every sign-in.
    async fn fetch<T>(
        &self,
        known: &mut Fetched,
        (what, url): (&'static str, Option<Uri>),
        read: impl FnOnce(&Value) -> Result<T, OidcError>,
    ) -> Result<T, OidcError> {
        let is_resting =
            |at: Duration| is_within(self.clock.monotonic(), at, limits::FAILED_SECONDS);
        if known.failed.is_some_and(is_resting) {
            return Err(OidcError::Resting);
        }
        let fetched = self.json(what, url).await.and_then(|json| read(&json));
        known.failed = fetched.is_err().then(|| self.clock.monotonic());
        fetched
    }

    async fn json(&self, what: &'static str, url: Option<Uri>) -> Result<Value, OidcError> {
        let answer = self.send(what, (Method::GET, url, HeaderMap::new(), Bytes::new())).await?;
        if !answer.status.is_success() {
            return Err(OidcError::Status { what, status: answer.status.as_u16() });
        }
        let unreadable = |_| OidcError::Unreadable { what, why: "it is no JSON" };
        serde_json::from_slice(&answer.body).map_err(unreadable)
    }

    async fn send(
        &self,
        what: &'static str,
        (method, uri, mut headers, body): (Method, Option<Uri>, HeaderMap, Bytes),
    ) -> Result<HttpResponse, OidcError> {
        let uri = uri.ok_or(OidcError::Unreadable { what, why: "its address is no URL" })?;
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let request = HttpRequest { method, uri, headers, body };
        let sent = self.client.send(request).await;
        sent.map_err(|source| OidcError::Unreachable { what, source })
    }
}

/// A form's fields, as they are sent.
fn encoded(fields: &[(&str, &str)]) -> Bytes {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    Bytes::from(form.finish())
}

fn is_within(now: Duration, at: Duration, seconds: u64) -> bool {
    now.saturating_sub(at).as_secs() < seconds
}

/// The client's name and secret, each encoded as in a form (RFC 6749, section 2.3.1).
fn basic(client_id: &str, secret: &Redacted<String>) -> HeaderValue {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(client_id), encoded(secret.expose()));
    // Base64 has no character that a header has not.
    let value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair)));
    let mut value = value.unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// The code of a refusal, if it looks like one: nothing else of it is repeated.
fn refusal(json: &Value) -> Option<String> {
    let code = json.get("error")?.as_str()?;
    let is_code = (1..=CODE_CHARACTERS).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_code.then(|| code.to_owned())
}

/// Characters of the longest code that is repeated; those of RFC 6749 have at most 26.
const CODE_CHARACTERS: usize = 40;
