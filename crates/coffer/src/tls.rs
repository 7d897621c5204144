//! TLS for the listeners: a certificate chain and its key from PEM files, which can be exchanged
//! while the server runs.

use coffer_secretfile::{self as secretfile, SecretFileError};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use tokio_rustls::TlsAcceptor;

/// Longest file with a private key, in bytes: RSA keys of 16,384 bits have 13,000.
const KEY_FILE_BYTES: usize = 256 * 1024;

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
    /// The chain's file has no certificate in it.
    #[error("{}: there is no PEM certificate in it", path.display())]
    NoCertificate {
        /// The chain's file.
        path: PathBuf,
    },
    /// The private key's file cannot be read, or others can reach it.
    #[error("the TLS key {0}")]
    KeyFile(#[from] SecretFileError),
    /// The private key is encrypted, and nobody is there to type its passphrase.
    #[error(
        "{}: the private key is encrypted; store it decrypted, readable by this user alone \
         (openssl pkey -in FILE -out NEW)",
        path.display()
    )]
    EncryptedKey {
        /// The key's file.
        path: PathBuf,
    },
    /// The private key cannot be read. The parser's report is left out, since it may quote the
    /// file.
    #[error("{}: no PEM private key could be read", path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
    },
    /// The key does not belong to the certificate, or is of a kind that TLS cannot use.
    #[error(
        "{} and {}: certificate and key cannot be used together: {source}",
        chain.display(),
        path.display()
    )]
    Pair {
        /// The chain's file.
        chain: PathBuf,
        /// The key's file.
        path: PathBuf,
        /// What the TLS library reports.
        source: rustls::Error,
    },
    /// The TLS library refuses its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Defaults(#[source] rustls::Error),
}

/// The certificate that is shown to those who connect.
#[derive(Debug)]
pub struct Certificate(RwLock<Arc<CertifiedKey>>);

impl Certificate {
    /// The certificate chain and the private key of these files.
    ///
    /// # Errors
    /// If a file is missing or is no PEM, if others can read the key, or if it does not belong to
    /// the certificate.
    pub fn load(chain: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self(RwLock::new(Arc::new(read(chain, key)?)))))
    }

    /// Shows what is in these files to everybody who connects from now on; whether it is another
    /// certificate than before. After an error all stays as it is.
    ///
    /// # Errors
    /// If a file cannot be read, or if they are no certificate and its key.
    pub fn reload(&self, chain: &Path, key: &Path) -> Result<bool, TlsError> {
        let new = Arc::new(read(chain, key)?);
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_other = current.cert != new.cert;
        *current = new;
        Ok(is_other)
    }

    /// An acceptor for HTTP/1.1 that shows it.
    ///
    /// # Errors
    /// [`TlsError::Defaults`], which is a fault of the build.
    pub fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Defaults)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Self>::clone(self));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn read(chain: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .map_err(|source| TlsError::Chain { path: chain.to_owned(), source })?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate { path: chain.to_owned() });
    }
    let text = secretfile::read(key, KEY_FILE_BYTES)?;
    let private = PrivateKeyDer::from_pem_slice(&text).map_err(|_| no_key(&text, key))?;
    CertifiedKey::from_der(certificates, private, &default_provider())
        .map_err(|source| TlsError::Pair { chain: chain.to_owned(), path: key.to_owned(), source })
}

/// Why no private key was found in `text`: both PEM forms of an encrypted one say so in a line.
fn no_key(text: &[u8], path: &Path) -> TlsError {
    let path = path.to_owned();
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let says_encrypted = |line: &[u8]| {
        line == b"-----BEGIN ENCRYPTED PRIVATE KEY-----" || line == b"Proc-Type: 4,ENCRYPTED"
    };
    if lines.any(says_encrypted) {
        return TlsError::EncryptedKey { path };
    }
    TlsError::Key { path }
}
