//! What async-stripe does with the server, each scenario on an app of its own.

use crate::server::{App, client};
use futures_util::{StreamExt, TryStreamExt};
use miniserde::Deserialize;
use std::fmt::Debug;
use stripe::{
    ApiErrors, ApiErrorsCode, ApiErrorsType, Client, IdempotencyKey, RequestStrategy, StripeError,
    StripeRequest,
};
use stripe_connect::apps_secret::{
    CreateAppsSecret, CreateAppsSecretScope, CreateAppsSecretScopeType, DeleteWhereAppsSecret,
    DeleteWhereAppsSecretScope, DeleteWhereAppsSecretScopeType, FindAppsSecret,
    FindAppsSecretScope, FindAppsSecretScopeType, ListAppsSecret, ListAppsSecretScope,
    ListAppsSecretScopeType,
};
use stripe_connect::{AppsSecret, SecretServiceResourceScopeType};

fn create(name: &str, payload: &str) -> CreateAppsSecret {
    CreateAppsSecret::new(
        name,
        payload,
        CreateAppsSecretScope::new(CreateAppsSecretScopeType::Account),
    )
}

fn create_for(user: &str, payload: &str) -> CreateAppsSecret {
    let mut scope = CreateAppsSecretScope::new(CreateAppsSecretScopeType::User);
    scope.user = Some(user.to_owned());
    CreateAppsSecret::new("token", payload, scope)
}

fn find(name: &str) -> FindAppsSecret {
    let scope = FindAppsSecretScope::new(FindAppsSecretScopeType::Account);
    FindAppsSecret::new(name, scope).expand([String::from("payload")])
}

fn find_for(user: &str) -> FindAppsSecret {
    let mut scope = FindAppsSecretScope::new(FindAppsSecretScopeType::User);
    scope.user = Some(user.to_owned());
    FindAppsSecret::new("token", scope).expand([String::from("payload")])
}

fn list() -> ListAppsSecret {
    ListAppsSecret::new(ListAppsSecretScope::new(ListAppsSecretScopeType::Account))
}

fn delete(name: &str) -> DeleteWhereAppsSecret {
    let scope = DeleteWhereAppsSecretScope::new(DeleteWhereAppsSecretScopeType::Account);
    DeleteWhereAppsSecret::new(name, scope)
}

/// The answer of delete as it is documented: three fields (secret store §7, decision 1).
#[derive(Deserialize)]
struct Deleted {
    id: String,
    deleted: bool,
}

/// async-stripe's type for delete's answer is the whole secret, so the three fields are read into
/// a type of ours, by the way that the crate offers for that.
async fn remove(client: &Client, name: &str) -> Deleted {
    delete(name).build().customize::<Deleted>().send(client).await.expect("a delete")
}

async fn payload_of(client: &Client, name: &str) -> Option<String> {
    find(name).send(client).await.expect("a find").payload
}

async fn names(client: &Client, request: ListAppsSecret) -> Vec<String> {
    let secrets: Vec<AppsSecret> =
        request.paginate().stream(client).try_collect().await.expect("a list");
    secrets.into_iter().map(|secret| secret.name).collect()
}

/// Ten secrets, `name 0` the oldest; their ids in this order.
async fn ten(client: &Client) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..10 {
        let request = create(&format!("name {number}"), &format!("payload {number}"));
        ids.push(request.send(client).await.expect("a create").id.to_string());
    }
    ids
}

fn newest_first() -> Vec<String> {
    (0..10).rev().map(|number| format!("name {number}")).collect()
}

/// The error object and status of a call that the server refused.
fn refused<T: Debug>(outcome: Result<T, StripeError>) -> (ApiErrors, u16) {
    match outcome {
        Err(StripeError::Stripe(error, status)) => (*error, status),
        other => panic!("not refused by the server: {other:?}"),
    }
}

pub async fn sets_finds_and_deletes(app: App) {
    let client = app.client("test").await;
    let created = create("token", "value").send(&client).await.unwrap();
    assert!(created.id.as_str().starts_with("appsecret_"));
    assert_eq!((created.name.as_str(), created.livemode), ("token", false));
    assert_eq!((created.payload, created.expires_at, created.deleted), (None, None, None));
    assert_eq!(created.scope.type_, SecretServiceResourceScopeType::Account);
    let found = find("token").send(&client).await.unwrap();
    assert_eq!((found.id, found.payload), (created.id.clone(), Some("value".to_owned())));
    create("kept", "value").send(&client).await.unwrap();
    let deleted = remove(&client, "token").await;
    assert_eq!((deleted.id.as_str(), deleted.deleted), (created.id.as_str(), true));
    assert_eq!(names(&client, list()).await, ["kept"]);
}

