//! An account's books, as the server shows them to the simulation.

use super::life::Life;
use super::wire::Request;
use crate::books::changes::Change;
use crate::books::fixture::{AccountView, PREVIEW, pools};
use serde_json::Value;

/// How a change is asked for.
pub fn request(change: &Change) -> Request {
    let request = Request::new("POST", &change.path, &[]);
    Request { params: change.params.clone(), ..request }
}

/// What the server shows of an account.
pub async fn shown(
    life: &Life,
    key: &str,
    account: Option<&String>,
) -> Result<AccountView, String> {
    let balance = Request {
        account: account.cloned(),
        version: Some(PREVIEW),
        ..Request::new("GET", "/v1/balance", &[])
    };
    let balance = life.ask(key, &balance).await?;
    if balance.status != 200 {
        return Err(format!("the balance: {balance:?}"));
    }
    Ok(AccountView {
        pools: pools(&balance.json()),
        holds: all(life, key, account, "/v1/reserve/holds").await?,
        plans: all(life, key, account, "/v1/reserve/plans").await?,
        releases: all(life, key, account, "/v1/reserve/releases").await?,
        breaches: all(life, key, account, "/v1/ledger/breaches").await?.len(),
    })
}

/// Everything of a list, oldest first.
pub async fn all(
    life: &Life,
    key: &str,
    account: Option<&String>,
    path: &str,
) -> Result<Vec<Value>, String> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let after = all.last().map(|one| one["id"].as_str().unwrap_or_default().to_owned());
        let mut params = vec![("limit", "100")];
        params.extend(after.as_deref().map(|id| ("starting_after", id)));
        let request = Request::new("GET", path, &params);
        let page = life.ask(key, &Request { account: account.cloned(), ..request }).await?;
        if page.status != 200 {
            return Err(format!("{path}: {page:?}"));
        }
        let page = page.json();
        all.extend(page["data"].as_array().into_iter().flatten().cloned());
        if page["has_more"] == false {
            all.reverse();
            return Ok(all);
        }
    }
}
