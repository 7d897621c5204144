//! The binary.

use coffer::assemble::{AssembleOptions, RootSource, found, open_stores};
use coffer::serve::{Address, ServeOptions, Server};
use std::sync::Arc;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = AssembleOptions {
            data_dir: "/tmp/coffer-smoke".into(),
            root: RootSource::Beside,
            developer: true,
            secrets: coffer_secrets::Settings::default(),
            clock: Arc::new(coffer_base::SystemClock),
            random: Arc::new(coffer_crypto::SystemRandom),
            faults: coffer_storage::Faults::none(),
        };
        let founded = found(&options).await.unwrap();
        let installation = open_stores(options, founded.stores).await.unwrap();
        let listen = Some(Address::parse("127.0.0.1:4747").unwrap());
        let server = Server::start(installation, ServeOptions { listen, ..Default::default() }).await.unwrap();
        println!("{:?}", server.address);
        tokio::signal::ctrl_c().await.unwrap();
        server.stop().await;
    });
}
