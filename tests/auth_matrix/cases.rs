//! One case: a request, what it must come to, and what must not have happened besides.

use crate::change_detector::ChangeDetector;
use crate::expectations::{Expectation, account_of};
use crate::fixtures::installation::Fixtures;
use crate::fixtures::{Account, Credential, Kind};
use crate::operations::{Call, Operation};
use coffer_testkit::Answer;
use coffer_testkit::catalogue::Request;
use memchr::memmem;
use std::collections::HashMap;

/// Who asks what, and for whom.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    pub operation: &'a Operation,
    pub who: &'a Credential,
    pub named: Option<Account>,
    /// What the request is about, for the report.
    pub about: &'a str,
    pub expect: Expectation,
    /// What an answer that grants the request may hold.
    pub own: &'a [&'a str],
    /// The name, id or cursor that the request is about: a refusal that tells it must be the
    /// same for every other.
    pub subject: &'a str,
}

/// The cases that were asked, and what was wrong with them.
pub struct Run {
    pub fixtures: Fixtures,
    pub changes: ChangeDetector,
    pub asked: usize,
    pub allowed: usize,
    failures: Vec<String>,
    wrong: usize,
    alike: HashMap<String, String>,
}

/// How many wrong cases are told in full.
const TOLD: usize = 25;

impl Run {
    pub fn over(fixtures: Fixtures) -> Self {
        let changes = ChangeDetector::over(&fixtures.server);
        let alike = HashMap::new();
        Self { fixtures, changes, asked: 0, allowed: 0, failures: Vec::new(), wrong: 0, alike }
    }

    /// Asks, and checks the answer; it is given back if the request was to be allowed and was.
    pub fn ask(&mut self, case: Case<'_>, ask: &Request) -> Option<Answer> {
        self.asked += 1;
        if !case.operation.writes || case.expect != Expectation::Allowed {
            self.changes.prepare(&self.fixtures.server);
        }
        let answer = self.send(case, ask);
        let wrong = match case.expect {
            Expectation::Allowed => granted(&answer),
            Expectation::Refused { status, code, param } => {
                self.denied(&answer, status, code, param)
            }
        };
        let wrong = wrong.and_then(|()| self.leaks(case, ask, &answer));
        let wrong = wrong.and_then(|()| self.alike(case, &answer));
        let good = wrong.is_ok();
        if let Err(wrong) = wrong {
            self.tell(case, &format!("{wrong}\n    {} {}", answer.status, answer.body));
            self.changes.has_changed(&self.fixtures.server);
        }
        let granted = good && case.expect == Expectation::Allowed;
        self.allowed += usize::from(granted);
        granted.then_some(answer)
    }

    /// Checks what an allowed request did.
    pub fn check(&mut self, case: Case<'_>, holds: bool, what: &str) {
        if !holds {
            self.tell(case, what);
        }
    }

    fn tell(&mut self, case: Case<'_>, wrong: &str) {
        self.wrong += 1;
        if self.failures.len() < TOLD {
            let Case { operation, who, named, about, expect, .. } = case;
            self.failures.push(format!(
                "{} by [{}] for {named:?} about {about}: expected {expect:?}: {wrong}",
                operation.name, who.name
            ));
        }
    }

    fn send(&self, case: Case<'_>, ask: &Request) -> Answer {
        let mut caller = self.fixtures.anyone.clone();
        if let Some(token) = &case.who.token {
            caller = caller.with_key(token);
        }
        if let Some(account) = case.named {
            caller = caller.for_account(account.id());
        }
        ask.send(&caller)
    }

    fn denied(
        &mut self,
        answer: &Answer,
        status: u16,
        code: Option<&str>,
        param: Option<&str>,
    ) -> Result<(), String> {
        let json = answer.json();
        let error = json.get("error").ok_or("no error in the body")?;
        let text = |field: &str| error.get(field).and_then(serde_json::Value::as_str);
        if (answer.status, text("code"), text("param")) != (status, code, param) {
            return Err("another refusal".to_owned());
        }
        if text("type") != Some("invalid_request_error") {
            return Err("another type".to_owned());
        }
        if (status == 401) != answer.header("www-authenticate").is_some() {
            return Err("WWW-Authenticate belongs to a 401".to_owned());
        }
        if self.changes.has_changed(&self.fixtures.server) {
            Err("something changed".to_owned())
        } else {
            Ok(())
        }
    }

