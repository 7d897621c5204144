//! How the money of a ledger is told: by facts or by transactions.

use super::{LEDGER_READ, LEDGER_WRITE, TRANSIENT};
use crate::model::intake::{Intake, IntakeRule};
use crate::operations::examples;
use crate::params::optional_time;
use crate::reasons;
use crate::store::journal as store;
use crate::tx::LedgerTx;
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{Applied, Arguments, Ctx, Definition, Failure, ReadOperation, WriteOperation};
use coffer_storage::{Store, Tx};

/// `GET /v1/ledger/settings`.
pub(crate) struct Retrieve;

impl ReadOperation for Retrieve {
    const DEFINITION: Definition =
        Definition::retrieve("ledger.settings.retrieve", "/v1/ledger/settings", LEDGER_READ, &[]);
    type Input = ();

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(), ApiError> {
        arguments.params.only(&[]).map(drop)
    }

    async fn run(&self, _input: &(), ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let rule = store::read_intake(store, &ctx.owner()).await?;
        Ok(render(rule, ctx.tenant().mode.is_live()))
    }
}

/// `POST /v1/ledger/settings`.
pub(crate) struct Update;

impl WriteOperation for Update {
    const DEFINITION: Definition =
        Definition::write("ledger.settings.update", "/v1/ledger/settings", LEDGER_WRITE, &[])
            .one_at_a_time()
            .retries(TRANSIENT)
            .example(examples::SETTINGS_UPDATE);
    type Input = IntakeRule;
    type Out = IntakeRule;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<IntakeRule, ApiError> {
        let fields = arguments.params.only(&["intake", "since"])?;
        let intake = Some(fields.required_choice("intake", &Intake::CHOICES)?);
        Ok(IntakeRule { intake, since: optional_time(&fields, "since")? })
    }

    /// Sets the intake of a ledger that is empty, or that of the time from `since` on.
    async fn apply(
        &self,
        rule: &IntakeRule,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<IntakeRule>, Failure> {
        let owner = ctx.owner();
        let ledger = LedgerTx::begin(tx, &owner, ctx.cause()).await?;
        let same = ledger.intake == *rule;
        let set_anew = rule.since.is_none() && ledger.intake.intake != rule.intake;
        // What was told in facts before anybody set the intake stays facts.
        let confirms = ledger.intake.intake.is_none() && rule.intake == Some(Intake::Facts);
        if !same && set_anew && !confirms && !store::is_empty(ledger.tx, &owner).await? {
            let message = "This ledger has money already. Its intake can change from a time on: \
                           send 'since' with it, in Unix seconds.";
            let error = ApiError::invalid_param("since", message);
            return Err(error.because(&reasons::INTAKE_NOT_EMPTY).into());
        }
        store::set_intake(ledger.tx, &owner, *rule);
        ledger.finish();
        Ok(Applied { subject: String::new(), out: *rule, fingerprint: None })
    }

    fn render(&self, rule: &IntakeRule, ctx: &Ctx) -> Object {
        render(*rule, ctx.tenant().mode.is_live())
    }
}

/// The object on the wire.
fn render(rule: IntakeRule, livemode: bool) -> Object {
    Object::singleton("ledger.settings")
        .set("intake", rule.intake.map(Intake::as_str).map(str::to_owned))
        .set("livemode", livemode)
        .set("since", rule.since)
}
