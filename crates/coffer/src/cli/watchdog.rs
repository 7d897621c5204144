//! Telling the service manager that the server makes progress, so that one that hangs is started
//! anew (`WatchdogSec=`, sd_watchdog_enabled(3)).

use super::notify;
use coffer::serve::Pulse;
use std::time::Duration;

/// How many times in the time after which a silent server is killed: one that comes late is
/// not the last.
const TIMES: u32 = 3;

/// Tells of each beat of the pulse, for good; waits for ever if no service manager listens.
pub async fn tell(pulse: Pulse) {
    let within = asked(|name| std::env::var(name).ok(), std::process::id());
    let Some(within) = within else { return std::future::pending().await };
    loop {
        tokio::time::sleep(within / TIMES).await;
        pulse.beat().await;
        notify::alive();
    }
}

/// The time within which the service manager wants to hear of the process `own`, if it does.
fn asked(variable: impl Fn(&str) -> Option<String>, own: u32) -> Option<Duration> {
    let text = variable("WATCHDOG_USEC")?;
    if variable("WATCHDOG_PID").is_some_and(|of| of != own.to_string()) {
        return None;
    }
    match text.parse() {
        Ok(microseconds) if microseconds > 0 => Some(Duration::from_micros(microseconds)),
        _ => {
            tracing::warn!(text, "WATCHDOG_USEC is no number of microseconds");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_process_is_asked() {
        let within = |time: Option<&str>, of: Option<&str>| {
            let get = |name: &str| if name == "WATCHDOG_PID" { of } else { time };
            asked(|name| get(name).map(str::to_owned), 7)
        };
        assert_eq!(within(Some("1500000"), Some("7")), Some(Duration::from_millis(1500)));
        assert_eq!(within(Some("1"), None), Some(Duration::from_micros(1)));
        for (time, of) in
            [(None, None), (Some("1"), Some("8")), (Some("0"), None), (Some("x"), None)]
        {
            assert_eq!(within(time, of), None, "{time:?} {of:?}");
        }
    }
}