    /// Whether the answer holds what the caller neither sent nor owns.
    fn leaks(&self, case: Case<'_>, ask: &Request, answer: &Answer) -> Result<(), String> {
        let account = account_of(case.who, case.named).id();
        let granted = case.expect == Expectation::Allowed;
        let sent = |text: &str| {
            ask.path.contains(text) || ask.params.iter().any(|(_, value)| value.contains(text))
        };
        let own = |text: &str| granted && case.own.contains(&text);
        let headers = answer.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
        let all = headers.collect::<String>() + &answer.body;
        for secret in &self.fixtures.secrets {
            // A quarter of the run would go by with `str::contains`, compiled for tests.
            let holds = memmem::find(all.as_bytes(), secret.as_bytes()).is_some();
            if holds && !own(secret) {
                return Err(format!("it tells {secret}"));
            }
        }
        // The operator sees who is who.
        if granted && matches!(case.who.kind, Kind::Admin(_)) {
            return Ok(());
        }
        // An id is a word, so each word is looked up instead of each id being looked for.
        let mut words = all.split(|letter| !is_of_word(letter));
        let told = words.find(|word| {
            self.fixtures.ids.contains(*word) && !own(word) && !sent(word) && *word != account
        });
        told.map_or(Ok(()), |id| Err(format!("it tells {id}")))
    }

    /// Refusals that must not tell whether something exists are the same for what exists and for
    /// what does not, byte by byte, apart from the text that the caller sent.
    fn alike(&mut self, case: Case<'_>, answer: &Answer) -> Result<(), String> {
        let Expectation::Refused { code: Some(code), .. } = case.expect else { return Ok(()) };
        let looks_at = case.operation.call == Call::LookAtAccount && !case.subject.is_empty();
        let (key, sent) = match (code, case.named) {
            // What is refused is the account that the path names.
            ("account_invalid", _) if looks_at => (format!("look {}", case.who.name), case.subject),
            ("account_invalid", Some(account)) => {
                (format!("account {}", case.who.name), account.id())
            }
            ("resource_missing", _) => (format!("subject {}", case.operation.name), case.subject),
            _ => return Ok(()),
        };
        let varies = ["request-id", "original-request", "date", "content-length"];
        let account_varies = code == "resource_missing" || looks_at;
        let headers = answer.headers.iter().filter(|(name, _)| {
            let varies = varies.contains(&name.as_str());
            !varies && (name != "stripe-account" || !account_varies)
        });
        let headers: String = headers.map(|(name, of)| format!("{name}: {of}\n")).collect();
        let told = (headers + &answer.body).replace(sent, "<sent>");
        let first = self.alike.entry(key).or_insert_with(|| told.clone());
        if *first == told { Ok(()) } else { Err(format!("it differs from\n    {first}")) }
    }

    /// Ends the run.
    pub fn report(self) {
        println!("{} cases, {} of them allowed", self.asked, self.allowed);
        assert!(
            self.wrong == 0,
            "{} of {} cases are wrong, such as:\n{}",
            self.wrong,
            self.asked,
            self.failures.join("\n")
        );
    }
}

/// Whether ids may hold this.
pub fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || ['_', '-'].contains(&letter)
}

fn granted(answer: &Answer) -> Result<(), String> {
    if !matches!(answer.status, 200 | 202) {
        return Err("refused".to_owned());
    }
    // Metrics are a text.
    if !answer.header("content-type").is_some_and(|form| form.starts_with("application/json")) {
        return Ok(());
    }
    match answer.json().get("error") {
        Some(_) => Err("a success with an error".to_owned()),
        None => Ok(()),
    }
}
