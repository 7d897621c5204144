//! Which certificate authorities a TLS connection trusts.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::error::{Cause, Result, StorageError};

/// Trusts the authorities in the PEM file `path`, or else the public ones. The server's certificate
/// must be for the host in the address.
///
/// # Errors
/// [`StorageError::File`] if the file cannot be read or has no certificates.
pub(super) fn trusting(path: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let roots = match path {
        Some(path) => authorities(path)?,
        None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StorageError::Internal(Cause::of(error)))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn authorities(path: &Path) -> Result<RootCertStore> {
    let failed = |text: &str| format!("{}: {text}", path.display());
    let certificates: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| {
            let text = failed(&format!("no PEM certificates could be read: {error}"));
            StorageError::File(Cause::with_source(text, error))
        })?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let added = roots.add(certificate);
        added.map_err(|error| {
            StorageError::File(Cause::with_source(failed(&error.to_string()), error))
        })?;
    }
    if roots.is_empty() {
        return Err(StorageError::File(failed("no PEM certificates stand in it").into()));
    }
    Ok(roots)
}
