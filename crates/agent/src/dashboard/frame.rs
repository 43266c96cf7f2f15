//! What all pages have around them.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::words::plain;
use crate::api::Peer;
use crate::api::access::Who;
use crate::api::error::Problem;

/// What all pages have around them.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The name of this machine.
    pub host: String,
    /// Who looks, where that is known.
    pub who: Option<Who>,
    /// Whoever looks has signed in, and can sign out.
    pub signed_in: bool,
}

impl Frame {
    /// For somebody, or for nobody yet.
    pub fn of(who: Option<Who>, peer: Option<&Peer>) -> Self {
        let host = abide_os::host::name().map_or_else(|_| "this machine".to_owned(), |name| plain(&name));
        let signed_in = who.is_some() && matches!(peer, Some(Peer::Tcp(_)));
        Self { host, who, signed_in }
    }
}

/// A page that tells why there is no other.
#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    frame: Frame,
    error: String,
    hint: Option<String>,
}

/// A page as it is answered.
pub fn page(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", format!("no page: {error}"))
                .into_response()
        }
    }
}

/// A problem, as a page.
pub fn trouble(problem: Problem, frame: Option<Frame>) -> Response {
    let shown = TroublePage {
        frame: frame.unwrap_or_else(|| Frame::of(None, None)),
        error: plain(&problem.error),
        hint: problem.hint.as_deref().map(plain),
    };
    let mut response = page(problem.status(), &shown);
    // What else it says to programs, such as when to try again.
    let told = problem.into_response();
    for (name, value) in told.headers() {
        if name == axum::http::header::RETRY_AFTER {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
    response
}
