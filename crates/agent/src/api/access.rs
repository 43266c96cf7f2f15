//! Who may do what: the endpoint's callers everything, those over TCP what their token's role allows.
//!
//! Against pages of other sites that a browser of this machine shows: the host that a request names must be this machine, which
//! ends DNS rebinding; a page's origin must be this agent, which ends cross-site requests; and a token is asked for in any case.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::Problem;
use super::{Peer, Shared};
use crate::audit::Entry;
use crate::tokens::{Role, Tokens};

/// Who asks, as far as it matters to what is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The name of a token, or an account of this machine.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// What came of a change, for the record of changes; left in a response's extensions.
#[derive(Clone, Debug)]
pub struct Outcome(pub String);

/// The tokens, read again when their file has changed.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    read: Mutex<(Option<SystemTime>, Tokens)>,
}

impl TokenFile {
    /// None are read yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, read: Mutex::default() }
    }

    fn holder(&self, token: &str, now: SystemTime) -> Result<Option<Who>, Problem> {
        let changed = std::fs::metadata(&self.path).and_then(|metadata| metadata.modified()).ok();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if changed.is_none() || read.0 != changed {
            let tokens = Tokens::read(&self.path).map_err(|error| Problem::forbidden(error.to_string()))?;
            *read = (changed, tokens);
        }
        Ok(read.1.holder(token, now).map(|(name, role)| Who { name: name.to_owned(), role }))
    }
}

/// Lets through who may do what a route takes, and writes down what changes something.
pub async fn guard(
    State((shared, role)): State<(Arc<Shared>, Role)>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let what = format!("{} {}", request.method(), request.uri().path());
    let changes = request.method() != Method::GET && request.method() != Method::HEAD;
    let who = admit(&shared, &peer, role, changes, request.headers());
    let name = who.as_ref().map_or_else(|_| "?".to_owned(), |who| who.name.clone());
    let response = match who {
        Ok(who) => {
            request.extensions_mut().insert(who);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    if changes {
        let outcome = response.extensions().get::<Outcome>().map_or_else(
            || if response.status().is_success() { "done".to_owned() } else { "refused".to_owned() },
            |outcome| outcome.0.clone(),
        );
        let from = match &peer {
            Peer::Local(_) => "local".to_owned(),
            Peer::Tcp(address) => address.to_string(),
        };
        let entry = Entry::new(SystemTime::now(), &name, &from, &what, response.status().as_u16(), &outcome);
        if let Err(error) = shared.audit.add(&entry) {
            eprintln!("the record of changes cannot be written: {error}; {what} by {name}: {outcome}");
        }
    }
    response
}

fn admit(
    shared: &Shared,
    peer: &Peer,
    role: Role,
    changes: bool,
    headers: &HeaderMap,
) -> Result<Who, Problem> {
    let now = super::now();
    let who = match peer {
        Peer::Local(caller) => Who { name: caller.account.clone(), role: Role::Admin },
        Peer::Tcp(address) => {
            is_this_machine(headers)?;
            holder(shared, *address, headers)?
        }
    };
    if who.role < role {
        return Err(Problem::forbidden(format!(
            "this takes the role {role}, and `{}` is {}",
            who.name, who.role
        ))
        .hint(format!("`abide agent token create NAME --role {role}` makes a token that may")));
    }
    if changes {
        let mut limit = shared.changes.lock().unwrap_or_else(PoisonError::into_inner);
        limit.take(&who.name, now).map_err(Problem::too_often)?;
    }
    Ok(who)
}

/// Whose token the request carries.
fn holder(shared: &Shared, address: SocketAddr, headers: &HeaderMap) -> Result<Who, Problem> {
    let now = super::now();
    let ip = address.ip();
    let limit = || shared.wrong.lock().unwrap_or_else(PoisonError::into_inner);
    let token = bearer(headers).ok_or_else(|| Problem::unknown_caller("this takes a token"))?;
    match shared.tokens.holder(token, SystemTime::now())? {
        Some(who) => Ok(who),
        None => {
            // Only who is wrong is made to wait, or anybody could lock out everybody.
            limit().take(&ip, now).map_err(Problem::too_often)?;
            Err(Problem::unknown_caller("the token is unknown or has expired"))
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Refuses requests that name another host, or come from a page of another site.
fn is_this_machine(headers: &HeaderMap) -> Result<(), Problem> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.ok_or_else(|| Problem::bad("a request must say which host it is for"))?;
    let authority: Authority =
        host.parse().map_err(|_| Problem::bad(format!("`{}` is no host", host.escape_default())))?;
    if !is_loopback(authority.host()) {
        return Err(Problem::forbidden(format!(
            "`{}` is not this machine as the agent knows it",
            authority.host().escape_default()
        ))
        .hint("use 127.0.0.1, [::1] or localhost"));
    }
    match headers.get(header::ORIGIN).map(|origin| origin.to_str()) {
        None => Ok(()),
        Some(Ok(origin)) if origin == format!("http://{host}") => Ok(()),
        Some(_) => Err(Problem::forbidden("the request comes from a page of another site")),
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(list: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn other_hosts_and_origins_are_refused() {
        use header::{HOST, ORIGIN};
        for good in ["127.0.0.1:80", "localhost:9", "[::1]:7", "LOCALHOST"] {
            assert_eq!(is_this_machine(&headers(&[(HOST, good)])), Ok(()), "{good}");
        }
        for bad in ["example.org", "127.0.0.1.example.org", "10.0.0.1:80", ""] {
            assert!(is_this_machine(&headers(&[(HOST, bad)])).is_err(), "{bad}");
        }
        let page = |origin| is_this_machine(&headers(&[(HOST, "127.0.0.1:80"), (ORIGIN, origin)]));
        assert_eq!(page("http://127.0.0.1:80"), Ok(()));
        for other in ["http://127.0.0.1:81", "https://127.0.0.1:80", "null", "http://example.org"] {
            assert!(page(other).is_err(), "{other}");
        }
        assert!(is_this_machine(&HeaderMap::new()).is_err());
    }

    #[test]
    fn a_token_stands_behind_its_scheme() {
        use header::AUTHORIZATION;
        assert_eq!(bearer(&headers(&[(AUTHORIZATION, "Bearer abc")])), Some("abc"));
        assert_eq!(bearer(&headers(&[(AUTHORIZATION, "bearer  abc ")])), Some("abc"));
        for wrong in ["abc", "Basic abc", "Bearer"] {
            assert_eq!(bearer(&headers(&[(AUTHORIZATION, wrong)])), None, "{wrong}");
        }
    }
}
