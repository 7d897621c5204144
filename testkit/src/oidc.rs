//! An identity provider in the shapes of OpenID Connect, right and wrong: its document, its keys,
//! and its token endpoint answer over HTTP; what a person would do on its pages, a test does by
//! [`OidcProvider::authorize`].

use crate::received::Received;
use crate::server::TestServer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{hmac, rsa};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use coffer_base::{Clock, Redacted, TestClock};
use coffer_crypto::sha256;
use coffer_dashboard::{RETURN_PATH, Roles};
use coffer_oidc::{Endpoint, Issuer, Provider, ProviderOptions, ProviderSettings};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;

/// What the server is called by the provider.
pub const CLIENT: &str = "coffer client";

/// The secret by which the provider knows it: with characters that a form encodes.
pub const SECRET: &str = "s3cret+/=&%";

/// By which key, and how, a token is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signer {
    /// With the provider's RSA key.
    Rsa,
    /// With its key on P-256.
    P256,
    /// With an RSA key that is another's.
    OtherRsa,
    /// With the text of its public RSA key as a shared secret (HS256).
    PublicKeyAsSecret,
    /// Not at all.
    Nobody,
}

/// What the provider does otherwise than it should.
#[derive(Clone, Debug)]
pub struct Twist {
    /// How tokens are signed.
    pub signer: Signer,
    /// Fields of the token's header that are changed; null takes one away.
    pub header: Value,
    /// The same of its claims.
    pub claims: Value,
    /// The same of the document.
    pub document: Value,
    /// The body of the keys, instead of them.
    pub keys: Option<String>,
    /// A path whose answer is a redirect to itself.
    pub redirects: Option<&'static str>,
    /// What everything answers: a status line and a body.
    pub answer: Option<(&'static str, &'static str)>,
    /// What the token endpoint answers instead of a token: a status line and a body.
    pub token: Option<(&'static str, String)>,
}

impl Default for Twist {
    fn default() -> Self {
        Self {
            signer: Signer::Rsa,
            header: json!({}),
            claims: json!({}),
            document: json!({}),
            keys: None,
            redirects: None,
            answer: None,
            token: None,
        }
    }
}

/// The provider. It runs until the process ends.
pub struct OidcProvider {
    state: Arc<State>,
}

struct State {
    base: String,
    clock: Arc<TestClock>,
    twist: Mutex<Twist>,
    codes: Mutex<HashMap<String, Granted>>,
    /// The requests' lines and bodies.
    seen: Mutex<Vec<(String, String)>>,
}

/// What a code stands for.
#[derive(Clone)]
struct Granted {
    parameters: HashMap<String, String>,
    claims: Value,
}

static RSA: LazyLock<RsaKeyPair> = LazyLock::new(rsa_key);
static OTHER_RSA: LazyLock<RsaKeyPair> = LazyLock::new(rsa_key);
static P256: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());

fn rsa_key() -> RsaKeyPair {
    rsa::KeyPair::generate(KeySize::Rsa2048).unwrap()
}

