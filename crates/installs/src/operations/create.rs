//! `POST /v1/apps/installs`: installs an app, also again after an uninstall.
//!
//! | who | what | where |
//! |---|---|---|
//! | an account, with a key of its own | an app that it develops | on itself |
//! | an app | itself | on the account that the request names |
//! | a platform's app | an app that lists the platform among its embedders | likewise |
//!
//! It is the one call for an account that has not installed the caller's app, so everything that
//! another call leaves to authentication is decided here.

use super::{URL, WRITE, settle};
use crate::wire::{self, Channel};
use crate::{limits, reasons};
use coffer_base::{AccountId, AppId};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{
    AppRecord, Applied, Arguments, Committed, Ctx, Definition, Example, Failure, InstallPlace,
    InstallRecord, InstallState, Remover, WriteOperation,
};
use coffer_storage::Tx;

/// Installs an app.
pub(crate) struct Create;

/// The parameters. A code challenge is checked and forgotten: there are no OAuth apps here, and no
/// codes that it would protect.
pub(crate) struct CreateParams {
    app: String,
    /// As the request names it.
    channel: Option<Channel>,
}

impl WriteOperation for Create {
    const DEFINITION: Definition = Definition::write("apps.installs.create", URL, WRITE, &[])
        .of_any_account()
        .one_at_a_time()
        .example(Example::of(&[("app", "{app}"), ("channel", "{channel}")]));
    type Input = CreateParams;
    type Out = InstallRecord;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<CreateParams, ApiError> {
        let known = ["app", "channel", "code_challenge", "code_challenge_method"];
        let fields = arguments.params.only(&known)?;
        let app = fields.required_plain("app", limits::APP_ID_CHARACTERS)?;
        let channel = fields.optional_choice("channel", &Channel::WORDS)?;
        check_code_challenge(&fields)?;
        Ok(CreateParams { app, channel })
    }

    async fn apply(
        &self,
        params: &CreateParams,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<InstallRecord>, Failure> {
        let own = ctx.tenant().account.named();
        let account = ctx.named_account().unwrap_or(&own);
        let is_known = ctx.registry().lock_account(tx, account, ctx.now()).await?;
        let app = match AppId::parse(&params.app) {
            Ok(id) => ctx.registry().lock_app(tx, id.as_str()).await?,
            Err(_) => None,
        };
        // To an account, the apps of others are not there to be installed.
        let is_own = |app: &AppRecord| ctx.named_account().is_some() || app.developer == own;
        let Some(app) = app.filter(is_own) else {
            return Err(ApiError::no_such("app", &params.app, "app").into());
        };
        let attempt = Attempt { ctx, app: &app, account, channel: params.channel };
        let install = match ctx.named_account() {
            None => attempt.by_account(tx).await?,
            Some(_) if app.id == ctx.tenant().app => attempt.by_app(tx, is_known).await?,
            Some(_) => attempt.by_embedder(tx).await?,
        };
        ctx.audit_detail(format!("{} on {account}", app.id));
        Ok(Applied { subject: install.id.clone(), out: install, fingerprint: None })
    }

    fn render(&self, install: &InstallRecord, _ctx: &Ctx) -> Object {
        wire::install(install, wire::INSTALLED)
    }

    async fn committed(&self, _install: &InstallRecord, ctx: &Ctx) -> Result<Committed, ApiError> {
        Ok(settle(ctx).await)
    }
}

/// Checks the code challenge of an OAuth client, which sends one to whatever serves it.
fn check_code_challenge(fields: &Fields<'_>) -> Result<(), ApiError> {
    let bounds = limits::CODE_CHALLENGE_CHARACTERS;
    let challenge = fields.optional_plain("code_challenge", *bounds.end())?;
    if let Some(text) = &challenge {
        let is_known =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if !bounds.contains(&text.len()) || !text.bytes().all(is_known) {
            let message = format!(
                "Invalid code_challenge: it has {} to {} letters, digits, '-', '.', '_' and '~'.",
                bounds.start(),
                bounds.end()
            );
            let error = ApiError::invalid_param("code_challenge", message);
            return Err(error.because(&reasons::CODE_CHALLENGE));
        }
    }
    let method = fields.optional_choice("code_challenge_method", &[("S256", ())])?;
    match (challenge, method) {
        (Some(_), None) => Err(ApiError::parameter_missing("code_challenge_method")),
        _ => Ok(()),
    }
}

/// An attempt to install an app on an account, both locked.
struct Attempt<'a> {
    ctx: &'a Ctx,
    app: &'a AppRecord,
    account: &'a AccountId,
    channel: Option<Channel>,
}

