//! Whom to trust, and what to show: rustls with ring.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::OpenError;
use crate::config::Tls;

/// Certificates and keys, read.
#[derive(Debug)]
pub(super) struct Identity {
    /// The authorities that are trusted.
    pub roots: Vec<CertificateDer<'static>>,
    /// The chain to show, and its key.
    pub own: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

/// What does the arithmetic.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

impl Identity {
    /// Reads what the configuration names. Without authorities of its own it trusts those that this machine trusts.
    pub(super) fn read(tls: &Tls) -> Result<Self, OpenError> {
        let roots = match &tls.ca {
            Some(path) => certificates("tls.ca", path)?,
            None => {
                let found = rustls_native_certs::load_native_certs();
                if found.certs.is_empty() {
                    let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
                    return Err(OpenError(format!(
                        "this machine has no list of certificate authorities{why}; install one, or set tls.ca"
                    )));
                }
                found.certs
            }
        };
        let own = match (&tls.cert, &tls.key) {
            (Some(cert), Some(key)) => {
                let chain = certificates("tls.cert", cert)?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| unread("tls.key", key, "key", &error))?;
                Some((chain, key))
            }
            _ => None,
        };
        Ok(Self { roots, own })
    }

    /// The settings of a connection.
    pub(super) fn client(&self) -> Result<ClientConfig, OpenError> {
        let mut roots = rustls::RootCertStore::empty();
        // Machines' own lists have the odd certificate that nobody can read any more.
        let (added, _) = roots.add_parsable_certificates(self.roots.iter().cloned());
        if added == 0 {
            return Err(OpenError("tls.ca: none of its certificates can be used".into()));
        }
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| OpenError(format!("TLS: {error}")))?
            .with_root_certificates(roots);
        match &self.own {
            None => Ok(builder.with_no_client_auth()),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .map_err(|error| OpenError(format!("tls.cert and tls.key do not go together: {error}"))),
        }
    }
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, OpenError> {
    let all: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unread(key, path, "certificate", &error))?;
    if all.is_empty() {
        return Err(unread(key, path, "certificate", &pem::Error::NoItemsFound));
    }
    Ok(all)
}

fn unread(key: &str, path: &Path, what: &str, error: &pem::Error) -> OpenError {
    let why = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => format!("there is no {what} in it; it has to be a PEM file"),
        other => format!("it is not a PEM file: {other:?}"),
    };
    OpenError(format!("{key}: cannot read {}: {why}", path.display()))
}

/// What to do about a failed handshake.
pub(super) fn hint(error: &rustls::Error) -> &'static str {
    use rustls::CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        UnknownIssuer,
    };
    match error {
        rustls::Error::InvalidCertificate(UnknownIssuer) => {
            "; its certificate comes from an authority that is not trusted here: set tls.ca"
        }
        rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            "; its certificate is for another name: use the name that stands in it"
        }
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => {
            "; its certificate is past its date: have it renewed, and see whether this machine's clock is right"
        }
        rustls::Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. }) => {
            "; its certificate is not valid yet: see whether this machine's clock is right"
        }
        rustls::Error::InvalidMessage(_) => "; it does not speak TLS on this port",
        rustls::Error::AlertReceived(
            rustls::AlertDescription::CertificateRequired
            | rustls::AlertDescription::BadCertificate
            | rustls::AlertDescription::UnknownCA
            | rustls::AlertDescription::AccessDenied
            | rustls::AlertDescription::HandshakeFailure,
        ) => "; it may want a certificate of ours: set tls.cert and tls.key",
        _ => "",
    }
}

/// The TLS error inside an error of a connection.
pub(super) fn inside(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