/// The modulus of a key of 2048 bits: what stands in its PKCS #1 behind two heads and a zero, and
/// before the exponent.
fn modulus(key: &RsaKeyPair) -> Vec<u8> {
    key.public_key().as_ref()[9..265].to_vec()
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl OidcProvider {
    /// Starts a provider, and has the server let people in whom it vouches for: those with the
    /// groups `ops`, `law` and `desk` as operator, auditor and for keys.
    pub fn of(server: &TestServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let state = Arc::new(State {
            base: base.clone(),
            clock: Arc::clone(&server.clock),
            twist: Mutex::default(),
            codes: Mutex::default(),
            seen: Mutex::default(),
        });
        let serving = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&serving);
                thread::spawn(move || serve(stream, &state));
            }
        });
        let settings = ProviderSettings {
            issuer: Issuer::parse(&base).unwrap(),
            client_id: CLIENT.to_owned(),
            client_secret: Redacted::new(SECRET.to_owned()),
            return_to: Endpoint::parse(&format!("{}{RETURN_PATH}", server.url())).unwrap(),
            scopes: "openid profile email".to_owned(),
        };
        let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(&server.clock);
        let random = Arc::new(coffer_crypto::SystemRandom);
        let options = ProviderOptions { settings, authorities: None, clock, random };
        let [ops, law, desk] = ["ops", "law", "desk"].map(|group| vec![group.to_owned()]);
        let roles = Roles::new("groups".to_owned(), ops, law, desk);
        let provider = Provider::new(options).unwrap();
        server.server().installation().dashboard.sign_in_at(provider, roles);
        Self { state }
    }

    /// Has the provider do something otherwise from now on, and nothing else.
    pub fn twist(&self, change: impl FnOnce(&mut Twist)) {
        let mut twist = Twist::default();
        change(&mut twist);
        *self.state.twist.lock().unwrap() = twist;
    }

    /// What a person does on the provider's pages to which a browser was sent: they are somebody
    /// with these claims, and agree. Answers the path and query to which the browser is sent back.
    pub fn authorize(&self, to: &str, claims: Value) -> String {
        let query = to.strip_prefix(&format!("{}/authorize?", self.state.base));
        let query = query.unwrap_or_else(|| panic!("no authorization request: {to}"));
        let parameters = fields(query);
        assert_eq!(parameters["response_type"], "code");
        assert_eq!(parameters["client_id"], CLIENT);
        assert_eq!(parameters["code_challenge_method"], "S256");
        assert!(parameters["scope"].split(' ').any(|scope| scope == "openid"));
        let mut codes = self.state.codes.lock().unwrap();
        let code = format!("code-{}", codes.len());
        let back = format!("{}?", parameters["redirect_uri"]);
        let path = back.find("/dashboard").map(|at| back[at..].to_owned()).unwrap();
        let mut answer = form_urlencoded::Serializer::new(path);
        answer.append_pair("code", &code).append_pair("state", &parameters["state"]);
        answer.append_pair("iss", &self.state.base);
        codes.insert(code, Granted { parameters, claims });
        answer.finish().replace("?&", "?")
    }

    /// Who somebody is whom it calls `subject`, as the audit says it.
    pub fn person(&self, subject: &str) -> String {
        format!("{}#{subject}", self.state.base)
    }

    /// The lines and bodies of the requests that came, which are forgotten then.
    pub fn take_requests(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.state.seen.lock().unwrap())
    }
}

fn fields(form: &str) -> HashMap<String, String> {
    form_urlencoded::parse(form.as_bytes()).into_owned().collect()
}

fn serve(mut stream: TcpStream, state: &State) {
    let Ok(Some(received)) = Received::read(&stream) else { return };
    let (line, body) = (received.line().to_owned(), received.body.clone());
    state.seen.lock().unwrap().push((line, body));
    let twist = state.twist.lock().unwrap().clone();
    let (status, more, answer) = response(state, &twist, &received);
    let length = answer.len();
    let _ = stream.write_all(
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{more}content-length: \
             {length}\r\nconnection: close\r\n\r\n{answer}"
        )
        .as_bytes(),
    );
}

