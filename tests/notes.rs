//! A family in one file, as an example and for the tests of what every family gets: an app's notes
//! about an account.
//!
//! It has one write, one list and one read, one job, one scheduled task, one quota, one event, and
//! one table. A server has it by one line: `builder.family(coffer_tests::notes::FAMILY)`.

use coffer_base::{Mode, Tenant, Timestamp, limit};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::event::{self, NewEvent};
use coffer_kernel::schedule::is_past_watermark;
use coffer_kernel::{
    Applied, Arguments, BoxFuture, Collection, Ctx, Definition, Example, Failure, Family, Job,
    JobContext, PagePosition, Parts, Prune, Quota, Routes, ScheduledTask, Settings, Tally, Usage,
    WriteOperation,
};
use coffer_storage::{
    Migration, MigrationSet, Placement, Row, StorageError, Store, Tx, Value, Work,
};
use std::sync::Arc;
use std::time::Duration;

/// How many notes an app may have about an account.
pub const NOTES_PER_ACCOUNT: Quota = Quota { name: "notes_per_account", from: 1, to: 1000 };

/// The family.
pub const FAMILY: Family = Family {
    name: "notes",
    migrations: &[MigrationSet {
        component: "notes",
        migrations: &[Migration {
            version: 1,
            name: "note",
            sql: "CREATE TABLE note (
                      mode     INTEGER NOT NULL,
                      app      TEXT    NOT NULL,
                      account  TEXT    NOT NULL,
                      seq      INTEGER NOT NULL,
                      id       TEXT    NOT NULL,
                      text     TEXT    NOT NULL,
                      created  INTEGER NOT NULL,
                      counted  INTEGER NOT NULL,
                      archived INTEGER NOT NULL,
                      PRIMARY KEY (mode, app, account, seq)
                  );
                  CREATE UNIQUE INDEX note_by_id ON note (mode, app, account, id);",
        }],
        tables: &[("note", Placement::Spread)],
    }],
    settings: &[],
    quotas: &[NOTES_PER_ACCOUNT],
    usage: Usage::NONE,
    purge: &[Prune {
        select: "SELECT mode, app, account, seq FROM note \
                 WHERE mode = ?1 AND app = ?2 AND account = ?3 LIMIT ?6",
        delete: "DELETE FROM note WHERE mode = ? AND app = ? AND account = ? AND seq = ?",
    }],
    purge_user: &[],
    seals: &[],
    checks: &[],
    figures: &[],
    reasons: &[],
    explainers: &[],
    parts,
};

fn parts(_settings: &Settings) -> Parts {
    let mut routes = Routes::default();
    routes.write(Create).collection(Notes);
    Parts {
        routes,
        jobs: vec![Arc::new(CountWords)],
        tasks: vec![Arc::new(Archive)],
        ..Parts::default()
    }
}

const CHARACTERS: usize = 500;

/// Notes of an app without a number of its own.
const USUAL_QUOTA: i64 = 100;

struct Note {
    seq: i64,
    id: String,
    text: String,
    created: Timestamp,
    words: i64,
    archived: bool,
}

fn note(mut row: Row) -> Result<Note, StorageError> {
    Ok(Note {
        seq: row.int(0)?,
        id: row.take_text(1)?,
        text: row.take_text(2)?,
        created: Timestamp::from_unix(row.int(3)?),
        words: row.int(4)?,
        archived: row.int(5)? != 0,
    })
}

fn render(note: &Note, mode: Mode) -> Object {
    Object::new(&note.id, "note")
        .set("archived", note.archived)
        .set("created", note.created)
        .set("livemode", mode.is_live())
        .set("text", note.text.clone())
        .set("words", note.words)
}

fn of(tenant: &Tenant) -> Vec<Value> {
    let (app, account) = (tenant.app.as_str(), tenant.account.as_str());
    vec![Value::Int(tenant.mode.code()), Value::from(app), Value::from(account)]
}

/// `POST /v1/notes`.
struct Create;

impl WriteOperation for Create {
    const DEFINITION: Definition =
        Definition::write("notes.create", "/v1/notes", "note_write", &[])
            .example(Example::of(&[("text", "two words {n}")]).or("text", "other words"));
    type Input = String;
    type Out = Note;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&["text"])?.required_plain("text", CHARACTERS)
    }

    async fn apply(
        &self,
        text: &String,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Note>, Failure> {
        let tenant = of(ctx.tenant());
        let sql = "SELECT count(*), coalesce(max(seq), 0) FROM note \
                   WHERE mode = ? AND app = ? AND account = ?";
        let rows = tx.query(sql, &tenant).await?;
        let (count, last) = rows
            .first()
            .map_or(Ok((0, 0)), |row| row.int(0).and_then(|count| Ok((count, row.int(1)?))))?;
        let quota = ctx.principal().quota(NOTES_PER_ACCOUNT.name).unwrap_or(USUAL_QUOTA);
        if count >= quota {
            let message = format!("An app may have {quota} notes about an account.");
            return Err(ApiError::invalid(message).into());
        }
        let id = coffer_base::id::random_id("note", limit::RANDOM_ID_CHARACTERS, ctx.random());
        let (seq, text, created) = (last + 1, text.clone(), ctx.now());
        let note = Note { seq, id: id.clone(), text, created, words: 0, archived: false };
        let mut values = tenant;
        values.extend([
            Value::Int(seq),
            Value::from(note.id.as_str()),
            Value::from(note.text.as_str()),
            Value::Int(created.unix()),
        ]);
        let insert = "INSERT INTO note (mode, app, account, seq, id, text, created, counted, \
                      archived) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0)";
        tx.execute(insert, &values).await?;
        let object = render(&note, ctx.tenant().mode);
        let event = NewEvent { kind: "note.created", object, previous: None };
        event::append(tx, &ctx.owner(), &ctx.cause(), event).await?;
        Ok(Applied { out: note, subject: id, fingerprint: None })
    }

    fn render(&self, note: &Note, ctx: &Ctx) -> Object {
        render(note, ctx.tenant().mode)
    }
}

