//! An app of a test server, and its keys.

use crate::client::Client;

/// An app with its keys.
pub struct App {
    /// Its id.
    pub id: String,
    /// The account that made it.
    pub account: String,
    /// Its key for test mode.
    pub test_key: String,
    /// Its key for live mode.
    pub live_key: String,
    /// The server without a key; another one after a restart on the same data.
    pub anonymous: Client,
}

impl App {
    /// The app's backend, in test mode, on the app's own account.
    pub fn client(&self) -> Client {
        self.anonymous.with_key(&self.test_key).of_app(&self.id, &self.account)
    }

    /// The app's backend in live mode.
    pub fn live(&self) -> Client {
        self.anonymous.with_key(&self.live_key).of_app(&self.id, &self.account)
    }
}
