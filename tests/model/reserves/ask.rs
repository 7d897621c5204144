//! What can be asked of the server, as values that the reference understands and as requests.

use super::reference::{Ledger, Taken, Terms};

/// The parameters of a request.
pub type Fields = Vec<(&'static str, String)>;

/// A charge as it is told; `None` is not sent.
#[derive(Clone, Debug)]
pub struct Charge {
    pub id: String,
    pub amount: i64,
    pub currency: &'static str,
    pub fee: Option<i64>,
    pub application_fee: Option<i64>,
    pub source_type: Option<&'static str>,
    pub source_transfer: Option<String>,
    pub created: Option<i64>,
    pub available_on: Option<i64>,
}

/// A refund or a dispute as it is told. Only disputes have fees.
#[derive(Clone, Debug)]
pub struct Claim {
    pub id: String,
    pub charge: String,
    pub amount: i64,
    pub fee: Option<i64>,
    pub created: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Payout {
    pub id: String,
    pub amount: i64,
    pub currency: &'static str,
    pub source_type: Option<&'static str>,
    pub reported: Option<bool>,
}

/// What is to change of a plan's terms.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    Nothing,
    ReleaseAfter(i64),
    Days(i64),
    ExpiresOn(Option<i64>),
}

/// A request that changes something. Plans and holds are told by their place in the reference;
/// beyond its end they are unknown.
#[derive(Clone, Debug)]
pub enum Ask {
    Charge(Charge),
    Fee { charge: String, fee: i64 },
    Refund(Claim),
    FailRefund { id: String },
    Dispute(Claim),
    EndDispute { id: String, status: &'static str, fee_returned: Option<bool> },
    Payout(Payout),
    EndPayout { id: String, status: &'static str },
    Plan { percent: i64, currency: Option<&'static str>, terms: Terms },
    ChangePlan { plan: usize, percent: Option<i64>, change: Change },
    Disable { plan: usize },
    Hold { amount: i64, currency: &'static str, source: Option<&'static str>, release_after: i64 },
    MoveHold { hold: usize, release_after: i64 },
    Release { hold: usize, amount: Option<i64>, currency: Option<&'static str> },
}

impl Ask {
    /// Its path and parameters. `ledger` knows the ids.
    pub fn request(&self, ledger: &Ledger) -> (String, Fields) {
        let told = |path: &str, fields: Fields| (format!("/v1/ledger/{path}"), fields);
        let reserve = |path: &str, fields: Fields| (format!("/v1/reserve/{path}"), fields);
        match self {
            Self::Charge(charge) => told("charges", charge.fields()),
            Self::Fee { charge, fee } => {
                told(&format!("charges/{charge}"), vec![("fee", fee.to_string())])
            }
            Self::Refund(claim) => told("refunds", claim.fields()),
            Self::FailRefund { id } => {
                told(&format!("refunds/{id}"), vec![("status", "failed".to_owned())])
            }
            Self::Dispute(claim) => told("disputes", claim.fields()),
            Self::EndDispute { id, status, fee_returned } => {
                let mut fields = vec![("status", (*status).to_owned())];
                add(&mut fields, "fee_returned", fee_returned.as_ref());
                told(&format!("disputes/{id}"), fields)
            }
            Self::Payout(payout) => told("payouts", payout.fields()),
            Self::EndPayout { id, status } => {
                told(&format!("payouts/{id}"), vec![("status", (*status).to_owned())])
            }
            Self::Plan { percent, currency, terms } => {
                let mut fields = vec![("percent", percent.to_string())];
                add(&mut fields, "currency", currency.as_ref());
                fields.extend(terms.fields());
                reserve("plans", fields)
            }
            Self::ChangePlan { plan, percent, change } => {
                let mut fields = Vec::new();
                add(&mut fields, "percent", percent.as_ref());
                fields.extend(change.field());
                reserve(&format!("plans/{}", ledger.plan_id(*plan)), fields)
            }
            Self::Disable { plan } => {
                reserve(&format!("plans/{}/disable", ledger.plan_id(*plan)), Vec::new())
            }
            Self::Hold { amount, currency, source, release_after } => {
                let mut fields =
                    vec![("amount", amount.to_string()), ("currency", (*currency).to_owned())];
                add(&mut fields, "source_type", source.as_ref());
                fields.push(("release_schedule[release_after]", release_after.to_string()));
                reserve("holds", fields)
            }
            Self::MoveHold { hold, release_after } => {
                let date = ("release_schedule[release_after]", release_after.to_string());
                reserve(&format!("holds/{}", ledger.hold_id(*hold)), vec![date])
            }
            Self::Release { hold, amount, currency } => {
                let mut fields = vec![("reserve_hold", ledger.hold_id(*hold))];
                add(&mut fields, "amount", amount.as_ref());
                add(&mut fields, "currency", currency.as_ref());
                reserve("releases", fields)
            }
        }
    }

    /// The word for it in the count of what happened.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Charge(_) => "charge",
            Self::Fee { .. } => "fee",
            Self::Refund(_) => "refund",
            Self::FailRefund { .. } => "refund fails",
            Self::Dispute(_) => "dispute",
            Self::EndDispute { .. } => "dispute ends",
            Self::Payout(_) => "payout",
            Self::EndPayout { .. } => "payout ends",
            Self::Plan { .. } => "plan",
            Self::ChangePlan { .. } => "plan changes",
            Self::Disable { .. } => "plan is disabled",
            Self::Hold { .. } => "hold",
            Self::MoveHold { .. } => "hold is moved",
            Self::Release { .. } => "release",
        }
    }

    /// The id of the charge that it is about.
    pub fn charge(&self, ledger: &Ledger) -> Option<String> {
        match self {
            Self::Charge(charge) => Some(charge.id.clone()),
            Self::Fee { charge, .. } => Some(charge.clone()),
            Self::Refund(claim) | Self::Dispute(claim) => Some(claim.charge.clone()),
            Self::FailRefund { id } => charge_of(&ledger.refunds, id),
            Self::EndDispute { id, .. } => charge_of(&ledger.disputes, id),
            _ => None,
        }
    }
}

fn charge_of(taken: &[Taken], id: &str) -> Option<String> {
    taken.iter().find(|one| one.told.id == id).map(|one| one.told.charge.clone())
}

fn add<T: ToString>(fields: &mut Fields, name: &'static str, value: Option<&T>) {
    fields.extend(value.map(|value| (name, value.to_string())));
}

impl Charge {
    fn fields(&self) -> Fields {
        let mut fields = vec![
            ("id", self.id.clone()),
            ("amount", self.amount.to_string()),
            ("currency", self.currency.to_owned()),
        ];
        add(&mut fields, "fee", self.fee.as_ref());
        add(&mut fields, "application_fee", self.application_fee.as_ref());
        add(&mut fields, "source_type", self.source_type.as_ref());
        add(&mut fields, "source_transfer", self.source_transfer.as_ref());
        add(&mut fields, "created", self.created.as_ref());
        add(&mut fields, "available_on", self.available_on.as_ref());
        fields
    }
}

impl Claim {
    fn fields(&self) -> Fields {
        let mut fields = vec![
            ("id", self.id.clone()),
            ("charge", self.charge.clone()),
            ("amount", self.amount.to_string()),
        ];
        add(&mut fields, "fee", self.fee.as_ref());
        add(&mut fields, "created", self.created.as_ref());
        fields
    }
}

impl Payout {
    fn fields(&self) -> Fields {
        let mut fields = vec![
            ("id", self.id.clone()),
            ("amount", self.amount.to_string()),
            ("currency", self.currency.to_owned()),
        ];
        add(&mut fields, "source_type", self.source_type.as_ref());
        add(&mut fields, "reported", self.reported.as_ref());
        fields
    }
}

impl Terms {
    fn fields(self) -> Fields {
        let kind = |word: &str| ("type", word.to_owned());
        match self {
            Self::Fixed { release_after } => vec![
                kind("fixed_release"),
                ("fixed_release[release_after]", release_after.to_string()),
            ],
            Self::Rolling { days, expires_on } => {
                let mut fields = vec![
                    kind("rolling_release"),
                    ("rolling_release[days_after_charge]", days.to_string()),
                ];
                add(&mut fields, "rolling_release[expires_on]", expires_on.as_ref());
                fields
            }
            Self::Manual => vec![kind("manual_release")],
        }
    }
}

impl Change {
    fn field(self) -> Option<(&'static str, String)> {
        match self {
            Self::Nothing => None,
            Self::ReleaseAfter(at) => Some(("fixed_release[release_after]", at.to_string())),
            Self::Days(days) => Some(("rolling_release[days_after_charge]", days.to_string())),
            Self::ExpiresOn(at) => {
                let text = at.map_or_else(String::new, |at| at.to_string());
                Some(("rolling_release[expires_on]", text))
            }
        }
    }
}
