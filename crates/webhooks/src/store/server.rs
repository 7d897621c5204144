//! The SQL by which servers that share a store agree on who sends to which endpoint.

use coffer_storage::{StorageError, Store, Tx, Work, values};

/// Says that a server is there: its beat changes.
pub(crate) struct Beat(pub(crate) String);

impl Work for Beat {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        tx.defer(
            "INSERT INTO webhook_server (id, beat) VALUES (?, 1) \
             ON CONFLICT (id) DO UPDATE SET beat = webhook_server.beat + 1",
            values![&self.0],
        );
        Ok(())
    }
}

/// The servers, each with its beat.
pub(crate) async fn beats(store: &Store) -> Result<Vec<(String, i64)>, StorageError> {
    let rows = store.query("SELECT id, beat FROM webhook_server", &[]).await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.int(1)?))).collect()
}

/// Takes an endpoint from whoever held it, if that is still who holds it; says whether it worked.
pub(crate) struct Take {
    pub(crate) endpoint: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Work for Take {
    type Out = bool;

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        let sql = "UPDATE webhook_endpoint SET holder = ? WHERE id = ? AND holder = ?";
        Ok(tx.execute(sql, &values![&self.to, &self.endpoint, &self.from]).await? > 0)
    }
}

/// Lets go of endpoints that a server holds, and forgets servers that have ended.
pub(crate) struct LetGo {
    pub(crate) holder: String,
    pub(crate) endpoints: Vec<String>,
    /// Servers that have ended, each with its last beat.
    pub(crate) ended: Vec<(String, i64)>,
}

impl Work for LetGo {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        for endpoint in &self.endpoints {
            tx.defer(
                "UPDATE webhook_endpoint SET holder = '' WHERE id = ? AND holder = ?",
                values![endpoint, &self.holder],
            );
        }
        for (id, beat) in &self.ended {
            tx.defer("DELETE FROM webhook_server WHERE id = ? AND beat = ?", values![id, *beat]);
        }
        Ok(())
    }
}
