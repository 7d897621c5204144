//! `GET /v1/admin/requests/:id`: why a request got what it got, in one sentence, and what to do.

use crate::{audit, limits};
use coffer_base::civil::readable;
use coffer_base::{AccountId, Mode};
use coffer_dialect::{ApiError, Object, Reason};
use coffer_kernel::explain::{Explainer, Finding, Refusal, StoredEntry, of_request};
use coffer_kernel::{
    Access, Arguments, Ctx, Definition, Failure, Family, ReadOperation, storage_failure,
};
use coffer_keyring::Keyring;
use coffer_secrets::limits::SECRET_NAME_CHARACTERS;
use coffer_storage::{StorageError, Store};
use std::sync::Arc;
use std::time::Duration;

/// What the operation works with.
pub struct ExplainSources {
    /// The reasons of all refusals.
    reasons: Vec<&'static Reason>,
    explainers: Vec<Explainer>,
    keyring: Arc<Keyring>,
}

/// The reasons of all families, and of what is no family.
pub fn reasons<'a>(families: impl Iterator<Item = &'a Family>) -> Vec<&'static Reason> {
    let dialect = coffer_dialect::reasons::ALL;
    let own = [dialect, coffer_identity::reasons::ALL, crate::reasons::ALL];
    own.into_iter().chain(families.map(|family| family.reasons)).flatten().collect()
}

impl ExplainSources {
    /// The reasons and look-ups of all families, and of what is no family.
    pub fn new<'a>(
        families: impl Iterator<Item = &'a Family> + Clone,
        keyring: Arc<Keyring>,
    ) -> Self {
        let reasons = reasons(families.clone());
        let own = coffer_identity::EXPLAINERS.iter();
        let explainers = own.chain(families.flat_map(|family| family.explainers)).copied();
        let explainers = explainers.collect();
        Self { reasons, explainers, keyring }
    }

    fn reason(&self, code: &str) -> Option<&'static Reason> {
        self.reasons.iter().copied().find(|reason| reason.code == code)
    }

    /// What is found out about a refusal, beyond its reason.
    async fn look(
        &self,
        refusal: &Refusal<'_>,
        reason: &Reason,
    ) -> Result<Option<Finding>, ApiError> {
        let explainer = self.explainers.iter().find(|explainer| explainer.reason == reason);
        let Some(explainer) = explainer else { return Ok(None) };
        (explainer.look)(refusal).await.map_err(|error| storage_failure(&error))
    }
}

/// The operation.
pub struct Explain(pub ExplainSources);

/// What is asked for: a request.
pub struct Question {
    id: String,
    /// The name that it was about, if whoever asks knows it.
    name: Option<String>,
    /// The number of its entry in the audit, if whoever asks has seen it there: without it, a
    /// request that was not refused is looked for among all entries.
    entry: Option<u64>,
}

impl ReadOperation for Explain {
    const DEFINITION: Definition =
        Definition::get("admin.requests.retrieve", "/v1/admin/requests/:id", Access::AUDITED);
    type Input = Question;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Question, ApiError> {
        let fields = arguments.params.only(&["entry", "name"])?;
        let entry = fields.optional_plain("entry", limits::ENTRY_ID_CHARACTERS)?;
        let entry = entry.map(|entry| match audit::number(&entry) {
            Some(number) => Ok(number),
            None => Err(ApiError::invalid_param(
                "entry",
                "Invalid entry: it must be the id of an entry of the audit, such as aud_12.",
            )),
        });
        let name = fields.optional_plain("name", SECRET_NAME_CHARACTERS)?;
        Ok(Question { id: arguments.id().to_owned(), name, entry: entry.transpose()? })
    }

    async fn run(&self, question: &Question, _ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let entry = match seen(store, question).await? {
            None => find(store, &question.id).await?,
            seen => seen,
        };
        let Some(entry) = entry else {
            return Err(ApiError::not_found("request", &question.id, "id").into());
        };
        let refusal = Refusal {
            entry: &entry,
            name: question.name.as_deref(),
            store,
            keyring: &self.0.keyring,
        };
        let (because, advice) = self.because(&refusal).await?;
        Ok(render(&question.id, &entry, &because, &advice))
    }
}

