//! A receiver of traces, metrics and logs: OTLP over HTTP, as JSON.

use crate::received::Received;
use serde_json::Value;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
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
    /// Where it went.
    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// All spans that it brought.
    pub fn spans(&self) -> Vec<Value> {
        self.records(["resourceSpans", "scopeSpans", "spans"])
    }

    /// All metrics that it brought.
    pub fn metrics(&self) -> Vec<Value> {
        self.records(["resourceMetrics", "scopeMetrics", "metrics"])
    }

    /// All lines of the log that it brought.
    pub fn lines(&self) -> Vec<Value> {
        self.records(["resourceLogs", "scopeLogs", "logRecords"])
    }

    fn records(&self, [resource, scope, list]: [&str; 3]) -> Vec<Value> {
        let records = self.body[resource][0][scope][0][list].as_array();
        records.unwrap_or_else(|| panic!("no {list}: {}", self.body)).clone()
    }
}

/// A receiver that answers each request with the same status, until that is another. Its thread
/// ends with the test.
pub struct OtlpReceiver {
    port: u16,
    status: Arc<Mutex<&'static str>>,
    exports: Receiver<Export>,
}

impl OtlpReceiver {
    /// One that takes what it is sent, if `status` says so: such as `200 OK`.
    pub fn start(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (taken, exports) = channel();
        let status = Arc::new(Mutex::new(status));
        let answered = Arc::clone(&status);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                serve(stream, &answered, &taken);
            }
        });
        Self { port, status, exports }
    }

    /// Answers what comes from now on with another status.
    pub fn answer(&self, status: &'static str) {
        *self.status.lock().unwrap() = status;
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` would be.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits for the next request.
    pub fn next(&self) -> Export {
        self.exports.recv_timeout(crate::PATIENCE).expect("nothing is sent to the receiver")
    }

    /// Waits for the next request to this path, and forgets those to others.
    pub fn next_to(&self, path: &str) -> Export {
        loop {
            let export = self.next();
            if export.path() == path {
                return export;
            }
        }
    }

    /// What has arrived and was not looked at.
    pub fn rest(&self) -> Vec<Export> {
        self.exports.try_iter().collect()
    }
}

fn serve(mut stream: TcpStream, status: &Mutex<&str>, taken: &Sender<Export>) {
    let Ok(Some(Received { head, body })) = Received::read(&stream) else { return };
    let body = serde_json::from_str(&body).unwrap();
    // What is asked before somebody changes it is answered as it was.
    let status = *status.lock().unwrap();
    // Before the answer, so that whoever has that finds it here.
    let _ = taken.send(Export { head, body });
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
    let _ = stream.write_all(answer.as_bytes());
}
