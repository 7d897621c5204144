//! A receiver of traces: OTLP over HTTP, as JSON.

use crate::received::Received;
use serde_json::Value;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// What one request to the receiver brought.
#[derive(Debug)]
pub struct Export {
    /// The request's line and headers.
    pub head: String,
    /// Its body.
    pub body: Value,
}

impl Export {
    /// All spans that it brought.
    pub fn spans(&self) -> Vec<Value> {
        let spans = &self.body["resourceSpans"][0]["scopeSpans"][0]["spans"];
        spans.as_array().unwrap_or_else(|| panic!("no spans: {}", self.body)).clone()
    }
}

/// A receiver that answers each request with the same status. Its thread ends with the test.
pub struct OtlpReceiver {
    port: u16,
    exports: Receiver<Export>,
}

impl OtlpReceiver {
    /// One that takes what it is sent, if `status` says so: such as `200 OK`.
    pub fn start(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (taken, exports) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                serve(stream, status, &taken);
            }
        });
        Self { port, exports }
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` would be.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits for the next request.
    pub fn next(&self) -> Export {
        self.exports.recv_timeout(crate::PATIENCE).expect("nothing is sent to the receiver")
    }

    /// What has arrived and was not looked at.
    pub fn rest(&self) -> Vec<Export> {
        self.exports.try_iter().collect()
    }
}

fn serve(mut stream: TcpStream, status: &str, taken: &Sender<Export>) {
    let Ok(Some(Received { head, body })) = Received::read(&stream) else { return };
    let body = serde_json::from_str(&body).unwrap();
    // Before the answer, so that whoever has that finds it here.
    let _ = taken.send(Export { head, body });
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
    let _ = stream.write_all(answer.as_bytes());
}
