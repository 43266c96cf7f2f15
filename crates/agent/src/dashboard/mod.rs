//! The dashboard: pages that show in a browser what the API tells.
//!
//! The server renders every page whole, so that they work without the script, for looking. With it they follow the events of
//! the API, ask for the page again when something changed, and give orders through the API. Nothing is loaded from elsewhere,
//! and the policy sent with every page lets the browser load nothing else.

mod first;
mod frame;
mod one;
mod session;
mod told;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use crate::api::access;
use crate::api::error::Problem;
use crate::api::{Peer, Shared};
use crate::tokens::Role;

/// What the pages look like.
const STYLE: &str = include_str!("../../templates/style.css");
/// What makes them live.
const SCRIPT: &str = include_str!("../../templates/script.js");

/// What a browser may do with a page: load its own style and script, speak to this agent, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What goes with every page.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// The pages, and what they are made of.
pub fn router(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    let pages = Router::new()
        .route("/", get(first::show))
        .route("/services/{name}", get(one::show))
        .layer(from_fn_with_state(Arc::clone(shared), guard));
    // Who signs in has no token to show yet, and the page for it is to look like the others.
    let open = Router::new()
        .route("/login", get(session::show).post(session::sign_in))
        .route("/logout", axum::routing::post(session::sign_out))
        .route("/assets/style.css", get(|| asset("text/css; charset=utf-8", STYLE)))
        .route("/assets/script.js", get(|| asset("text/javascript; charset=utf-8", SCRIPT)))
        .layer(axum::middleware::from_fn(guard_open));
    pages.merge(open).layer(map_response(with_headers))
}

async fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind)], text)
}

async fn with_headers(mut response: Response) -> Response {
    response.headers_mut().extend(HEADERS);
    response
}

/// Lets through who may look; a browser that has not signed in is led to where it can.
async fn guard(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    access::guarded(&shared, Role::Viewer, &peer, request, next, refusal).await
}

/// Lets through everybody who means this machine.
async fn guard_open(ConnectInfo(peer): ConnectInfo<Peer>, request: Request, next: Next) -> Response {
    let changes = !request.method().is_safe();
    match access::foreign(&peer, request.headers(), changes) {
        Ok(()) => next.run(request).await,
        Err(problem) => refusal(problem),
    }
}

fn refusal(problem: Problem) -> Response {
    if problem.status() == StatusCode::UNAUTHORIZED {
        return Redirect::to("/login").into_response();
    }
    frame::trouble(problem, None)
}
