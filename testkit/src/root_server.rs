//! A server that answers as the transit engine of OpenBao and as AWS KMS do, right and wrong, in
//! the shapes that both publish. It needs nothing but the standard library: tests of other crates
//! include this file by its path.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How it answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Behaviour {
    /// As it should.
    Works,
    /// So many requests as a sealed OpenBao, and then as it should.
    SealedFor(u32),
    /// As OpenBao to a token that may not do this.
    Denied,
    /// As OpenBao where there is no such key.
    UnknownKey,
    /// As AWS where the key is disabled.
    Disabled,
    /// As AWS to too many requests.
    Throttled,
    /// As AWS where the ciphertext is another key's.
    OtherKey,
    /// As a standby that does not forward.
    Redirects,
    /// As a proxy with a page of its own.
    Page,
    /// With JSON that has other fields.
    OtherFields,
    /// With an answer that is longer than any.
    Long,
    /// With a refusal that repeats the request.
    Echoes,
    /// Not at all.
    Silent,
}

/// The server. It runs until the process ends.
pub struct RootServer {
    port: u16,
    state: Arc<State>,
}

struct State {
    behaviour: Mutex<Behaviour>,
    sealed: Mutex<HashMap<String, Sealed>>,
    seen: Mutex<Vec<Request>>,
    /// Connections that are never answered.
    held: Mutex<Vec<TcpStream>>,
}

struct Sealed {
    plaintext: String,
    context: String,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its path.
    pub path: String,
    /// Its head, in lower case.
    pub head: String,
    /// Its body.
    pub body: String,
}

impl RootServer {
    /// Starts it.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            behaviour: Mutex::new(Behaviour::Works),
            sealed: Mutex::default(),
            seen: Mutex::default(),
            held: Mutex::default(),
        });
        let of_thread = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that has given up is no matter of this server.
                let _ = stream.and_then(|stream| of_thread.serve(stream));
            }
        });
        Self { port, state }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Lets it answer otherwise.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.state.behaviour.lock().unwrap() = behaviour;
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Request> {
        self.state.seen.lock().unwrap().clone()
    }
}

