//! Who may do what: the endpoint's callers everything, those over TCP what their token's role allows.
//!
//! Against pages of other sites that a browser of this machine shows: the host that a request names must be this machine, which
//! ends DNS rebinding; a page's origin must be this agent, which ends cross-site requests; and a token is asked for in any case.
//!
//! Browsers that signed in carry their token in a cookie, which they send whoever makes them ask. It counts for what changes
//! something only where the browser says that a page of this agent asks.

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

/// The cookie that holds the token of a browser that signed in.
pub const COOKIE: &str = "abide-token";

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
    request: Request,
    next: Next,
) -> Response {
    guarded(&shared, role, &peer, request, next, IntoResponse::into_response).await
}

/// The same, where it is for the caller to say how a refusal looks.
pub async fn guarded(
    shared: &Shared,
    role: Role,
    peer: &Peer,
    mut request: Request,
    next: Next,
    refuse: impl FnOnce(Problem) -> Response,
) -> Response {
    let what = format!("{} {}", request.method(), request.uri().path());
    let changes = request.method() != Method::GET && request.method() != Method::HEAD;
    let who = admit(shared, peer, role, changes, request.headers());
    let name = who.as_ref().map_or_else(|_| "?".to_owned(), |who| who.name.clone());
    let response = match who {
        Ok(who) => {
            request.extensions_mut().insert(who);
            next.run(request).await
        }
        Err(problem) => refuse(problem),
    };
    if changes {
        record(shared, &name, peer, &what, &response);
    }
    response
}

/// Writes down what was asked for, and what came of it.
pub fn record(shared: &Shared, who: &str, peer: &Peer, what: &str, response: &Response) {
    let outcome = response.extensions().get::<Outcome>().map_or_else(
        || if response.status().is_success() { "done".to_owned() } else { "refused".to_owned() },
        |outcome| outcome.0.clone(),
    );
    let from = match peer {
        Peer::Local(_) => "local".to_owned(),
        Peer::Tcp(address) => address.to_string(),
    };
    let entry = Entry::new(SystemTime::now(), who, &from, what, response.status().as_u16(), &outcome);
    if let Err(error) = shared.audit.add(&entry) {
        eprintln!("the record of changes cannot be written: {error}; {what} by {who}: {outcome}");
    }
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
            holder(shared, *address, changes, headers)?
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

/// Refuses, for what needs no token, requests that are for another machine; and where they change something, those that no
/// page of this agent makes.
pub fn foreign(peer: &Peer, headers: &HeaderMap, changes: bool) -> Result<(), Problem> {
    match peer {
        Peer::Local(_) => Ok(()),
        Peer::Tcp(_) => {
            is_this_machine(headers)?;
            if changes { is_own_page(headers) } else { Ok(()) }
        }
    }
}

/// Whose token the request carries.
fn holder(shared: &Shared, address: SocketAddr, changes: bool, headers: &HeaderMap) -> Result<Who, Problem> {
    known(shared, address, carried(headers, changes)?)
}

/// Whose token it is. Who comes with wrong ones is made to wait.
pub fn known(shared: &Shared, address: SocketAddr, token: &str) -> Result<Who, Problem> {
    let now = super::now();
    let ip = address.ip();
    let limit = || shared.wrong.lock().unwrap_or_else(PoisonError::into_inner);
    match shared.tokens.holder(token, SystemTime::now())? {
        Some(who) => Ok(who),
        None => {
            // Only who is wrong is made to wait, or anybody could lock out everybody.
            limit().take(&ip, now).map_err(Problem::too_often)?;
            Err(Problem::unknown_caller("the token is unknown or has expired"))
        }
    }
}

/// The token that a request carries: in its header, else in the cookie of a browser that signed in.
fn carried(headers: &HeaderMap, changes: bool) -> Result<&str, Problem> {
    let nothing = || Problem::unknown_caller("this takes a token");
    // Who says who it is by a header means that, and not a cookie that may come along.
    if headers.contains_key(header::AUTHORIZATION) {
        return bearer(headers).ok_or_else(nothing);
    }
    let token = cookie(headers).ok_or_else(nothing)?;
    if changes {
        is_own_page(headers)?;
    }
    Ok(token)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lists = headers.get_all(header::COOKIE).into_iter().filter_map(|list| list.to_str().ok());
    let mut pairs = lists.flat_map(|list| list.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, token)| token)
}