pub async fn expands_the_payload(app: App) {
    let client = app.client("test").await;
    let payload = [String::from("payload")];
    let created = create("token", "value").expand(payload).send(&client).await.unwrap();
    assert_eq!(created.payload.as_deref(), Some("value"));
    let hidden = list().send(&client).await.unwrap();
    assert_eq!((hidden.data.len(), &hidden.data[0].payload), (1, &None));
    let shown = list().expand([String::from("data.payload")]).send(&client).await.unwrap();
    assert_eq!(shown.data[0].payload.as_deref(), Some("value"));
}

pub async fn replaces_and_keeps_the_id(app: App) {
    let client = app.client("test").await;
    let far = 4_000_000_000_i64;
    let first = create("token", "value").expires_at(far).send(&client).await.unwrap();
    assert_eq!(first.expires_at, Some(far));
    let second = create("token", "other").send(&client).await.unwrap();
    assert_eq!((second.id, second.created, second.expires_at), (first.id, first.created, None));
    assert_eq!(payload_of(&client, "token").await.as_deref(), Some("other"));
}

pub async fn keeps_scopes_apart(app: App) {
    let client = app.client("test").await;
    create("token", "the account's").send(&client).await.unwrap();
    for user in ["usr_1", "usr_2"] {
        let created = create_for(user, user).send(&client).await.unwrap();
        assert_eq!(created.scope.type_, SecretServiceResourceScopeType::User);
        assert_eq!(created.scope.user.as_deref(), Some(user));
    }
    for user in ["usr_1", "usr_2"] {
        let found = find_for(user).send(&client).await.unwrap();
        assert_eq!(found.payload.as_deref(), Some(user));
    }
    assert_eq!(payload_of(&client, "token").await.as_deref(), Some("the account's"));
}

pub async fn pages_forward(app: App) {
    let client = app.client("test").await;
    ten(&client).await;
    for limit in [1, 3, 10, 100] {
        let page = list().limit(limit).send(&client).await.unwrap();
        assert_eq!(page.has_more, limit < 10);
        assert_eq!(page.url, "/v1/apps/secrets");
        assert_eq!(names(&client, list().limit(limit)).await, newest_first());
    }
}

/// async-stripe's iterator goes forward only; the pages before are asked for one by one.
pub async fn pages_backward_by_hand(app: App) {
    let client = app.client("test").await;
    let ids = ten(&client).await;
    let mut cursor = ids[0].clone();
    let mut seen = Vec::new();
    loop {
        let page = list().limit(4).ending_before(cursor).send(&client).await.unwrap();
        seen.extend(page.data.iter().rev().map(|secret| secret.name.clone()));
        if !page.has_more {
            break;
        }
        cursor = page.data[0].id.to_string();
    }
    let mut expected = newest_first();
    expected.reverse();
    assert_eq!(seen, expected[1..]);
}

pub async fn pages_while_everything_is_deleted(app: App) {
    let client = app.client("test").await;
    ten(&client).await;
    let mut secrets = list().limit(3).paginate().stream(&client);
    let mut seen = Vec::new();
    while let Some(secret) = secrets.next().await {
        let name = secret.unwrap().name;
        remove(&client, &name).await;
        seen.push(name);
    }
    assert_eq!(seen, newest_first());
    assert!(names(&client, list()).await.is_empty());
}

pub async fn speaks_for_an_account(app: App) {
    let client = app.client("test").await;
    let account = app.install().await;
    let theirs = create("token", "theirs").customize().account_id(account.clone());
    let theirs = theirs.send(&client).await.unwrap();
    let own = create("token", "own").send(&client).await.unwrap();
    assert_ne!(theirs.id, own.id);
    assert_eq!(payload_of(&client, "token").await.as_deref(), Some("own"));
    let found = find("token").customize().account_id(account).send(&client).await.unwrap();
    assert_eq!(found.payload.as_deref(), Some("theirs"));
    let developers = app.account.parse().unwrap();
    let found = find("token").customize().account_id(developers).send(&client).await.unwrap();
    assert_eq!(found.payload.as_deref(), Some("own"));
    let nobody = find("token").customize().account_id("acct_nobody".parse().unwrap());
    let (error, status) = refused(nobody.send(&client).await);
    assert_eq!((status, error.code), (403, Some(ApiErrorsCode::AccountInvalid)));
}

