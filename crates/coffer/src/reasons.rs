//! The reasons of this crate's refusals, as [`Reason`](coffer_dialect::Reason) describes them.

coffer_dialect::reasons! {
    CLOCK_GOALS = "clock.two_goals":
        "it had both 'seconds' and 'to'",
        "send one of them";
    CLOCK_RANGE = "clock.range":
        "the test clock moves forward only, by five years at most, and not beyond the year 9999",
        "send a time ahead, or use another key, which has a clock of its own";
    CLOCK_NOT_AGREEABLE = "clock.not_agreeable":
        "what the clock shows cannot be accepted",
        "set the machine's clock right";
    WATERMARK_AHEAD = "schedule.ahead":
        "watermarks are only set back, and it named a time ahead",
        "send an earlier time";
}
