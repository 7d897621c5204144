//! `GET /v1/apps/installs`: what a list shows depends on who asks.
//!
//! An account, with a key of its own, sees what is installed on itself; with `app`, an app of its
//! own, it sees that app's installs on all accounts. An app that acts for an account sees what its
//! developer installed there for the account; with `app`, its own, it sees its install there.

use super::{READ, URL};
use crate::caller::standing;
use crate::limits::INSTALLS_AT_ONCE;
use crate::reasons;
use crate::wire::{self, Channel};
use coffer_dialect::{ApiError, CreatedRange, Fields, Object, PageRequest, list};
use coffer_kernel::{
    Arguments, Ctx, Definition, Failure, InstallRecord, InstallSelection, Page, PagePosition,
    ReadOperation,
};
use coffer_storage::{StorageError, Store};

/// Lists installs.
pub(crate) struct List;

/// What a list is narrowed to, beside what its caller sees.
pub(crate) struct Filter {
    account: Option<String>,
    app: Option<String>,
    approval_required: Option<bool>,
    channel: Option<Channel>,
    created: CreatedRange,
    created_by: Option<String>,
    /// Whether installs of that status are ever in a list.
    is_in_force: Option<bool>,
}

/// The statuses that a request can name, and whether installs that have it are in lists.
const STATUSES: [(&str, bool); 5] = [
    ("installing", false),
    (wire::INSTALLED, true),
    ("install_failed", false),
    (wire::UNINSTALLING, false),
    ("uninstall_failed", false),
];

const FILTERS: [&str; 6] =
    ["account", "app", "approval_required", "channel", "created_by", "status"];

impl Filter {
    fn parse(fields: &Fields<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            account: fields.id_filter("account")?,
            app: fields.id_filter("app")?,
            approval_required: fields.optional_bool("approval_required")?,
            channel: fields.optional_choice("channel", &Channel::WORDS)?,
            created: fields.created_range()?,
            created_by: fields.id_filter("created_by")?,
            is_in_force: fields.optional_choice("status", &STATUSES)?,
        })
    }

    /// Whether an install that the store has selected is shown.
    fn shows(&self, install: &InstallRecord) -> bool {
        let approval = wire::is_approval_required(install);
        self.approval_required.is_none_or(|wanted| wanted == approval)
            && self.channel.is_none_or(|wanted| wanted == Channel::of(install))
    }

    /// Whether [`Filter::shows`] leaves anything out.
    const fn looks_inside(&self) -> bool {
        self.approval_required.is_some() || self.channel.is_some()
    }

    /// What of the store's installs the caller sees; `None` if it is nothing.
    ///
    /// # Errors
    /// 400 if `account` is another account than the caller's.
    fn selection<'a>(&'a self, ctx: &'a Ctx) -> Result<Option<InstallSelection<'a>>, ApiError> {
        let (tenant, principal) = (ctx.tenant(), ctx.principal());
        let here = tenant.account.name();
        let is_own_app = self.app.as_deref() == Some(tenant.app.as_str());
        let everywhere = is_own_app && principal.own_account;
        let account = match self.account.as_deref() {
            Some(named) if !everywhere && named != here => return Err(other_account()),
            Some(named) => named,
            None if everywhere => "",
            None => here,
        };
        let by_creator = !is_own_app && !principal.own_account;
        let (wanted, platform) = (self.created_by.as_deref(), principal.platform.as_str());
        let created_by = match wanted {
            Some(wanted) if by_creator && wanted != platform => return Ok(None),
            _ if by_creator => platform,
            wanted => wanted.unwrap_or_default(),
        };
        Ok((self.is_in_force != Some(false)).then_some(InstallSelection {
            mode: tenant.mode,
            app: self.app.as_deref().unwrap_or_default(),
            account,
            created_by,
            created: self.created,
        }))
    }
}

fn other_account() -> ApiError {
    ApiError::invalid_param(
        "account",
        "This is not the account that the request acts for. Only an app that also names itself, \
         as 'app', lists its installs on other accounts.",
    )
    .because(&reasons::OTHER_ACCOUNT)
}

/// The parameters of the list.
pub(crate) struct ListParams {
    filter: Filter,
    page: PageRequest,
}

impl ReadOperation for List {
    const DEFINITION: Definition = Definition::list("apps.installs.list", URL, READ, &[]);
    type Input = ListParams;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<ListParams, ApiError> {
        let known = [FILTERS.as_slice(), &CreatedRange::PARAMS, &PageRequest::PARAMS].concat();
        let fields = arguments.params.only(&known)?;
        Ok(ListParams { filter: Filter::parse(&fields)?, page: PageRequest::parse(&fields)? })
    }

    async fn run(&self, params: &ListParams, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let ListParams { filter, page } = params;
        let selection = filter.selection(ctx)?;
        let cursor = match &page.cursor {
            None => None,
            Some((_, id)) => ctx.registry().install(store, id).await?,
        };
        let cursor = cursor.filter(|install| standing(ctx, install).is_some());
        let at = PagePosition::of(page, wire::KIND, cursor.map(|install| install.seq))?;
        let rows = match selection {
            Some(selection) => read(store, ctx, &selection, filter, at).await?,
            None => Vec::new(),
        };
        let page = Page::cut(rows, at);
        ctx.audit_amount(page.items.len());
        let shown = |install| wire::install(install, wire::INSTALLED);
        Ok(list(page.items.iter().map(shown).collect(), page.has_more, URL))
    }
}

/// The installs of a selection from a position on that a filter shows, in the order of reading.
async fn read(
    store: &Store,
    ctx: &Ctx,
    selection: &InstallSelection<'_>,
    filter: &Filter,
    at: PagePosition,
) -> Result<Vec<InstallRecord>, StorageError> {
    let fetch = if filter.looks_inside() { INSTALLS_AT_ONCE } else { at.fetch };
    let wanted = usize::try_from(at.fetch).unwrap_or(usize::MAX);
    let (mut shown, mut position) = (Vec::new(), PagePosition { fetch, ..at });
    loop {
        let rows = ctx.registry().installs(store, selection, position).await?;
        let is_last = i64::try_from(rows.len()).is_ok_and(|rows| rows < fetch);
        let Some(last) = rows.last().map(|install| install.seq) else { break };
        shown.extend(rows.into_iter().filter(|install| filter.shows(install)));
        if is_last || shown.len() >= wanted {
            break;
        }
        position.seq = last;
    }
    shown.truncate(wanted);
    Ok(shown)
}
