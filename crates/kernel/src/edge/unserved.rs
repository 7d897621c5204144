//! What Stripe's API has and Coffer does not: whoever sends such a request has the right path and
//! the wrong server, and is told so.

/// What is served, for the message.
pub(super) const SERVED: &str = "the Secret Store (/v1/apps/secrets), app installs \
    (/v1/apps/installs), Reserves (/v1/reserve), balances (/v1/balance, /v1/balance_transactions), \
    /v1/events, /v1/account and ephemeral keys of its own (/v1/ephemeral_keys)";

/// The first segments of Stripe's paths that are not served, behind `/v1/`.
const SEGMENTS: [&str; 72] = [
    "account_links",
    "account_sessions",
    "apple_pay",
    "application_fees",
    "balance_settings",
    "billing",
    "billing_portal",
    "capital",
    "charges",
    "checkout",
    "climate",
    "confirmation_tokens",
    "country_specs",
    "coupons",
    "credit_notes",
    "crypto",
    "customer_sessions",
    "customers",
    "disputes",
    "entitlements",
    "exchange_rates",
    "external_accounts",
    "file_links",
    "files",
    "financial_connections",
    "forwarding",
    "gift_cards",
    "identity",
    "invoice_payments",
    "invoice_rendering_templates",
    "invoiceitems",
    "invoices",
    "issuing",
    "link",
    "linked_accounts",
    "login_links",
    "mandates",
    "oauth",
    "orders",
    "payment_attempt_records",
    "payment_intents",
    "payment_links",
    "payment_method_configurations",
    "payment_method_domains",
    "payment_methods",
    "payment_records",
    "payouts",
    "persons",
    "plans",
    "prices",
    "products",
    "promotion_codes",
    "quotes",
    "radar",
    "refunds",
    "reporting",
    "reviews",
    "setup_attempts",
    "setup_intents",
    "shipping_rates",
    "sigma",
    "skus",
    "sources",
    "subscription_items",
    "subscription_schedules",
    "subscriptions",
    "tax",
    "tax_codes",
    "tax_ids",
    "tax_rates",
    "terminal",
    "tokens",
];

/// Segments whose first objects or calls alone are served.
const IN_PART: [&str; 5] = ["accounts", "apps", "topups", "transfers", "treasury"];

/// Whether Stripe's API has paths like this one. It was not found among those that are served.
pub(super) fn is_of_stripe(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/v1/") else { return false };
    let first = rest.split('/').next().unwrap_or_default();
    let is_whole = !rest.ends_with('/');
    is_whole && (SEGMENTS.contains(&first) || IN_PART.contains(&first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_stripes_that_are_whole_are_known() {
        for path in ["/v1/customers", "/v1/customers/cus_1", "/v1/accounts", "/v1/issuing/cards"] {
            assert!(is_of_stripe(path), "{path}");
        }
        for path in ["/v1/customer", "/v1/customers/", "/v2/customers", "/customers", "/v1/", "/v1"]
        {
            assert!(!is_of_stripe(path), "{path}");
        }
    }
}