/// `GET /v1/notes` and `GET /v1/notes/:id`.
#[derive(Clone, Copy)]
struct Notes;

impl Collection for Notes {
    const KIND: &'static str = "note";
    const LIST: Definition = Definition::list("notes.list", "/v1/notes", "note_read", &[]);
    const RETRIEVE: Definition =
        Definition::retrieve("notes.retrieve", "/v1/notes/:id", "note_read", &[])
            .example(Example::EMPTY.on("notes.create"));
    const FILTERS: &'static [&'static str] = &[];
    type Filter = ();
    type Item = Note;

    fn filter(&self, _fields: &Fields<'_>) -> Result<(), ApiError> {
        Ok(())
    }

    async fn find(&self, store: &Store, ctx: &Ctx, id: &str) -> Result<Option<Note>, StorageError> {
        let sql = "SELECT seq, id, text, created, counted, archived FROM note \
                   WHERE mode = ? AND app = ? AND account = ? AND id = ?";
        let mut values = of(ctx.tenant());
        values.push(Value::from(id));
        store.query(sql, &values).await?.into_iter().next().map(note).transpose()
    }

    fn seq(note: &Note) -> i64 {
        note.seq
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        (): &(),
    ) -> Result<Vec<Note>, StorageError> {
        let sql = if position.newer {
            "SELECT seq, id, text, created, counted, archived FROM note \
             WHERE mode = ? AND app = ? AND account = ? AND seq > ? ORDER BY seq LIMIT ?"
        } else {
            "SELECT seq, id, text, created, counted, archived FROM note \
             WHERE mode = ? AND app = ? AND account = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
        };
        let mut values = of(ctx.tenant());
        values.extend([Value::Int(position.seq), Value::Int(position.fetch)]);
        store.query(sql, &values).await?.into_iter().map(note).collect()
    }

    async fn render(
        &self,
        _store: &Store,
        ctx: &Ctx,
        notes: Vec<Note>,
    ) -> Result<Vec<Object>, StorageError> {
        Ok(notes.iter().map(|note| render(note, ctx.tenant().mode)).collect())
    }
}

/// The job: counts the words of new notes.
struct CountWords;

struct CountSome;

impl Work for CountSome {
    type Out = u64;

    fn of_many_accounts(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StorageError> {
        let sql = "SELECT mode, app, account, seq, text FROM note WHERE counted = 0 LIMIT ? \
                   FOR UPDATE";
        let rows = tx.query_part(sql, &[Value::Int(limit::JOB_BATCH)]).await?;
        let found = rows.len() as u64;
        for mut row in rows {
            let (mode, seq, text) = (row.int(0)?, row.int(3)?, row.take_text(4)?);
            let words = text.split_whitespace().count() as i64;
            tx.defer(
                "UPDATE note SET counted = ? \
                 WHERE mode = ? AND app = ? AND account = ? AND seq = ?",
                vec![
                    Value::Int(words),
                    Value::Int(mode),
                    Value::from(row.take_text(1)?),
                    Value::from(row.take_text(2)?),
                    Value::Int(seq),
                ],
            );
        }
        Ok(found)
    }
}

impl Job for CountWords {
    fn name(&self) -> &'static str {
        "count_words"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            let mut done = Tally::default();
            for part in context.store.parts().await? {
                done.add(part.write(CountSome).await);
            }
            done.end()
        })
    }
}

/// The scheduled task: at midnight, archives the notes of the day before.
struct Archive;

const ARCHIVE: &str = "notes.archive";

struct ArchiveSome {
    due: Timestamp,
}

impl Work for ArchiveSome {
    type Out = bool;

    fn of_many_accounts(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        if !is_past_watermark(tx, ARCHIVE, self.due).await? {
            return Ok(false);
        }
        let sql = "SELECT mode, app, account, seq FROM note WHERE archived = 0 AND created < ? \
                   LIMIT ?";
        let some = [Value::Int(self.due.unix()), Value::Int(limit::JOB_BATCH)];
        let rows = tx.query_part(sql, &some).await?;
        let found = !rows.is_empty();
        for row in rows {
            let sql = "UPDATE note SET archived = 1 \
                       WHERE mode = ? AND app = ? AND account = ? AND seq = ?";
            tx.defer(sql, row.into_values());
        }
        Ok(found)
    }
}

impl ScheduledTask for Archive {
    fn name(&self) -> &'static str {
        ARCHIVE
    }

    fn step<'a>(
        &'a self,
        context: &'a JobContext,
        due: Timestamp,
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, StorageError>> {
        Box::pin(context.store.write(ArchiveSome { due }))
    }
}
