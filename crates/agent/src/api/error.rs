//! What is answered instead of what was asked for.

use abide_host::{HostError, Kind};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What went wrong with a request: what failed, on what and why, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Problem {
    /// The form of this, `abide.error/1`.
    schema: &'static str,
    /// What kind it is, for programs.
    pub kind: &'static str,
    /// What failed, on what, and why.
    pub error: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    #[serde(skip)]
    status: StatusCode,
    /// Seconds to wait before the next try.
    #[serde(skip)]
    wait: Option<u64>,
}

impl Problem {
    /// A problem without a next step.
    pub fn new(status: StatusCode, kind: &'static str, error: impl Into<String>) -> Self {
        Self { schema: "abide.error/1", kind, error: error.into(), hint: None, status, wait: None }
    }

    /// The same, with what to do next.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// What was asked is not understood.
    pub fn bad(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", error)
    }

    /// The caller has not said who it is, or not in a way that is believed.
    pub fn unknown_caller(error: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", error).hint(
            "send `Authorization: Bearer TOKEN`; `abide agent token create NAME --role ROLE` makes a token",
        )
    }

    /// The caller is known, and may not do that.
    pub fn forbidden(error: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", error)
    }

    /// The caller asks too often.
    pub fn too_often(wait: std::time::Duration) -> Self {
        let seconds = wait.as_secs().max(1);
        let error = format!("too many requests; the next is heard in {seconds}s");
        Self { wait: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", error) }
    }

    /// The status that it is answered with.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<HostError> for Problem {
    fn from(error: HostError) -> Self {
        // What a service does not do is no fault of the agent's: its state stands against it.
        let (status, kind) = match error.kind {
            Kind::NotInstalled => (StatusCode::NOT_FOUND, "not-installed"),
            Kind::Permission => (StatusCode::FORBIDDEN, "agent-lacks-permission"),
            Kind::BadSpec => (StatusCode::UNPROCESSABLE_ENTITY, "bad-spec"),
            Kind::NotRunning => (StatusCode::CONFLICT, "not-running"),
            Kind::TimedOut => (StatusCode::CONFLICT, "timed-out"),
            Kind::Failed => (StatusCode::CONFLICT, "failed"),
        };
        Self { hint: error.hint, ..Self::new(status, kind, error.error) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, wait) = (self.status, self.wait);
        let mut response = (status, Json(&self)).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"abide\""));
        }
        if let Some(wait) = wait {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        response
    }
}
