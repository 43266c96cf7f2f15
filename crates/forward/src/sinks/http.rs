//! Requests over HTTP: authorisation, compression, and what an answer means.

use std::borrow::Cow;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Request};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

use super::tls::{self, Identity};
use super::{OpenError, stamp};
use crate::config::{Compress, SinkConfig, Tls};
use crate::sink::SendError;

/// As much of an answer is read.
const LONGEST_ANSWER: u64 = 64 * 1024;
/// As much of an answer is shown.
const SHOWN: usize = 300;
/// Nobody is made to wait longer, whatever the other side says.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// Speaks to one address.
#[derive(Debug)]
pub(super) struct Client {
    agent: ureq::Agent,
    url: String,
    coding: Coding,
    headers: HeaderMap,
    login: Login,
    /// The secrets were refused: they may have been changed since they were read.
    read_again: bool,
}

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    Gzip,
    Zstd,
}

/// An answer, whatever it says.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// How the password of a user is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// `Authorization: Basic`.
    Basic,
    /// `X-ClickHouse-User` and `X-ClickHouse-Key`.
    ClickHouse,
}

/// Where the secrets are.
#[derive(Clone)]
struct Login {
    scheme: Scheme,
    token: Option<PathBuf>,
    user: Option<String>,
    password: Option<PathBuf>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

impl Client {
    /// Reads secrets and certificates; connects to nothing. `path` is added to the address, unless it ends so already;
    /// `far` is how bodies are compressed that leave this machine, where nothing else is said.
    pub(super) fn open(
        config: &SinkConfig,
        path: &str,
        scheme: Scheme,
        far: Coding,
    ) -> Result<Self, OpenError> {
        let base = config.url.as_deref().ok_or_else(|| OpenError("`url` is missing".into()))?;
        let url = join(base, path);
        let uri: ureq::http::Uri = url.parse().map_err(|error| OpenError(format!("url: {base}: {error}")))?;
        let host = uri.host().ok_or_else(|| OpenError(format!("url: {base}: it names no host")))?;
        let coding = match config.compress {
            Compress::None => Coding::Plain,
            Compress::Gzip => Coding::Gzip,
            Compress::Zstd => Coding::Zstd,
            Compress::Auto if is_here(host) => Coding::Plain,
            Compress::Auto => far,
        };
        let mut settings = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(config.timeout.get()))
            .user_agent(concat!("abide/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity");
        if uri.scheme_str() == Some("https") {
            settings = settings.https_only(true).tls_config(tls_settings(&config.tls)?);
        }
        let login = Login {
            scheme,
            token: config.token_file.clone(),
            user: config.user.clone(),
            password: config.password_file.clone(),
        };
        let mut headers = login.headers()?;
        for (name, value) in &config.headers {
            let pair = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
            let (name, value) =
                pair.ok_or_else(|| OpenError(format!("headers: `{name}` cannot be sent as a header")))?;
            headers.insert(name, value);
        }
        Ok(Self { agent: settings.build().into(), url, coding, headers, login, read_again: false })
    }

    /// The address, as messages show it: without what stands behind `?`.
    pub(super) fn shown(&self) -> &str {
        self.url.split('?').next().unwrap_or_default()
    }

    /// Adds a header to every request.
    pub(super) fn header(&mut self, name: &'static str, value: &str) -> Result<(), OpenError> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| OpenError(format!("{value:?} cannot be sent as the header {name}")))?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(())
    }

    /// Sends a body and reads the answer. `query` is added to the address.
    pub(super) fn post(
        &mut self,
        query: &str,
        content: &'static str,
        body: &[u8],
    ) -> Result<Answer, SendError> {
        if self.read_again {
            let fresh = self.login.headers().map_err(|error| SendError::retry(error.0))?;
            self.headers.extend(fresh);
            self.read_again = false;
        }
        let coding = if body.is_empty() { Coding::Plain } else { self.coding };
        let body =
            coding.apply(body).map_err(|error| SendError::reject(format!("cannot compress: {error}")))?;
        let url = if query.is_empty() {
            Cow::Borrowed(self.url.as_str())
        } else {
            let glue = if self.url.contains('?') { '&' } else { '?' };
            Cow::Owned(format!("{}{glue}{query}", self.url))
        };
        let mut request = Request::post(url.as_ref());
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
            if !content.is_empty() {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
            }
            if let Some(name) = coding.name() {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
            }
        }
        let request = request
            .body(&body[..])
            .map_err(|error| SendError::reject(format!("{}: {error}", self.shown())))?;
        let mut response = self.agent.run(request).map_err(|error| self.unsent(&error))?;
        let mut told = Vec::new();
        response
            .body_mut()
            .as_reader()
            .take(LONGEST_ANSWER)
            .read_to_end(&mut told)
            .map_err(|error| SendError::retry(format!("{}: the answer broke off: {error}", self.shown())))?;
        let (parts, _) = response.into_parts();
        let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, body: told };
        self.read_again = matches!(answer.status, 401 | 403);
        Ok(answer)
    }

    fn unsent(&self, error: &ureq::Error) -> SendError {
        let why = match error {
            ureq::Error::Rustls(error) => format!("TLS: {error}{}", tls::hint(error)),
            ureq::Error::Io(error) => match tls::inside(error) {
                Some(inside) => format!("TLS: {inside}{}", tls::hint(inside)),
                None if error.kind() == std::io::ErrorKind::UnexpectedEof
                    && self.url.starts_with("https:") =>
                {
                    "it closed the connection; see whether it speaks TLS on this port".into()
                }
                None => error.to_string(),
            },
            ureq::Error::Timeout(_) => "no answer in time".into(),
            ureq::Error::HostNotFound => "no such host".into(),
            other => other.to_string(),
        };
        SendError::retry(format!("{}: {why}", self.shown()))
    }

    /// What an answer that is no success means. `why` is what its body says.
    ///
    /// A batch is given up for what is wrong with the batch alone; a wrong password or address would cost all of them,
    /// and somebody will put it right.
    pub(super) fn refusal(&self, answer: &Answer, why: &str) -> SendError {
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        let told = format!("{}: status {}{why}", self.shown(), answer.status);
        let after = answer.retry_after(SystemTime::now());
        match answer.status {
            401 | 403 => SendError::retry(format!("{told}; see `token-file`, `user` and `password-file`")),
            407 => SendError::retry(format!("{told}; the proxy in between wants a password")),
            404 | 405 | 415 => SendError::retry(format!("{told}; see whether `url` is right")),
            300..=399 => {
                let to = answer.headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("elsewhere");
                let to = to.split('?').next().unwrap_or_default();
                SendError::retry(format!("{told}; it has moved to {to}: set `url` to where it is"))
            }
            408 | 425 | 429 | 502..=504 => SendError::Retry { why: told, after },
            _ => SendError::reject(told),
        }
    }
}

