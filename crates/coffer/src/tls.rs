//! TLS for the listeners: a certificate chain and its key from PEM files.

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Why TLS could not be set up. Each names a file, and never repeats what is in it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate chain cannot be read.
    #[error("{}: no PEM certificates could be read: {source}", path.display())]
    Chain {
        /// The chain's file.
        path: PathBuf,
        /// What the parser reports.
        source: pem::Error,
    },
    /// The private key cannot be read. The parser's report is left out, since it may quote the
    /// file.
    #[error("{}: no PEM private key could be read", path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
    },
    /// The key does not belong to the certificate, or is of a kind that TLS cannot use.
    #[error("{}: certificate and key cannot be used: {source}", path.display())]
    Pair {
        /// The key's file.
        path: PathBuf,
        /// What the TLS library reports.
        source: rustls::Error,
    },
}

/// An acceptor for HTTP/1.1 with the certificate chain and the private key of these files.
///
/// # Errors
/// If a file is missing or is no PEM, or if the key does not belong to the certificate.
pub fn acceptor(chain: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .map_err(|source| TlsError::Chain { path: chain.to_owned(), source })?;
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|_| TlsError::Key { path: key.to_owned() })?;
    let mut config = server_config(certificates, private)
        .map_err(|source| TlsError::Pair { path: key.to_owned(), source })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn server_config(
    certificates: Vec<CertificateDer<'static>>,
    private: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, private)
}
