//! Server-sent events: what goes on as it comes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use super::Shared;
use super::error::Problem;

/// The most followers at a time: each of a log takes a thread.
pub const MOST: usize = 64;
/// A silent line is shown to be alive so often; that is also when a reader that has gone is noticed.
pub const ALIVE: Duration = Duration::from_secs(15);
/// So many things wait for a slow reader; whoever sends waits then.
const WAITING: usize = 256;

/// The sending half of a stream.
#[derive(Debug)]
pub struct Sender {
    sender: mpsc::Sender<Event>,
    /// One follower less while it lives.
    _place: OwnedSemaphorePermit,
}

impl Sender {
    /// Sends one thing of a kind, waiting for a slow reader. False where nobody reads any more.
    pub async fn send(&self, kind: &str, thing: &impl Serialize) -> bool {
        match Event::default().event(kind).json_data(thing) {
            Ok(event) => self.sender.send(event).await.is_ok(),
            // It cannot be told; what comes later may.
            Err(_) => true,
        }
    }

    /// The same from a thread that may wait.
    pub fn send_blocking(&self, kind: &str, thing: &impl Serialize) -> bool {
        match Event::default().event(kind).json_data(thing) {
            Ok(event) => self.sender.blocking_send(event).is_ok(),
            Err(_) => true,
        }
    }

    /// Nobody reads any more.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Waits until nobody reads any more.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }
}

/// A new stream: what it is answered with, and its sending half.
pub fn open(shared: &Shared) -> Result<(Response, Sender), Problem> {
    let place = Arc::clone(&shared.followers).try_acquire_owned().map_err(|_| {
        let error = format!("{MOST} others follow already");
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", error)
            .hint("end one of them, or ask again and again without following")
    })?;
    let (sender, receiver) = mpsc::channel(WAITING);
    let events = ReceiverStream::new(receiver).map(Ok::<_, Infallible>);
    let response = Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)).into_response();
    Ok((response, Sender { sender, _place: place }))
}