impl<'a> Attempt<'a> {
    /// An account installs its own app: whatever it asks for is granted.
    async fn by_account(&self, tx: &mut Tx<'_>) -> Result<InstallRecord, Failure> {
        let private = Channel::private(self.ctx.tenant().mode);
        if self.channel != Some(private) {
            let message = format!(
                "An account installs its own app with this key by 'channel={}'. To install the \
                 app on another account, name that in Stripe-Account.",
                private.as_str()
            );
            return Err(wrong_channel(message).into());
        }
        self.open_or_grant(tx, None).await
    }

    /// An app installs itself on somebody's account. What it asks for beyond what is granted there
    /// stays pending.
    async fn by_app(&self, tx: &mut Tx<'_>, is_known: bool) -> Result<InstallRecord, Failure> {
        self.check_is_public()?;
        let registry = self.ctx.registry();
        let before = registry.lock_install(tx, self.place()).await?;
        if let Some(installed) = before.as_ref().filter(|install| install.is_installed()) {
            return Ok(installed.clone());
        }
        let removed_itself =
            before.is_some_and(|one| one.state == InstallState::Removed(Remover::Developer));
        if !registry.makes_up_accounts() && !self.app.self_install && !removed_itself {
            let message = "This app may not install itself there: an operator installs it with \
                           the admin API, or lets it do so (self_install). What it uninstalled \
                           itself it may install again.";
            let error = ApiError::forbidden(message).because(&reasons::SELF_INSTALL_NEEDED);
            return Err(error.with_about(self.app.id.to_string()).into());
        }
        if !is_known {
            return Err(self.no_access().into());
        }
        Ok(registry.open_install(tx, &self.ctx.cause(), self.place(), None).await?)
    }

    /// A platform installs somebody's app for its customer, and grants whatever it asks for.
    async fn by_embedder(&self, tx: &mut Tx<'_>) -> Result<InstallRecord, Failure> {
        self.check_is_public()?;
        let (tenant, platform) = (self.ctx.tenant(), &self.ctx.principal().platform);
        let own = InstallPlace { app: &tenant.app, account: self.account, mode: tenant.mode };
        let registry = self.ctx.registry();
        let connected = match registry.lock_install(tx, own).await? {
            Some(own) => own.is_installed(),
            None => registry.makes_up_accounts(),
        };
        if !connected {
            return Err(self.no_access().into());
        }
        check_embeds(self.app, platform)?;
        self.open_or_grant(tx, Some(platform)).await
    }

    async fn open_or_grant(
        &self,
        tx: &mut Tx<'_>,
        created_by: Option<&AccountId>,
    ) -> Result<InstallRecord, Failure> {
        let (registry, cause) = (self.ctx.registry(), self.ctx.cause());
        let before = registry.lock_install(tx, self.place()).await?;
        Ok(match before.filter(InstallRecord::is_installed) {
            Some(installed) => registry.grant_pending(tx, &cause, &installed).await?,
            None => registry.open_install(tx, &cause, self.place(), created_by).await?,
        })
    }

    fn place(&self) -> InstallPlace<'a> {
        InstallPlace { app: &self.app.id, account: self.account, mode: self.ctx.tenant().mode }
    }

    fn check_is_public(&self) -> Result<(), ApiError> {
        match self.channel {
            None | Some(Channel::Public) => Ok(()),
            Some(channel) => Err(wrong_channel(format!(
                "An app comes to another account by 'channel=public', which is the default, and \
                 not by '{}'.",
                channel.as_str()
            ))),
        }
    }

    /// As for any account with which the caller has nothing to do, whether it exists or not.
    fn no_access(&self) -> ApiError {
        let key = &self.ctx.principal().redacted_key;
        ApiError::account_invalid(key, self.account.as_str())
    }
}

fn wrong_channel(message: String) -> ApiError {
    ApiError::invalid_param("channel", message).because(&reasons::CHANNEL_WRONG)
}

/// Whether an app may be installed by a platform for its customers.
///
/// # Errors
/// 403 if the app does not list the platform.
pub(super) fn check_embeds(app: &AppRecord, platform: &AccountId) -> Result<(), ApiError> {
    if app.embedders.contains(platform) {
        return Ok(());
    }
    let message = format!(
        "The account '{platform}' may not install the app '{}' for others: its developer has not \
         approved that. An operator adds the account to the app's embedders.",
        app.id
    );
    let error = ApiError::forbidden(message).because(&reasons::NOT_EMBEDDED);
    Err(error.with_about(platform.to_string()))
}
