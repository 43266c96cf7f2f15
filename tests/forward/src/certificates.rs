//! An authority, and certificates of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// PEM files in a folder: `ca.pem`, another authority's `other.pem`, and `NAME.pem` with `NAME.key` of the server, of one with
/// another name, and of a client.
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    pub fn make(folder: &Path) -> Result<Self, String> {
        let fail = |error: rcgen::Error| error.to_string();
        let authority = |name: &str| {
            let mut params = CertificateParams::new(Vec::<String>::new())?;
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            CertifiedIssuer::self_signed(params, KeyPair::generate()?)
        };
        let made = Self { folder: folder.to_owned() };
        let write =
            |name: &str, text: String| fs::write(made.path(name), text).map_err(|error| error.to_string());
        let ca = authority("Test Authority").map_err(fail)?;
        write("ca.pem", ca.pem())?;
        write("other.pem", authority("Other Authority").map_err(fail)?.pem())?;
        for (file, names) in [
            ("server", vec!["localhost", "127.0.0.1"]),
            ("stranger", vec!["elsewhere.example"]),
            ("client", vec!["client"]),
        ] {
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            let key = KeyPair::generate().map_err(fail)?;
            let signed =
                CertificateParams::new(names).and_then(|params| params.signed_by(&key, &ca)).map_err(fail)?;
            write(&format!("{file}.pem"), signed.pem())?;
            write(&format!("{file}.key"), key.serialize_pem())?;
        }
        Ok(made)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The settings of a server that shows `name`, and wants a certificate of its clients if `mutual`.
    pub fn server(&self, name: &str, mutual: bool) -> Result<Arc<ServerConfig>, String> {
        let read =
            |file: String| CertificateDer::from_pem_file(self.path(&file)).map_err(|error| error.to_string());
        let key = PrivateKeyDer::from_pem_file(self.path(&format!("{name}.key")))
            .map_err(|error| error.to_string())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = if mutual {
            let mut roots = RootCertStore::empty();
            roots.add(read("ca.pem".into())?).map_err(|error| error.to_string())?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| error.to_string())?)
        } else {
            builder.with_no_client_auth()
        };
        let chain = vec![read(format!("{name}.pem"))?];
        builder.with_single_cert(chain, key).map(Arc::new).map_err(|error| error.to_string())
    }
}
