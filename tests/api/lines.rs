//! What this process writes to its log, from warnings on: the servers of all tests write into one
//! text, of which a test looks for lines with a word of its own.

use std::io::{Result, Write};
use std::sync::{Mutex, Once};
use tracing_subscriber::filter::LevelFilter;

static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        WRITTEN.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Keeps what is written from now on.
pub fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let lines = tracing_subscriber::fmt().json().with_max_level(LevelFilter::WARN);
        lines.with_writer(|| Lines).init();
    });
}

/// The lines that have a word.
pub fn with(word: &str) -> Vec<String> {
    let written = String::from_utf8_lossy(&WRITTEN.lock().unwrap()).into_owned();
    written.lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
}
