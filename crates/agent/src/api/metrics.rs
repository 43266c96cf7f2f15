//! What services use and have done, for Prometheus and whoever reads what it reads.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use abide_metrics::encode::encode;
use abide_metrics::negotiate::negotiate;
use abide_metrics::{sd, services};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::error::Problem;
use super::services::blocking;
use crate::readings;

/// All metrics, in the form that the reader asks for.
pub async fn metrics(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Result<Response, Problem> {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let answer = negotiate(accept);
    let scrapes = shared.scrapes.fetch_add(1, Ordering::Relaxed) + 1;
    let format = answer.format;
    let text = blocking(move || {
        let snapshot = shared.view.now();
        let sample = shared.sampler.lock().unwrap_or_else(PoisonError::into_inner).look(&snapshot);
        encode(&services::snapshot(&readings::of(&snapshot, &sample, shared.started, scrapes)), format)
    });
    Ok(([(header::CONTENT_TYPE, answer.content_type)], text.await?).into_response())
}

/// Where the metrics of the services themselves are (`http_sd_configs`).
pub async fn targets(State(shared): State<Arc<Shared>>) -> Response {
    let host = abide_os::host::name().unwrap_or_else(|_| "localhost".into());
    let document = sd::document(&readings::targets(&shared.view.now(), &host));
    ([(header::CONTENT_TYPE, sd::CONTENT_TYPE)], document).into_response()
}
