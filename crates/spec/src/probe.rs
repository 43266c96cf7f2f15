//! How Abide asks a program whether it is ready or healthy.

use std::path::PathBuf;
use std::str::FromStr;

use crate::Duration;
use crate::text_value::text_value;

/// One question to a program. In a spec the key names the kind: `http = "…"`, `tcp = "…"`.
#[derive(Clone, Debug, PartialEq)]
pub enum Probe {
    /// A GET request; an answer of 200 to 399 is good.
    Http(HttpUrl),
    /// A connection that is accepted is good.
    Tcp(TcpAddress),
    /// A command that ends with code 0 is good.
    Exec(Vec<String>),
    /// Readiness: the file exists. Health: it was modified not longer ago than the probe's `max-age`.
    File(PathBuf),
    /// Readiness: the program sends `READY=1` to `NOTIFY_SOCKET`. Health: it sends `WATCHDOG=1` at least once in `every`.
    Notify,
    /// Readiness only: a line of output contains this text.
    Log(String),
    /// Health only: no output for longer than this is bad.
    LogSilence(Duration),
}

impl Probe {
    /// The key that names this kind in a spec.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Tcp(_) => "tcp",
            Self::Exec(_) => "exec",
            Self::File(_) => "file",
            Self::Notify => "notify",
            Self::Log(_) => "log",
            Self::LogSilence(_) => "log-silence",
        }
    }
}

impl std::fmt::Display for Probe {
    /// As it is told in events: `http http://127.0.0.1:9000/healthz`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.key())?;
        match self {
            Self::Http(url) => write!(f, " {url}"),
            Self::Tcp(address) => write!(f, " {address}"),
            Self::Exec(command) => write!(f, " {}", command.first().map_or("", String::as_str)),
            Self::File(path) => write!(f, " {}", path.display()),
            Self::Notify => Ok(()),
            Self::Log(text) => write!(f, " {text:?}"),
            Self::LogSilence(limit) => write!(f, " {limit}"),
        }
    }
}

/// A URL that a probe can fetch: `http://HOST[:PORT][/PATH]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpUrl {
    text: String,
    host: String,
    port: u16,
    path: String,
}

impl HttpUrl {
    /// The host without brackets: a name, an IPv4 or an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 80 when the URL names none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, beginning with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The whole URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What belongs into the `Host` header: the host, in brackets if IPv6, and the port unless it is 80.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == 80 { host } else { format!("{host}:{}", self.port) }
    }
}

impl FromStr for HttpUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "write it as http://HOST:PORT/PATH";
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("https://") {
            return Err(format!(
                "`{text}` is https, which the supervisor does not speak; use a plain http port, or a command: [\"curl\", \
                 \"--fail\", \"--silent\", \"{text}\"] as `exec` of a probe or `command` of a switch"
            ));
        }
        if !lower.starts_with("http://") {
            return Err(format!("`{text}` is not an http URL; {FORM}"));
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(format!(
                "URL {text:?} contains a space or control character; write it as %20 or the like"
            ));
        }
        let rest = &text["http://".len()..];
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        if authority.contains('@') {
            return Err(format!("URL `{text}` contains a user or password, which a spec must not; {FORM}"));
        }
        let (host, port) = if authority.contains(':') && !authority.ends_with(']') {
            split_host_port(authority).map_err(|why| format!("URL `{text}`: {why}; {FORM}"))?
        } else {
            (authority.trim_start_matches('[').trim_end_matches(']').to_owned(), 80)
        };
        if host.is_empty() {
            return Err(format!("URL `{text}` names no host; {FORM}"));
        }
        // A fragment is for browsers and never sent.
        let tail = tail.split('#').next().unwrap_or("");
        let path = if tail.starts_with('/') { tail.to_owned() } else { format!("/{tail}") };
        Ok(Self { text: text.to_owned(), host, port, path })
    }
}

/// A host and a port: `HOST:PORT` or `[IPV6]:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TcpAddress {
    host: String,
    port: u16,
}

impl TcpAddress {
    /// The host without brackets: a name, an IPv4 or an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for TcpAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match split_host_port(text) {
            Ok((host, port)) => Ok(Self { host, port }),
            Err(why) => {
                Err(format!("`{text}` is not an address: {why}; write HOST:PORT, like \"127.0.0.1:9000\""))
            }
        }
    }
}

impl std::fmt::Display for TcpAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Splits `HOST:PORT`; IPv6 addresses stand in brackets because they contain colons themselves.
fn split_host_port(text: &str) -> Result<(String, u16), &'static str> {
    let (host, port) = text.rsplit_once(':').ok_or("it has no port")?;
    let port = match port.parse::<u16>() {
        Ok(0) | Err(_) => return Err("its port is not a number from 1 to 65535"),
        Ok(port) => port,
    };
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').ok_or("its bracket does not close")?,
        None if host.contains(':') => return Err("an IPv6 address must stand in [brackets]"),
        None => host,
    };
    if host.is_empty() {
        return Err("it has no host");
    }
    if host.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '[' | ']' | '@')) {
        return Err("its host contains a character that hosts cannot have");
    }
    Ok((host.to_owned(), port))
}

impl std::fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Picks the one that is set of several `Option<Probe>`; the text of the error names the ones found.
pub(crate) fn exactly_one<T>(what: &str, keys: &str, found: Vec<(&'static str, T)>) -> Result<T, String> {
    let names: Vec<String> = found.iter().map(|(key, _)| format!("`{key}`")).collect();
    let mut found = found.into_iter();
    match (found.next(), names.len()) {
        (Some((_, one)), 1) => Ok(one),
        (None, _) => Err(format!("{what} needs one of {keys}")),
        _ => Err(format!("{what} takes exactly one of {keys}; found {}", names.join(" and "))),
    }
}

text_value!(HttpUrl, "an http URL, such as \"http://127.0.0.1:9000/healthz\"");
text_value!(TcpAddress, "an address, such as \"127.0.0.1:9000\"");