pub async fn does_once_what_has_one_key(app: App) {
    let client = app.client("test").await;
    let once = || RequestStrategy::Idempotent(IdempotencyKey::new("a key").unwrap());
    let send = |payload: &str| create("token", payload).customize().request_strategy(once());
    let first = send("value").send(&client).await.unwrap();
    remove(&client, "token").await;
    let again = send("value").send(&client).await.unwrap();
    assert_eq!((again.id, again.created), (first.id, first.created));
    // What was answered again was not done again.
    assert!(names(&client, list()).await.is_empty());
    let (error, status) = refused(send("other").send(&client).await);
    assert_eq!((status, error.type_), (400, ApiErrorsType::IdempotencyError));
    // Keys that the client makes by itself are honoured as well.
    let retrying = create("token", "new").customize().request_strategy(RequestStrategy::Retry(3));
    retrying.send(&client).await.unwrap();
    assert_eq!(payload_of(&client, "token").await.as_deref(), Some("new"));
}

pub async fn reads_typed_errors(app: App) {
    let client = app.client("test").await;
    let (error, status) = refused(find("token").send(&client).await);
    assert_eq!(status, 404);
    assert_eq!(error.type_, ApiErrorsType::InvalidRequestError);
    assert_eq!(error.code, Some(ApiErrorsCode::ResourceMissing));
    assert_eq!(error.param.as_deref(), Some("name"));
    assert_eq!(error.message.as_deref(), Some("No such secret: 'token'"));
    let (error, status) = refused(delete("token").send(&client).await);
    assert_eq!((status, error.code), (404, Some(ApiErrorsCode::ResourceMissing)));
    let past = create("token", "value").expires_at(1_000_000_000_i64);
    let (error, status) = refused(past.send(&client).await);
    assert_eq!((status, error.param.as_deref()), (400, Some("expires_at")));
    let no_user = CreateAppsSecretScope::new(CreateAppsSecretScopeType::User);
    let (error, status) = refused(CreateAppsSecret::new("a", "b", no_user).send(&client).await);
    assert_eq!((status, error.code), (400, Some(ApiErrorsCode::ParameterMissing)));
    assert_eq!(error.param.as_deref(), Some("scope[user]"));
    let stranger = app.stranger("sk_test_coffer_thisKeyIsNotOneOfTheServers1234");
    let (error, status) = refused(find("token").send(&stranger).await);
    assert_eq!((status, error.type_), (401, ApiErrorsType::InvalidRequestError));
}

pub async fn takes_names_of_all_kinds(app: App) {
    let client = app.client("test").await;
    let longest = "\u{1f511}".repeat(5000);
    let names = ["a/b", "../..", "a=b&c[d]", " blanks ", "\u{5e9}\u{202e}", "e\u{301}", &longest];
    for name in names {
        let created = create(name, &longest).send(&client).await.unwrap();
        assert_eq!(created.name, name);
        assert_eq!(payload_of(&client, name).await.as_ref(), Some(&longest));
        assert_eq!(remove(&client, name).await.id, created.id.as_str());
    }
}

pub async fn keeps_modes_apart(app: App) {
    let (test, live) = (app.client("test").await, app.client("live").await);
    assert!(create("token", "live").send(&live).await.unwrap().livemode);
    let (_, status) = refused(find("token").send(&test).await);
    assert_eq!(status, 404);
    assert_eq!(payload_of(&live, "token").await.as_deref(), Some("live"));
}

/// A limit of the client that its users should know: by the type that async-stripe has for it, the
/// documented answer cannot be read. The secret is deleted all the same, and the setting
/// `delete_returns_secret` is for such clients.
pub async fn deletes_though_it_cannot_read_the_answer(app: App) {
    let client = app.client("test").await;
    create("token", "value").send(&client).await.unwrap();
    let answer = delete("token").send(&client).await;
    assert!(matches!(answer, Err(StripeError::JSONDeserialize(_))), "{answer:?}");
    assert!(names(&client, list()).await.is_empty());
}

pub async fn deletes_and_reads_the_whole_secret(base: String) {
    let client = client(&base, "sk_test_whole");
    let created = create("token", "value").send(&client).await.unwrap();
    let deleted = delete("token").send(&client).await.unwrap();
    assert_eq!((deleted.id, deleted.deleted), (created.id, Some(true)));
    assert_eq!(deleted.name, "token");
    assert!(names(&client, list()).await.is_empty());
}

pub async fn needs_no_set_up_in_developer_mode(base: String) {
    let (first, second) = (client(&base, "sk_test_first"), client(&base, "sk_test_second"));
    create("token", "own").send(&first).await.unwrap();
    let merchant = || "acct_merchant".parse().unwrap();
    let theirs = create("token", "theirs").customize().account_id(merchant());
    theirs.send(&first).await.unwrap();
    assert_eq!(payload_of(&first, "token").await.as_deref(), Some("own"));
    let found = find("token").customize().account_id(merchant()).send(&first).await.unwrap();
    assert_eq!(found.payload.as_deref(), Some("theirs"));
    assert!(names(&second, list()).await.is_empty());
    assert!(remove(&first, "token").await.deleted);
}