impl Answer {
    /// Whether it is a success.
    pub(super) const fn is_good(&self) -> bool {
        matches!(self.status, 200 | 202 | 204)
    }

    /// A header that is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// When the other side wants to be asked again.
    pub(super) fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let wait = match text.parse() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => {
                let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
                Duration::from_secs(stamp::http_date(text)?).saturating_sub(now)
            }
        };
        Some(wait.min(LONGEST_WAIT))
    }

    /// The first line of what it says, and not too much of it.
    pub(super) fn excerpt(&self) -> String {
        excerpt(&self.body)
    }
}

/// The first line of a text, and not too much of it.
pub(super) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let mut shown: String = line.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    if shown.len() < line.len() && shown.chars().count() == SHOWN {
        shown.push('…');
    }
    shown
}

impl Coding {
    const fn name(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// Lines compress well even in haste.
    fn apply(self, body: &[u8]) -> std::io::Result<Cow<'_, [u8]>> {
        Ok(match self {
            Self::Plain => Cow::Borrowed(body),
            Self::Gzip => {
                let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                out.write_all(body)?;
                Cow::Owned(out.finish()?)
            }
            Self::Zstd => Cow::Owned(zstd::bulk::compress(body, 1)?),
        })
    }
}

impl Login {
    fn headers(&self) -> Result<HeaderMap, OpenError> {
        let mut headers = HeaderMap::new();
        let mut add = |name: HeaderName, key: &str, text: String| {
            let mut value = HeaderValue::from_str(&text)
                .map_err(|_| OpenError(format!("{key}: it has characters that no header can carry")))?;
            value.set_sensitive(true);
            headers.insert(name, value);
            Ok::<(), OpenError>(())
        };
        if let Some(path) = &self.token {
            add(AUTHORIZATION, "token-file", format!("Bearer {}", secret("token-file", path)?))?;
        }
        if let Some(user) = &self.user {
            let password = match &self.password {
                Some(path) => secret("password-file", path)?,
                None => String::new(),
            };
            match self.scheme {
                Scheme::Basic => {
                    let both = BASE64_STANDARD.encode(format!("{user}:{password}"));
                    add(AUTHORIZATION, "password-file", format!("Basic {both}"))?;
                }
                Scheme::ClickHouse => {
                    add(HeaderName::from_static("x-clickhouse-user"), "user", user.clone())?;
                    if !password.is_empty() {
                        add(HeaderName::from_static("x-clickhouse-key"), "password-file", password)?;
                    }
                }
            }
        }
        Ok(headers)
    }
}

/// A secret stands alone in its file; the line feed that editors leave behind it is not part of it.
fn secret(key: &str, path: &Path) -> Result<String, OpenError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| OpenError(format!("{key}: cannot read {}: {error}", path.display())))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(OpenError(format!("{key}: {} is empty", path.display())));
    }
    Ok(text.to_owned())
}

fn tls_settings(settings: &Tls) -> Result<TlsConfig, OpenError> {
    let identity = Identity::read(settings)?;
    // What cannot be used has to be told now, not by a panic at the first request.
    identity.client()?;
    let certificate = |der: &rustls::pki_types::CertificateDer<'_>| Certificate::from_der(der).to_owned();
    let own = match (&identity.own, &settings.key) {
        (Some((chain, _)), Some(path)) => {
            let unread = |why: String| OpenError(format!("tls.key: cannot read {}: {why}", path.display()));
            let pem = std::fs::read(path).map_err(|error| unread(error.to_string()))?;
            let key = PrivateKey::from_pem(&pem).map_err(|error| unread(error.to_string()))?;
            Some(ClientCert::new_with_certs(&chain.iter().map(certificate).collect::<Vec<_>>(), key))
        }
        _ => None,
    };
    let roots: Vec<_> = identity.roots.iter().map(certificate).collect();
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(tls::provider())
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .client_cert(own)
        .build())
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `http://host/base?query` and `/path` make `http://host/base/path?query`.
fn join(base: &str, path: &str) -> String {
    let (address, query) =
        base.split_once('?').map_or((base, None), |(address, query)| (address, Some(query)));
    let address = address.trim_end_matches('/');
    let path = if address.ends_with(path) { "" } else { path };
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let path = if path.is_empty() && address.matches('/').count() < 3 { "/" } else { path };
    format!("{address}{path}{query}")
}
