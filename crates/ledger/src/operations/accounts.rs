//! The accounts of a platform, with what each has, owes and is to get: what the platform answers
//! for, in one list. On behalf of an account it is a list of that one.

use super::LEDGER_READ;
use crate::limits;
use crate::model::account::Bucket;
use crate::model::entry::Balance;
use crate::params::optional_currency;
use crate::rules::ReserveRules;
use crate::store::account::{self as store, Filter, Start};
use crate::store::journal;
use coffer_base::id::AccountId;
use coffer_base::{Currency, Owner};
use coffer_dialect::{ApiError, Direction, Object, PageRequest, Value, list};
use coffer_kernel::{Access, Arguments, Ctx, Definition, Failure, ReadOperation};
use coffer_storage::Store;

/// `GET /v1/ledger/accounts`, for the platform itself.
pub(crate) struct Accounts<R>(pub(crate) R);

/// The parameters of the list.
pub(crate) struct Input {
    filter: Filter,
    page: PageRequest,
}

impl<R: ReserveRules> ReadOperation for Accounts<R> {
    const DEFINITION: Definition = Definition::get(
        "ledger.accounts.list",
        "/v1/ledger/accounts",
        Access::Tenant { permission: LEDGER_READ },
    )
    .as_list();
    type Input = Input;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Input, ApiError> {
        let fields = arguments
            .params
            .only(&[&["currency", "negative"][..], &PageRequest::PARAMS].concat())?;
        let filter = Filter {
            currency: optional_currency(&fields, "currency")?,
            negative: fields.optional_bool("negative")? == Some(true),
        };
        Ok(Input { filter, page: PageRequest::parse(&fields)? })
    }

    async fn run(&self, input: &Input, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let Owner { mode, platform, account: own } = ctx.owner();
        let (account, before) = match &input.page.cursor {
            None => ("", false),
            Some((direction, id)) => (id.as_str(), *direction == Direction::Before),
        };
        if !account.is_empty() {
            self.check_cursor(store, ctx, account, before).await?;
        }
        let fetch = input.page.limit.saturating_add(1);
        // On behalf of an account, the list is of that one alone.
        let only = Some(&own).filter(|_| ctx.is_connect());
        let from = Start { account, before, only, fetch };
        let mut owners = store::page(store, (mode, &platform), &input.filter, from).await?;
        let most = usize::try_from(input.page.limit).unwrap_or_default();
        let has_more = owners.len() > most;
        owners.truncate(most);
        if before {
            owners.reverse();
        }
        ctx.audit_amount(owners.len());
        let mut objects = Vec::new();
        for owner in owners {
            objects.push(self.render(store, ctx, &owner, input.filter.currency).await?);
        }
        Ok(list(objects, has_more, Self::DEFINITION.path))
    }
}

impl<R: ReserveRules> Accounts<R> {
    /// Refuses a cursor that names no account of the list: a page from anywhere else would skip
    /// some.
    async fn check_cursor(
        &self,
        store: &Store,
        ctx: &Ctx,
        account: &str,
        before: bool,
    ) -> Result<(), Failure> {
        let param = if before { "ending_before" } else { "starting_after" };
        let unknown = || ApiError::no_such("account", account, param);
        let id = AccountId::parse(account).map_err(|_| unknown())?;
        if ctx.is_connect() && id != ctx.owner().account {
            return Err(unknown().into());
        }
        let balances = journal::balances(store, &Owner { account: id, ..ctx.owner() }).await?;
        if balances.is_empty() { Err(unknown().into()) } else { Ok(()) }
    }

    /// An account on the wire: a row for each currency, of all its pools together.
    async fn render(
        &self,
        store: &Store,
        ctx: &Ctx,
        owner: &Owner,
        only: Option<Currency>,
    ) -> Result<Object, Failure> {
        let until = ctx.now().plus(limits::DUE_SOON_SECONDS);
        let due = self.0.due(store, owner, until).await?;
        let mut rows: Vec<(Currency, Balance, bool)> = Vec::new();
        for (pool, balance) in journal::balances(store, owner).await? {
            let below = balance.payments() < 0;
            match rows.last_mut() {
                Some((of, sum, negative)) if *of == pool.currency => {
                    *sum = sum.plus(&balance);
                    *negative |= below;
                }
                _ => rows.push((pool.currency, balance, below)),
            }
        }
        rows.retain(|(currency, ..)| only.is_none_or(|only| only == *currency));
        let row = |(currency, balance, negative): (Currency, Balance, bool)| {
            let due = due.iter().find(|(of, _)| *of == currency).map_or(0, |(_, amount)| *amount);
            Value::Object(render(currency, &balance, negative, due))
        };
        Ok(Object::new(owner.account.as_str(), "ledger.account")
            .set("balances", Value::List(rows.into_iter().map(row).collect()))
            .set("livemode", owner.mode.is_live()))
    }
}

fn render(currency: Currency, balance: &Balance, negative: bool, due: i64) -> Object {
    let reserved = balance.of(Bucket::ReservedPending);
    Object::bare()
        .set("available", balance.of(Bucket::PaymentsAvailable))
        .set("balance", balance.payments())
        .set("currency", currency.to_string())
        .set("due_within_7_days", due)
        .set("negative", negative)
        .set("pending", balance.of(Bucket::PaymentsPending))
        .set("reserved", reserved.saturating_add(balance.of(Bucket::ReservedAvailable)))
}
