//! Signing in with a token, and out.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::frame::{Frame, page};
use super::words::plain;
use crate::api::access::{self, COOKIE, Outcome, Who};
use crate::api::error::Problem;
use crate::api::{Peer, Shared};

/// What a browser needs to know of the cookie: no script may read it, and no page of another site makes the browser send it.
/// It lasts as long as the browser runs, and the token as long as the agent says. What is said on loopback is not encrypted,
/// so `Secure` would only keep some browsers from sending it.
const ATTRIBUTES: &str = "HttpOnly; SameSite=Strict; Path=/";

/// What is sent to sign in.
#[derive(Deserialize)]
pub struct Given {
    token: String,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    error: Option<String>,
}

/// Shows where to sign in.
pub async fn show() -> Response {
    page(StatusCode::OK, &LoginPage { frame: Frame::of(None, None), error: None })
}

/// Takes a token; if somebody holds it, the browser keeps it from then on.
pub async fn sign_in(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    given: Result<Form<Given>, FormRejection>,
) -> Response {
    let Peer::Tcp(address) = &peer else {
        // Whoever comes to the endpoint needs no token.
        return Redirect::to("/").into_response();
    };
    let outcome = given.map_err(|error| Problem::bad(error.body_text())).and_then(|Form(given)| {
        let token = given.token.trim();
        let who = access::known(&shared, *address, token)?;
        Ok((who, cookie(token)?))
    });
    let (name, response) = match outcome {
        Ok((who, cookie)) => (who.name.clone(), signed_in(&who, cookie)),
        Err(problem) => ("?".to_owned(), refused(problem)),
    };
    access::record(&shared, &name, &peer, "POST /login", &response);
    response
}

fn signed_in(who: &Who, cookie: HeaderValue) -> Response {
    let outcome = Outcome(format!("signed in as {}", who.role));
    (Extension(outcome), [(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

fn cookie(token: &str) -> Result<HeaderValue, Problem> {
    // A token that is known holds nothing that a header could not.
    HeaderValue::try_from(format!("{COOKIE}={token}; {ATTRIBUTES}"))
        .map_err(|_| Problem::bad("the token cannot stand in a cookie"))
}

fn refused(problem: Problem) -> Response {
    let shown = LoginPage { frame: Frame::of(None, None), error: Some(plain(&problem.error)) };
    page(problem.status(), &shown)
}

/// Lets the browser forget the token.
pub async fn sign_out() -> Response {
    let cookie = HeaderValue::try_from(format!("{COOKIE}=; Max-Age=0; {ATTRIBUTES}"));
    let mut response = Redirect::to("/login").into_response();
    if let Ok(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
