//! The reasons of this crate's refusals, as [`Reason`](coffer_dialect::Reason) describes them.

coffer_dialect::reasons! {
    TYPE_TOO_NEW = "plan.type_too_new":
        "the version of the API that it asked for has no plans with manual release",
        "send a newer Stripe-Version";
    TOO_MANY_PLANS = "plan.too_many":
        "the account has {about} active plans, which is as many as it may",
        "disable one; every charge looks at all of them";
    BLOCK_OF_OTHER_TYPE = "plan.block_of_other_type":
        "it had the block '{about}', which belongs to another type of plan",
        "send the block that is named after the plan's type";
    PLAN_NOT_ACTIVE = "plan.not_active":
        "the plan is {about}, and only an active one can be changed or disabled",
        "make another plan";
    EXPIRY_PAST = "plan.expiry_past":
        "the plan would have expired before it was made",
        "send a time ahead, in Unix seconds";
    DATE_RANGE = "reserve.date_range":
        "the date of '{about}' is too near or too far",
        "send one within the bounds that the response names";
    CURRENCY_OF_HOLD = "release.currency":
        "the hold is in another currency",
        "leave currency out, or send the hold's own";
    NOTHING_LEFT = "release.nothing_left":
        "nothing of the hold can be released: {about}",
        "look at the hold and its releases";
    ABOVE_REST = "release.above_rest":
        "the release was more than what is left of the hold",
        "leave amount out to release all that is left";
    TOO_MANY_RELEASES = "release.too_many":
        "the hold was released in as many parts as it can be by request",
        "wait for its date, when the rest is released";
    HOLD_ABOVE_AVAILABLE = "hold.above_available":
        "the hold was more than the account has available, and reserve_strict refuses that",
        "look at the account's balance, or switch reserve_strict off";
    NO_DATE_TO_MOVE = "hold.no_date":
        "the hold has no date that could be moved: all of it was released, or is being released",
        "look at the hold";
    TOO_MANY_LEDGERS = "report.too_many_ledgers":
        "there are more ledgers than one question reads",
        "send the platform or the account";
    AS_OF_AHEAD = "report.as_of_ahead":
        "the moment that it asked about lies ahead",
        "send a time in the past, in Unix seconds; what is to come is in the forecast";
    STORY_AMBIGUOUS = "story.ambiguous":
        "several ledgers have an object with that id",
        "send the mode, the platform and the account, which the response names";
    PROPOSAL = "simulation.plan":
        "a plan to be simulated could not be read, or there were too many",
        "send what the response names, such as percent=10,days_after_charge=30";
    TOO_MANY_CHARGES = "simulation.too_many_charges":
        "there are more charges than one simulation reads",
        "send a later since, or one account";
}
