//! Whom a connection that leaves this machine trusts.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::error::{Result, StorageError};

/// Trusts the authorities in the PEM file `path`, or else the public ones; the certificate must be
/// for the name in the address.
///
/// # Errors
/// [`StorageError::File`] if the file holds no certificates.
pub(super) fn trusting(path: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let roots = match path {
        Some(path) => authorities(path)?,
        None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StorageError::Engine(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn authorities(path: &Path) -> Result<RootCertStore> {
    let failed = |why: String| StorageError::File(format!("{}: {why}", path.display()));
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| failed(format!("no PEM certificates could be read: {error}")))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(failed("no PEM certificates stand in it".to_owned()));
    }
    Ok(roots)
}