impl State {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let request = read(&mut stream)?;
        self.seen.lock().unwrap().push(request.clone());
        let behaviour = self.next();
        if behaviour == Behaviour::Silent {
            self.held.lock().unwrap().push(stream);
            return Ok(());
        }
        let (status, body) = self.answer(behaviour, &request);
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nlocation: /\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())
    }

    fn next(&self) -> Behaviour {
        let mut behaviour = self.behaviour.lock().unwrap();
        let now = *behaviour;
        if let Behaviour::SealedFor(times) = now {
            *behaviour = match times {
                0 | 1 => Behaviour::Works,
                more => Behaviour::SealedFor(more - 1),
            };
        }
        now
    }

    fn answer(&self, behaviour: Behaviour, request: &Request) -> (&'static str, String) {
        let errors = |text: &str| format!("{{\"errors\":[\"{text}\"]}}");
        let aws = |name: &str, text: &str| {
            format!("{{\"__type\":\"com.amazonaws.kms#{name}\",\"message\":\"{text}\"}}")
        };
        match behaviour {
            Behaviour::Works => self.work(request),
            Behaviour::SealedFor(_) => ("503 Service Unavailable", errors("Vault is sealed")),
            Behaviour::Denied => {
                ("403 Forbidden", errors("1 error occurred:\\n\\t* permission denied\\n\\n"))
            }
            Behaviour::UnknownKey => ("400 Bad Request", errors("encryption key not found")),
            Behaviour::Disabled => (
                "400 Bad Request",
                aws("DisabledException", "arn:aws:kms:eu-west-1:1:key/k is disabled."),
            ),
            Behaviour::Throttled => {
                ("400 Bad Request", aws("ThrottlingException", "Rate exceeded"))
            }
            Behaviour::OtherKey => ("400 Bad Request", aws("InvalidCiphertextException", "")),
            Behaviour::Redirects => ("307 Temporary Redirect", String::new()),
            Behaviour::Page => ("200 OK", "<html>Please sign in</html>".to_owned()),
            Behaviour::OtherFields => ("200 OK", "{\"data\":{\"plaintext\":7}}".to_owned()),
            Behaviour::Long => ("200 OK", " ".repeat(1 << 20)),
            Behaviour::Echoes => ("400 Bad Request", errors(&request.body.replace('"', "'"))),
            Behaviour::Silent => ("500 Internal Server Error", String::new()),
        }
    }

    fn work(&self, request: &Request) -> (&'static str, String) {
        let Request { path, head, body } = request;
        let field = |name: &str| field(body, name);
        let operation =
            head.lines().find_map(|line| line.strip_prefix("x-amz-target: trentservice."));
        match (operation, path.rsplit('/').nth(1)) {
            (Some("encrypt"), _) => {
                let sealed = self.seal(field("Plaintext"), context(body), 1);
                ("200 OK", format!("{{\"CiphertextBlob\":\"{sealed}\",\"KeyId\":\"k\"}}"))
            }
            (Some(_), _) => match self.open(&field("CiphertextBlob"), &context(body)) {
                Some(plaintext) => {
                    ("200 OK", format!("{{\"Plaintext\":\"{plaintext}\",\"KeyId\":\"k\"}}"))
                }
                None => self.answer(Behaviour::OtherKey, request),
            },
            (None, Some("encrypt")) => {
                let sealed = self.seal(field("plaintext"), String::new(), 1);
                ("200 OK", format!("{{\"data\":{{\"ciphertext\":\"vault:v1:{sealed}\"}}}}"))
            }
            (None, Some(other)) => {
                let ciphertext = field("ciphertext");
                let sealed = ciphertext.rsplit(':').next().unwrap_or_default();
                match (self.open(sealed, ""), other) {
                    (None, _) => {
                        ("400 Bad Request", "{\"errors\":[\"invalid ciphertext\"]}".into())
                    }
                    (Some(plaintext), "decrypt") => {
                        ("200 OK", format!("{{\"data\":{{\"plaintext\":\"{plaintext}\"}}}}"))
                    }
                    (Some(plaintext), _) => {
                        let sealed = self.seal(plaintext, String::new(), 2);
                        ("200 OK", format!("{{\"data\":{{\"ciphertext\":\"vault:v2:{sealed}\"}}}}"))
                    }
                }
            }
            _ => ("404 Not Found", "{\"errors\":[]}".to_owned()),
        }
    }

    /// A ciphertext says nothing of its plaintext: it is a number, as base64 of some bytes.
    fn seal(&self, plaintext: String, context: String, version: u32) -> String {
        let mut sealed = self.sealed.lock().unwrap();
        let name = format!("AA{version:02}{:04}", sealed.len());
        sealed.insert(name.clone(), Sealed { plaintext, context });
        name
    }

    fn open(&self, name: &str, context: &str) -> Option<String> {
        let sealed = self.sealed.lock().unwrap();
        let found = sealed.get(name).filter(|sealed| sealed.context == context);
        found.map(|sealed| sealed.plaintext.clone())
    }
}

/// The text of a field of an object whose texts have nothing to escape.
fn field(body: &str, name: &str) -> String {
    let rest = body.split_once(&format!("\"{name}\":\"")).map_or("", |(_, rest)| rest);
    rest.split('"').next().unwrap_or_default().to_owned()
}

fn context(body: &str) -> String {
    let rest = body.split_once("\"EncryptionContext\":{").map_or("", |(_, rest)| rest);
    rest.split('}').next().unwrap_or_default().to_owned()
}

fn read(stream: &mut TcpStream) -> std::io::Result<Request> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                return Ok(Request { path, head: lower, body: body.to_owned() });
            }
        }
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(std::io::Error::other("the request was cut off"));
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
}