/// The entry that whoever asks has seen, if it is of this request.
async fn seen(store: &Store, question: &Question) -> Result<Option<StoredEntry>, StorageError> {
    let Some(number) = question.entry else { return Ok(None) };
    let entry = coffer_audit::find_entry(store, number).await?;
    Ok(entry.filter(|entry| entry.text("request") == Some(&question.id)))
}

/// What is recorded of a request. Who asks right after its response may be ahead of the batch in
/// which that is written.
async fn find(store: &Store, id: &str) -> Result<Option<StoredEntry>, StorageError> {
    for _ in 0..limits::EXPLAIN_ATTEMPTS {
        if let Some(entry) = of_request(store, id).await? {
            return Ok(Some(entry));
        }
        tokio::time::sleep(Duration::from_millis(limits::EXPLAIN_AGAIN_MILLISECONDS)).await;
    }
    of_request(store, id).await
}

impl Explain {
    /// Why, and what to do.
    async fn because(&self, refusal: &Refusal<'_>) -> Result<(String, String), ApiError> {
        let entry = refusal.entry;
        let outcome = entry.text("outcome").unwrap_or_default();
        let Some(code) = entry.text("reason") else {
            return Ok(match outcome {
                "replayed" => (
                    "a request with the same idempotency key was carried out before, and its \
                     stored response was sent again"
                        .to_owned(),
                    "nothing".to_owned(),
                ),
                _ => ("it was in order".to_owned(), "nothing".to_owned()),
            });
        };
        let Some(reason) = self.0.reason(code) else {
            return Ok((
                format!("another version of the server refused it for the reason '{code}'"),
                "read the message of the response".to_owned(),
            ));
        };
        let finding = self.0.look(refusal, reason).await?;
        let Some(Finding { because, advice }) = finding else {
            return Ok((reason.why(entry.text("detail")), reason.advice.to_owned()));
        };
        Ok((because, advice.unwrap_or_else(|| reason.advice.to_owned())))
    }
}

/// The answer: the sentence, its two halves, and what the entry says.
fn render(id: &str, entry: &StoredEntry, because: &str, advice: &str) -> Object {
    let text = |column| entry.text(column).map(str::to_owned);
    let account = entry.text("account").and_then(|account| AccountId::parse_stored(account).ok());
    Object::new(id, "request")
        .set("account", account.map(|account| account.name().to_owned()))
        .set("actor", text("actor"))
        .set("actor_kind", text("actor_kind"))
        .set("advice", advice.to_owned())
        .set("app", text("app"))
        .set("at", entry.at().unix())
        .set("because", because.to_owned())
        .set("mode", entry.int("mode").and_then(Mode::from_code).map(Mode::as_str))
        .set("operation", text("operation"))
        .set("outcome", text("outcome"))
        .set("peer", text("peer"))
        .set("reason", text("reason"))
        .set("sentence", sentence(id, entry, because, advice))
        .set("server", text("server"))
        .set("status", entry.int("status"))
        .set("subject", text("subject"))
}

/// All of it as one sentence.
fn sentence(id: &str, entry: &StoredEntry, because: &str, advice: &str) -> String {
    let operation = entry.text("operation").unwrap_or("a request");
    let status = entry.int("status").map(|status| format!(" with {status}")).unwrap_or_default();
    let outcome = match entry.text("outcome").unwrap_or_default() {
        "refused" => format!("was refused{status}"),
        "failed" => format!("failed{status}"),
        "replayed" => "was answered with a stored response".to_owned(),
        _ => "was carried out".to_owned(),
    };
    let by = match (entry.text("actor_kind"), entry.text("actor")) {
        (Some("unknown"), _) | (_, None) => String::new(),
        (_, Some(actor)) => format!(" by {actor}"),
    };
    let at = readable(entry.at());
    format!("{id}, {operation}{by} at {at}, {outcome}, since {because}; what to do: {advice}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family_set::FamilySet;
    use std::collections::BTreeSet;

    /// What is recorded is a code alone, so each has one reason.
    #[test]
    fn no_two_reasons_have_one_code() {
        let families = FamilySet::default();
        let all: Vec<&Reason> = reasons(families.all());
        let codes: BTreeSet<_> = all.iter().map(|reason| reason.code).collect();
        assert_eq!(codes.len(), all.len());
        let whole = |text: &str| !text.is_empty() && !text.ends_with('.') && !text.contains("  ");
        for Reason { code, because, advice } in all {
            assert!(whole(because) && whole(advice), "{code}");
        }
    }
}
