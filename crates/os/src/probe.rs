//! Probes of a program from outside: does it accept connections, does it answer, is its heartbeat fresh.
//!
//! All of them block, with a time-out, and are meant for a short-lived thread. None reports anything but what it saw.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use abide_spec::{HttpRequest, Method};

/// More than this of an answer's head is not read.
const LONGEST_HEAD: usize = 64 << 10;

/// What a probe saw instead of what it wanted to see.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The address or URL is unusable.
    #[error("{what:?} cannot be probed: {why}")]
    Target {
        /// The address or URL.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// No connection came about.
    #[error("no connection to {address}: {source}")]
    Connect {
        /// The address.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// There was a connection, but no answer.
    #[error("no answer from {address}: {source}")]
    Answer {
        /// The address.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// There was no answer in time.
    #[error("no answer from {address} within {after:?}")]
    TimedOut {
        /// The address.
        address: String,
        /// The time given.
        after: Duration,
    },
    /// The answer is not HTTP.
    #[error("the answer from {address} is not HTTP: {why}")]
    NotHttp {
        /// The address.
        address: String,
        /// What was found instead.
        why: String,
    },
    /// The heartbeat file is missing or old.
    #[error("heartbeat {path}: {why}")]
    Heartbeat {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Connects to `HOST:PORT` and closes the connection again.
///
/// # Errors
/// When no address of the host accepts within the time-out.
pub fn tcp(address: &str, timeout: Duration) -> Result<(), ProbeError> {
    connect(address, Deadline::new(timeout)).map(drop)
}

/// Gets a `http://` URL and returns the status, without following redirections. The body is not read.
///
/// # Errors
/// When no final status line came within the time-out, which covers everything from the name look-up on.
pub fn http(url: &str, timeout: Duration) -> Result<u16, ProbeError> {
    exchange(url, timeout, "GET", "", &[])
}

/// Sends a request and returns the status of the answer, without following redirections. The answer's body is not read.
///
/// # Errors
/// As [`http`].
pub fn send(request: &HttpRequest) -> Result<u16, ProbeError> {
    let body = request.body.as_deref().unwrap_or_default().as_bytes();
    let about = match request.method {
        Method::Get => String::new(),
        Method::Put | Method::Post => {
            format!("Content-Type: {}\r\nContent-Length: {}\r\n", request.content_type, body.len())
        }
    };
    exchange(request.url.as_str(), request.timeout.get(), request.method.name(), &about, body)
}

/// `about`: the lines of the head that tell of the body.
fn exchange(url: &str, timeout: Duration, method: &str, about: &str, body: &[u8]) -> Result<u16, ProbeError> {
    let deadline = Deadline::new(timeout);
    let target = Target::parse(url)?;
    let mut stream = connect(&target.address, deadline)?;
    let head = format!(
        "{method} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: abide\r\nAccept: */*\r\nConnection: close\r\n{about}\r\n",
        target.path, target.host
    );
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => deadline.missed(&target.address),
        _ => ProbeError::Answer { address: target.address.clone(), source },
    };
    stream.set_write_timeout(Some(deadline.left(&target.address)?)).map_err(failed)?;
    stream.write_all(&[head.as_bytes(), body].concat()).map_err(failed)?;
    let mut head = Vec::with_capacity(512);
    let mut buffer = [0_u8; 512];
    loop {
        if let Some(status) = status(&head, &target.address)? {
            return Ok(status);
        }
        stream.set_read_timeout(Some(deadline.left(&target.address)?)).map_err(failed)?;
        let length = match stream.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result.map_err(failed)?,
        };
        if length == 0 || head.len() >= LONGEST_HEAD {
            let why =
                if length == 0 { "it ended early".to_owned() } else { "its head does not end".to_owned() };
            return Err(ProbeError::NotHttp { address: target.address, why });
        }
        head.extend_from_slice(buffer.get(..length).unwrap_or_default());
    }
}

/// Whether the file was changed not longer than `max_age` ago, as the wall clock tells.
///
/// # Errors
/// When it is missing, cannot be looked at, or is older.
pub fn heartbeat(path: &Path, max_age: Duration) -> Result<(), ProbeError> {
    let failed = |why: String| ProbeError::Heartbeat { path: path.display().to_string(), why };
    let changed = std::fs::metadata(path).and_then(|metadata| metadata.modified()).map_err(|error| {
        failed(if error.kind() == io::ErrorKind::NotFound {
            "it does not exist".into()
        } else {
            error.to_string()
        })
    })?;
    // A time in the future counts as fresh: clocks are set back now and then.
    match SystemTime::now().duration_since(changed) {
        Ok(age) if age > max_age => Err(failed(format!(
            "it was last touched {:.1}s ago, and should be every {:.1}s",
            age.as_secs_f64(),
            max_age.as_secs_f64()
        ))),
        _ => Ok(()),
    }
}

#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    after: Duration,
}

impl Deadline {
    fn new(after: Duration) -> Self {
        let now = Instant::now();
        // A time-out too long for the clock is as good as a day.
        Self { at: now.checked_add(after).unwrap_or(now + Duration::from_secs(86_400)), after }
    }

    fn missed(self, address: &str) -> ProbeError {
        ProbeError::TimedOut { address: address.to_owned(), after: self.after }
    }

    /// Never zero, which would mean "no time-out".
    fn left(self, address: &str) -> Result<Duration, ProbeError> {
        let left = self.at.saturating_duration_since(Instant::now());
        if left < Duration::from_micros(1) { Err(self.missed(address)) } else { Ok(left) }
    }
}

fn connect(address: &str, deadline: Deadline) -> Result<TcpStream, ProbeError> {
    let addresses: Vec<SocketAddr> = address
        .to_socket_addrs()
        .map_err(|error| ProbeError::Target { what: address.to_owned(), why: error.to_string() })?
        .collect();
    let mut last = None;
    for (at, one) in addresses.iter().enumerate() {
        // Whoever does not answer leaves time for the next.
        let share = deadline.left(address)? / u32::try_from(addresses.len() - at).unwrap_or(1);
        match TcpStream::connect_timeout(one, share.max(Duration::from_micros(1))) {
            Ok(stream) if is_itself(&stream) => {
                last = Some(io::Error::new(io::ErrorKind::ConnectionRefused, "nobody listens"));
            }
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(match last {
        Some(error) if error.kind() == io::ErrorKind::TimedOut => deadline.missed(address),
        Some(source) => ProbeError::Connect { address: address.to_owned(), source },
        None => ProbeError::Target { what: address.to_owned(), why: "the name has no address".to_owned() },
    })
}

/// A connection to a local port nobody listens on can happen to start from that very port, and then be with itself.
fn is_itself(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(local), Ok(peer)) if local == peer)
}

#[derive(Debug, PartialEq, Eq)]
struct Target {
    /// `HOST:PORT`
    address: String,
    /// As written in the URL, for the Host header.
    host: String,
    path: String,
}

impl Target {
    fn parse(url: &str) -> Result<Self, ProbeError> {
        let unusable = |why: &str| ProbeError::Target { what: url.to_owned(), why: why.to_owned() };
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(unusable("it is not a URL; write http://HOST:PORT/PATH"));
        };
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(unusable("only http:// is probed; for https use an exec or tcp probe"));
        }
        if url.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(unusable("it contains a blank or a control character; write it as %20 and the like"));
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, path) = rest.split_at(end);
        if host.contains('@') {
            return Err(unusable("user names and passwords in it are not supported"));
        }
        let path = match path.as_bytes().first() {
            Some(b'/') => path.to_owned(),
            _ => format!("/{path}"),
        };
        let name_end = if host.starts_with('[') { host.find(']').map_or(host.len(), |at| at + 1) } else { 0 };
        let port = host.get(name_end..).unwrap_or_default().rsplit_once(':').map(|(_, port)| port);
        let address = match port {
            Some(port) if port.parse::<u16>().is_ok_and(|port| port != 0) => host.to_owned(),
            Some(_) => return Err(unusable("its port is not a number from 1 to 65535")),
            None => format!("{host}:80"),
        };
        if address.starts_with(':') {
            return Err(unusable("it names no host"));
        }
        Ok(Self { address, host: host.to_owned(), path })
    }
}

