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
    FAILURE_ABOVE_REST = "refund.failure_above_rest":
        "what failed of a refund was more than what is left of it",
        "look at the refund, and at the failures that were told of it";
    FEE_OF_LOST_DISPUTE = "dispute.fee_of_lost":
        "only the fee of a dispute that was won comes back with its word",
        "leave fee_returned out, or tell the fee by a movement";
    AMOUNT_OF_NOTHING = "intake.amount_of_nothing":
        "it moved nothing, or drew for money that comes in",
        "send an amount that is not 0; one that draws is negative";
    OTHER_CURRENCY = "intake.other_currency":
        "it was in another currency than its charge",
        "send the amount in the charge's currency, as the balance counts it";
    POOL_OF_TAKEN_CHARGE = "charge.source_type":
        "a refund or a dispute has taken of the charge, whose source_type stays therefore",
        "tell the source_type before what takes of the charge";
    DATE_OF_AVAILABLE = "charge.available_already":
        "the charge's money is available, so that its date does not move any more",
        "leave available_on out";
    PROCESSOR_ID_TAKEN = "payout.processor_id":
        "the processor's id is that of a payout of its own already",
        "set the payout that did not take place to failed";
    AVAILABLE_ON_RANGE = "charge.available_on":
        "the charge's 'available_on' lay before it, or more than a year after it",
        "send a time within the bounds that the response names";
    PROCESSOR_ID = "intake.processor_id":
        "its '{about}' has characters that no processor's id has",
        "send letters, digits and - . _ ~ only";
    OTHER_INTAKE = "intake.other":
        "the ledger's money is told in the other way at that time, and this would count twice",
        "tell facts or transactions, not both; POST /v1/ledger/settings says which";
    OTHER_REQUEST = "intake.other_request":
        "the payout that it names was asked for with another figure",
        "name the payout that it carries out, or leave payout_request out";
    OWN_TRANSACTION = "intake.own_transaction":
        "its id is that of a balance transaction which the ledger made",
        "tell what the processor lists, with its ids";
    APPLICATION_FEE_RANGE = "intake.application_fee":
        "the platform's part of the fee was more than the fee",
        "send all fees together as 'fee', and the platform's part of it as 'application_fee'";
    TRANSACTION_TYPE = "intake.type":
        "its '{about}' is no word of small letters, digits and '_'",
        "send the type as the processor writes it";
    EXCHANGE_RATE = "intake.exchange_rate":
        "its 'exchange_rate' is no decimal number",
        "send it as the processor writes it, such as 1.16342";
    INTAKE_NOT_EMPTY = "intake.not_empty":
        "the ledger has money already, so that its intake can change from a time on only",
        "send 'since' with it";
    PAGE_MALFORMED = "intake.page":
        "the body is no page of balance transactions, or has more of them than a page",
        "send the list as the processor answers it, at most 100 at a time";
}
