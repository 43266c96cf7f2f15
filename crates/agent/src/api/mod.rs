//! The HTTP API, version 1.
//!
//! [`routes::TABLE`] is the whole of it as data: method, path, the role it takes, and what it says in the OpenAPI document.
//! The router is built from that table, so nothing is served that is not described, and nothing described that is not served.
//! The pages of the [`dashboard`](crate::dashboard) stand beside it, and show what it answers.

pub(crate) mod access;
mod act;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod logs;
mod metrics;
mod openapi;
pub(crate) mod query;
mod routes;
pub(crate) mod services;
mod shape;
mod stream;

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use abide_os::listener::Caller;
use axum::Router;

pub use error::Problem;

use crate::audit::Audit;
use crate::limit::Limit;
use crate::sample::Sampler;
use crate::settings::Settings;
use crate::view::View;

/// So many wrong tokens from one address are heard at once, then one every so often.
const WRONG: (u32, Duration) = (10, Duration::from_secs(6));
/// So many changes of one caller are heard at once, then one every so often.
const CHANGES: (u32, Duration) = (120, Duration::from_millis(250));

/// What every request sees.
#[derive(Debug)]
pub struct Shared {
    pub(crate) view: View,
    audit: Audit,
    settings: Settings,
    started: SystemTime,
    tokens: access::TokenFile,
    wrong: Mutex<Limit<std::net::IpAddr>>,
    changes: Mutex<Limit<String>>,
    sampler: Mutex<Sampler>,
    /// How often the metrics were read.
    scrapes: AtomicU64,
    /// Followers at a time, of logs and events.
    followers: Arc<tokio::sync::Semaphore>,
    /// Becomes true when the agent is to end: what follows ends then.
    ending: tokio::sync::watch::Receiver<bool>,
}

/// Where a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The endpoint, which only root (Administrators) and the owner can open.
    Local(Caller),
    /// TCP.
    Tcp(SocketAddr),
}

impl Shared {
    /// For an agent with these settings.
    pub fn new(
        view: View,
        audit: Audit,
        settings: Settings,
        ending: tokio::sync::watch::Receiver<bool>,
    ) -> Self {
        Self {
            view,
            audit,
            tokens: access::TokenFile::new(settings.places.tokens()),
            settings,
            started: SystemTime::now(),
            wrong: Mutex::new(Limit::new(WRONG.0, WRONG.1)),
            changes: Mutex::new(Limit::new(CHANGES.0, CHANGES.1)),
            sampler: Mutex::default(),
            scrapes: AtomicU64::new(0),
            followers: Arc::new(tokio::sync::Semaphore::new(stream::MOST)),
            ending,
        }
    }
}

/// Everything that is served.
pub fn router(shared: &Arc<Shared>) -> Router {
    routes::router(shared)
}

/// This moment, for what counts from it.
fn now() -> Instant {
    Instant::now()
}