type Response = (&'static str, String, String);

fn response(state: &State, twist: &Twist, received: &Received) -> Response {
    if let Some((status, body)) = twist.answer {
        return (status, String::new(), body.to_owned());
    }
    match received.path() {
        path if twist.redirects == Some(path) => {
            ("302 Found", format!("location: {}{path}\r\n", state.base), String::new())
        }
        "/.well-known/openid-configuration" => ok(document(state, twist)),
        "/keys" => match &twist.keys {
            Some(keys) => ("200 OK", String::new(), keys.clone()),
            None => ok(keys()),
        },
        "/token" => match &twist.token {
            Some((status, body)) => (*status, String::new(), body.clone()),
            None => token(state, twist, received),
        },
        _ => ("404 Not Found", String::new(), String::new()),
    }
}

fn ok(body: Value) -> Response {
    ("200 OK", String::new(), body.to_string())
}

fn refuse(code: &str) -> Response {
    ("400 Bad Request", String::new(), json!({ "error": code }).to_string())
}

fn patched(mut object: Value, patch: &Value) -> Value {
    for (name, value) in patch.as_object().unwrap() {
        match value {
            Value::Null => drop(object.as_object_mut().unwrap().remove(name)),
            value => object[name] = value.clone(),
        }
    }
    object
}

fn document(state: &State, twist: &Twist) -> Value {
    let at = |path: &str| format!("{}{path}", state.base);
    let document = json!({
        "issuer": state.base,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "authorization_response_iss_parameter_supported": true,
    });
    patched(document, &twist.document)
}

fn keys() -> Value {
    let point = P256.public_key().as_ref();
    json!({ "keys": [
        { "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "rsa", "e": "AQAB",
          "n": text(modulus(&RSA)) },
        { "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "p256",
          "x": text(&point[1..33]), "y": text(&point[33..]) },
    ]})
}

/// Exchanges a code, once, for whoever is the client and has the verifier.
fn token(state: &State, twist: &Twist, received: &Received) -> Response {
    let form = fields(&received.body);
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let basic = format!("Basic {}", STANDARD.encode([CLIENT, SECRET].map(encoded).join(":")));
    let in_head = received.header("authorization") == Some(&basic);
    let is_in = |name: &str, value: &str| form.get(name).is_some_and(|sent| sent == value);
    let in_form = is_in("client_id", CLIENT) && is_in("client_secret", SECRET);
    if !in_head && !in_form {
        return refuse("invalid_client");
    }
    let granted = form.get("code").and_then(|code| {
        let mut codes = state.codes.lock().unwrap();
        let granted = codes.get_mut(code)?;
        (!granted.parameters.is_empty()).then(|| Granted {
            parameters: std::mem::take(&mut granted.parameters),
            claims: granted.claims.clone(),
        })
    });
    let Some(Granted { parameters, claims }) = granted else { return refuse("invalid_grant") };
    let challenge = text(sha256(&[form["code_verifier"].as_bytes()]));
    if challenge != parameters["code_challenge"]
        || form["redirect_uri"] != parameters["redirect_uri"]
        || form["grant_type"] != "authorization_code"
    {
        return refuse("invalid_grant");
    }
    let now = state.clock.now().unix();
    let standard = json!({
        "iss": state.base,
        "aud": CLIENT,
        "sub": "u1",
        "exp": now + 300,
        "iat": now,
        "nonce": parameters["nonce"],
    });
    let claims = patched(patched(standard, &claims), &twist.claims);
    let token = signed(twist, &claims);
    ok(json!({ "access_token": "access-token", "token_type": "Bearer", "id_token": token }))
}

fn signed(twist: &Twist, claims: &Value) -> String {
    let (algorithm, kid) = match twist.signer {
        Signer::Rsa | Signer::OtherRsa => ("RS256", "rsa"),
        Signer::P256 => ("ES256", "p256"),
        Signer::PublicKeyAsSecret => ("HS256", "rsa"),
        Signer::Nobody => ("none", "rsa"),
    };
    let header = json!({ "alg": algorithm, "kid": kid, "typ": "JWT" });
    let header = patched(header, &twist.header);
    let message = format!("{}.{}", text(header.to_string()), text(claims.to_string()));
    let bytes = message.as_bytes();
    let with_rsa = |key: &RsaKeyPair| {
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), bytes, &mut signature).unwrap();
        signature
    };
    let signature = match twist.signer {
        Signer::Rsa => with_rsa(&RSA),
        Signer::OtherRsa => with_rsa(&OTHER_RSA),
        Signer::P256 => P256.sign(&SystemRandom::new(), bytes).unwrap().as_ref().to_vec(),
        Signer::PublicKeyAsSecret => {
            let secret = text(modulus(&RSA));
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), bytes).as_ref().into()
        }
        Signer::Nobody => Vec::new(),
    };
    format!("{message}.{}", text(signature))
}