/// What the browser says of who asks; no page can say it in its place. Nothing from what is no browser, or an old one.
fn fetch_site(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get("sec-fetch-site").map(|site| site.as_bytes())
}

/// Refuses what no page of this agent asks for. Other servers of this machine are the same site: that is not enough.
fn is_own_page(headers: &HeaderMap) -> Result<(), Problem> {
    let is_own = match fetch_site(headers) {
        Some(site) => site == b"same-origin",
        None => is_own_origin(headers) == Some(true),
    };
    if is_own {
        return Ok(());
    }
    Err(Problem::forbidden("the request does not come from a page of this agent")
        .hint("programs send their token as `Authorization: Bearer TOKEN`"))
}

/// Whether the page that asks is this agent's, where the request says.
fn is_own_origin(headers: &HeaderMap) -> Option<bool> {
    let origin = headers.get(header::ORIGIN)?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    Some(host.is_some_and(|host| origin.as_bytes() == format!("http://{host}").as_bytes()))
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
    match is_own_origin(headers) {
        None | Some(true) => Ok(()),
        // A form of a page that tells no referrer tells no origin either.
        Some(false)
            if headers.get(header::ORIGIN).is_some_and(|origin| origin == "null")
                && fetch_site(headers) == Some(b"same-origin") =>
        {
            Ok(())
        }
        Some(false) => Err(Problem::forbidden("the request comes from a page of another site")),
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

    const SITE: header::HeaderName = header::HeaderName::from_static("sec-fetch-site");

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
    fn a_form_without_an_origin_counts_where_the_browser_vouches_for_it() {
        let form = |site: Option<&'static str>| {
            let mut headers = headers(&[(header::HOST, "127.0.0.1:80"), (header::ORIGIN, "null")]);
            headers.extend(site.map(|site| (SITE.clone(), HeaderValue::from_static(site))));
            is_this_machine(&headers).and_then(|()| is_own_page(&headers))
        };
        assert_eq!(form(Some("same-origin")), Ok(()));
        for site in [None, Some("same-site"), Some("cross-site"), Some("none")] {
            assert!(form(site).is_err(), "{site:?}");
        }
    }

    #[test]
    fn a_cookie_counts_for_changes_only_from_a_page_of_this_agent() {
        use header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
        let own = [(HOST, "127.0.0.1:80"), (COOKIE, "a=b; abide-token=abc; c=d")];
        let with = |more: &[(header::HeaderName, &'static str)]| {
            let list: Vec<_> = own.iter().chain(more).cloned().collect();
            headers(&list)
        };
        let page = || (ORIGIN, "http://127.0.0.1:80");
        for good in [&[(SITE, "same-origin")][..], &[(SITE, "same-origin"), page()], &[page()]] {
            assert_eq!(carried(&with(good), true), Ok("abc"), "{good:?}");
        }
        for bad in [
            &[][..],
            &[(SITE, "same-site")],
            &[(SITE, "cross-site")],
            &[(SITE, "none")],
            &[(SITE, "same-site"), page()],
            &[(ORIGIN, "http://127.0.0.1:81")],
            &[(ORIGIN, "null")],
        ] {
            assert_eq!(carried(&with(bad), true).unwrap_err().status().as_u16(), 403, "{bad:?}");
            assert_eq!(carried(&with(bad), false), Ok("abc"), "looking takes the cookie alone: {bad:?}");
        }
        // The header says who asks, wherever there is one.
        assert_eq!(carried(&with(&[(AUTHORIZATION, "Bearer x")]), true), Ok("x"));
        assert!(carried(&with(&[(AUTHORIZATION, "Basic x")]), false).is_err());
    }

    #[test]
    fn a_cookie_is_known_by_its_whole_name() {
        let found = |list| cookie(&headers(&[(header::COOKIE, list)])).map(str::to_owned);
        assert_eq!(found("abide-token=x").as_deref(), Some("x"));
        assert_eq!(found("b=1;abide-token=x=y").as_deref(), Some("x=y"));
        for other in ["", "abide-token", "xabide-token=x", "abide-tokens=x", "ABIDE-TOKEN=x"] {
            assert_eq!(found(other), None, "{other}");
        }
        assert_eq!(cookie(&HeaderMap::new()), None);
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
