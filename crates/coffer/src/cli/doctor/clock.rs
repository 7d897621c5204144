//! Checks of the clock against what the store knows of the time.

use super::Finding;
use coffer::calendar::time;
use coffer_base::{Timestamp, limit};
use coffer_kernel::{ClockRecord, clock_record, latest_watermark};
use coffer_storage::Store;

const CHECK: &str = "clock";

/// What the store says of this machine's clock, which shows `now`.
pub(super) async fn check(data: &Store, now: Timestamp) -> Vec<Finding> {
    let record = match clock_record(data).await {
        Ok(record) => record.and_then(|record| against(record, now, data.is_shared())),
        Err(error) => Some(Finding::fail(CHECK, error.to_string(), "")),
    };
    let watermark = latest_watermark(data).await.ok().flatten().and_then(|at| ahead(at, now));
    record.into_iter().chain(watermark).collect()
}

/// While one of these holds, servers release and delete nothing.
fn against(record: ClockRecord, now: Timestamp, shared: bool) -> Option<Finding> {
    let (shown, seen) = (time(now.unix()), time(record.seen.unix()));
    let waits = "until then nothing is released, deleted or pruned";
    if record.doubted {
        let found = format!("a server's clock has jumped ahead of {seen}; it is {shown} here");
        let advice = format!("see `coffer clock show`, and set the clock right; {waits}");
        return Some(Finding::fail(CHECK, found, advice));
    }
    let off = now.unix().saturating_sub(record.seen.unix());
    if off < -limit::CLOCK_TOLERANCE_SECONDS {
        let found = format!("it is {shown} here, and the store was in use at {seen}");
        let advice = format!(
            "set the clock right; if it is, run `coffer clock accept` beside a server; {waits}"
        );
        return Some(Finding::fail(CHECK, found, advice));
    }
    (off > limit::CLOCK_GAP_SECONDS && !shared).then(|| {
        let found = format!("it is {shown} here, and the store was last in use at {seen}");
        let advice =
            format!("if the clock is right, run `coffer clock accept` beside a server; {waits}");
        Finding::warn(CHECK, found, advice)
    })
}

fn ahead(watermark: Timestamp, now: Timestamp) -> Option<Finding> {
    (watermark > now).then(|| {
        let found =
            format!("a clock that was ahead has raised watermarks to {}", time(watermark.unix()));
        let advice = "run `coffer schedule rewind`: until then nothing is released";
        Finding::warn("schedule", found, advice)
    })
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn what_a_server_would_wait_for_is_found() {
        let now = Timestamp::from_unix(1_800_000_000);
        let verdict = |seen, doubted, shared| {
            let record = ClockRecord { seen: now.plus(seen), proven: now, doubted };
            against(record, now, shared).map(|finding| finding.verdict)
        };
        for (seen, doubted, shared, expected) in [
            (0, false, false, None),
            (-limit::CLOCK_GAP_SECONDS, false, false, None),
            (-limit::CLOCK_GAP_SECONDS - 1, false, false, Some(Verdict::Warn)),
            (-limit::CLOCK_GAP_SECONDS - 1, false, true, None),
            (60, false, false, Some(Verdict::Fail)),
            (0, true, true, Some(Verdict::Fail)),
        ] {
            assert_eq!(verdict(seen, doubted, shared), expected, "{seen} {doubted} {shared}");
        }
        assert!(ahead(now, now).is_none());
        assert_eq!(ahead(now.plus(1), now).unwrap().verdict, Verdict::Warn);
    }
}
