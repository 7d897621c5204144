//! Which accounts are fed where none is named: the key's own, those that are connected to it at
//! Stripe, and those that have a ledger here. New ones are found while others are fed.

use super::stripe::{Stripe, TRANSACTIONS};
use crate::cli::client::{Client, Expected};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output;
use serde_json::Value;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Where connected accounts are listed.
const CONNECTED: &str = "/v1/accounts";

/// How long only the newest of the connected accounts are looked at: a new one is nearly always
/// among them, and a list of thousands takes as long as feeding some of them.
const LISTED_WHOLE: Duration = Duration::from_secs(3_600);

/// The parameters of a list of which it only counts whether it may be read.
const ONE: [(&str, &str); 1] = [("limit", "1")];

/// Looks for accounts.
pub struct Finder<'a> {
    stripe: &'a Stripe,
    /// The server, for the platform itself.
    client: &'a Client,
    /// Accounts that were found, and those that the key may not read.
    known: HashSet<String>,
    /// Those of them that nobody has been told of yet.
    found: Vec<String>,
    /// When the lists were last read to their ends.
    whole: Option<Instant>,
    /// Whether it was said that Stripe lists no accounts.
    said: bool,
}

impl<'a> Finder<'a> {
    /// One that knows none yet.
    ///
    /// # Errors
    /// If the key cannot even read its own account.
    pub fn new(stripe: &'a Stripe, client: &'a Client) -> Result<Self, Failure> {
        stripe.get(None, TRANSACTIONS, &ONE)?;
        let (known, found) = (HashSet::new(), Vec::new());
        Ok(Self { stripe, client, known, found, whole: None, said: false })
    }

    /// The accounts that it did not answer before.
    ///
    /// # Errors
    /// If Stripe or the server stays away. What was found by then is answered the next time.
    pub fn find(&mut self) -> Result<Vec<String>, Failure> {
        let is_whole = self.whole.is_none_or(|whole| whole.elapsed() >= LISTED_WHOLE);
        self.look_at_connected(is_whole)?;
        if is_whole {
            self.look_at_ledgers()?;
            self.whole = Some(Instant::now());
        }
        Ok(std::mem::take(&mut self.found))
    }

    /// Looks at all connected accounts, or at the newest, up to a page that has no new one.
    fn look_at_connected(&mut self, is_whole: bool) -> Result<(), Failure> {
        let Self { known, found, .. } = self;
        let listed = self.stripe.pages(None, CONNECTED, &[], |page| {
            let before = found.len();
            found.extend(page.iter().filter_map(id_of).filter(|id| known.insert(id.clone())));
            let goes_on = is_whole || found.len() > before;
            Ok(if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        });
        let Err(failure) = listed else { return Ok(()) };
        if !is_refusal(&failure) {
            return Err(failure);
        }
        if !std::mem::replace(&mut self.said, true) {
            output::note(&format!(
                "coffer: connected accounts are not listed, so that only those are fed that have a \
                 ledger: {}",
                failure.message
            ));
        }
        Ok(())
    }

    /// Looks at the accounts that have a ledger here. The key may not read one that was
    /// disconnected, or that is none of Stripe's: such a one is said and left out.
    fn look_at_ledgers(&mut self) -> Result<(), Failure> {
        let ledgers = self.client.list("/v1/ledger/accounts", &[], None)?;
        let own = self.client.get("/v1/account", &[], Expected::object("account"));
        // Its ledger is fed with the key's own account, whatever that is called at Stripe.
        let own = own.ok().as_ref().and_then(id_of);
        let data = ledgers.get("data").and_then(Value::as_array);
        for id in data.into_iter().flatten().filter_map(id_of) {
            if own.as_ref() == Some(&id) || self.known.contains(&id) {
                continue;
            }
            match self.stripe.get(Some(&id), TRANSACTIONS, &ONE) {
                Ok(_) => self.found.push(id.clone()),
                Err(failure) if is_refusal(&failure) => output::note(&format!(
                    "coffer: {id} has a ledger here and is not fed: {}",
                    failure.message
                )),
                Err(failure) => return Err(failure),
            }
            self.known.insert(id);
        }
        Ok(())
    }
}

/// Whether the answer is about the account or the list, and will be the same next time.
fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.exit, Exit::Refused | Exit::NotFound | Exit::Failed)
}

fn id_of(object: &Value) -> Option<String> {
    object.get("id").and_then(Value::as_str).map(str::to_owned)
}
