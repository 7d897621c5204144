//! What is in the files of an embedded store, read beside the server.

use coffer_testkit::TestServer;
use std::fs;

/// Whether any file in the data directory holds these bytes.
pub fn any_file_holds(server: &TestServer, bytes: &[u8]) -> bool {
    let files = fs::read_dir(server.data_dir()).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).any(|path| {
        let content = fs::read(path).unwrap();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}
