//! The reasons of this crate's refusals, as [`Reason`](coffer_dialect::Reason) describes them.

coffer_dialect::reasons! {
    PAYOUT_ABOVE_AVAILABLE = "payout.above_available":
        "the payout was more than the account has available, without what is pending or held",
        "look at the account's balance, or send reported=true if the payout has taken place";
    PAYOUT_STATUS = "payout.status":
        "a payout with the status that it has cannot get that one",
        "look at the payout, and at the order of the processor's reports";
    BALANCE_OVERFLOW = "ledger.overflow":
        "a balance would go beyond what the ledger can count",
        "send amounts in the currency's minor unit";
    CREATED_AHEAD = "intake.created_ahead":
        "its 'created' lies in the future",
        "look at the caller's clock, and whether it sends milliseconds";
    TOLD_OTHERWISE = "intake.told_otherwise":
        "the processor's id was sent before with another '{about}'",
        "send what follows from it as another object; what was told first stays";
    FILTERS_EXCLUSIVE = "ledger.filters_exclusive":
        "it had two filters that exclude each other",
        "send 'payout' or 'source'";
    REFUND_ABOVE_REST = "refund.above_rest":
        "the refund was more than what is left of its charge",
        "look at the charge and its refunds";
    FEE_OF_LOST_DISPUTE = "dispute.fee_of_lost":
        "the fee of a lost dispute does not come back",
        "leave fee_returned out";
    AVAILABLE_ON_RANGE = "charge.available_on":
        "the charge's 'available_on' lay before it, or more than a year after it",
        "send a time within the bounds that the response names";
    PROCESSOR_ID = "intake.processor_id":
        "its '{about}' has characters that no processor's id has",
        "send letters, digits and - . _ ~ only";
}