/// The status, as soon as the first line of a final answer has come whole; answers of the kind "wait" (1xx) are passed over.
fn status(head: &[u8], address: &str) -> Result<Option<u16>, ProbeError> {
    let mut rest = head;
    loop {
        let begin = b"HTTP/1.";
        let shared = rest.len().min(begin.len());
        if rest.get(..shared) != begin.get(..shared) {
            let seen =
                String::from_utf8_lossy(rest.get(..rest.len().min(20)).unwrap_or_default()).into_owned();
            return Err(ProbeError::NotHttp {
                address: address.to_owned(),
                why: format!("it begins with {seen:?}"),
            });
        }
        let Some(line_end) = rest.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
        let code =
            rest.get(8..12).and_then(|part| std::str::from_utf8(part.strip_prefix(b" ")?).ok()?.parse().ok());
        match code {
            Some(100..200) => {
                let Some(end) = rest.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
                rest = rest.get(end + 4..).unwrap_or_default();
            }
            Some(code @ 200..1000) => return Ok(Some(code)),
            _ => {
                let line = rest.get(..line_end.min(60)).unwrap_or_default().trim_ascii_end();
                let line = String::from_utf8_lossy(line).into_owned();
                return Err(ProbeError::NotHttp {
                    address: address.to_owned(),
                    why: format!("its status line is {line:?}"),
                });
            }
        }
    }
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
