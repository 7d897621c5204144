//! Results that are longer than the terminal, in the pager of whoever reads them.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::{Child, Command, Stdio};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The pager of whoever names none, and its flags: it ends by itself if all fits, passes colours
/// on, and leaves the text on the screen.
const DEFAULT: (&str, &str) = ("less", "-FRX");

/// What shells end with if there is no such command.
const NOT_FOUND: i32 = 127;

/// Shows `text` if it has more lines than a terminal of this height, and says whether it did.
/// `PAGER` names the pager, with arguments as a shell takes them; `cat` and an empty one are none.
pub fn has_shown(text: &str, height: Option<usize>) -> bool {
    let is_long = height.is_some_and(|height| text.lines().count() >= height);
    let setting = std::env::var_os("PAGER");
    let is_wanted = setting.as_ref().is_none_or(|pager| !pager.is_empty() && pager != "cat");
    is_long && is_wanted && is_paged(text, setting)
}

/// Whether the pager has shown the text.
fn is_paged(text: &str, setting: Option<OsString>) -> bool {
    let mut command = match setting {
        None => {
            let mut less = Command::new(DEFAULT.0);
            less.arg(DEFAULT.1);
            less
        }
        Some(pager) => {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(pager);
            shell
        }
    };
    // An interrupt is the pager's, which stays; this process would leave it with the terminal.
    let held = hold_interrupts();
    let Ok(mut child) = command.stdin(Stdio::piped()).spawn() else { return false };
    let written = write(&mut child, text);
    let status = child.wait();
    drop(held);
    // Whoever has seen enough closes it before the end.
    let is_closed = written.is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
    status.is_ok_and(|status| status.code() != Some(NOT_FOUND) && (status.success() || is_closed))
}

fn write(child: &mut Child, text: &str) -> io::Result<()> {
    let Some(mut stdin) = child.stdin.take() else { return Ok(()) };
    stdin.write_all(text.as_bytes())?;
    stdin.write_all(b"\n")
}

/// Takes interrupts, for as long as what is answered is there.
fn hold_interrupts() -> Option<(tokio::runtime::Runtime, Signal)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let guard = runtime.enter();
    let held = signal(SignalKind::interrupt()).ok()?;
    drop(guard);
    Some((runtime, held))
}
