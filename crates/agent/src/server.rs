//! The agent as it runs: its listeners, on a thread of their own, until it is told to end.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use abide_os::fs::{Lock, LockError};
use abide_os::listener::{Caller, Listener};
use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::api::{self, Peer, Shared};
use crate::audit::Audit;
use crate::error::AgentError;
use crate::settings::Settings;
use crate::view::{Follower, View};

/// How long requests that are under way are waited for in the end.
const PATIENCE: Duration = Duration::from_secs(5);

/// An agent that runs. Dropping it ends it.
#[derive(Debug)]
pub struct Agent {
    ending: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    http: Option<SocketAddr>,
    view: View,
    _follower: Follower,
    _lock: Lock,
}

impl Agent {
    /// Looks at all services, listens, and serves from then on.
    pub fn start(settings: Settings) -> Result<Self, AgentError> {
        let places = settings.places.clone();
        let place = |path: &Path| {
            let path = path.to_owned();
            move |source| AgentError::Place { path, source }
        };
        abide_os::fs::private_dir(&places.state).map_err(place(&places.state))?;
        let lock = Lock::acquire(&places.lock()).map_err(|error| match error {
            LockError::Held { .. } => AgentError::Busy { path: places.lock() },
            LockError::Io { source, .. } => place(&places.lock())(source),
        })?;
        // What is wrong with them is better said now than at the first request.
        crate::tokens::Tokens::read(&places.tokens())?;
        let audit = Audit::open(&places.audit()).map_err(place(&places.audit()))?;
        let (view, follower) = View::follow(&settings.whose).map_err(AgentError::Follow)?;
        let (ending, ends) = watch::channel(false);

        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(64)
            .thread_keep_alive(Duration::from_secs(5))
            .build()
            .map_err(AgentError::Follow)?;
        let (local, tcp, settings) = runtime.block_on(listen(settings))?;
        let http = settings.http;
        let router = api::router(&Arc::new(Shared::new(view.clone(), audit, settings, ends.clone())));
        let thread = std::thread::Builder::new()
            .name("http".into())
            .spawn(move || {
                runtime.block_on(serve(local, tcp, router, ends));
                runtime.shutdown_background();
            })
            .map_err(AgentError::Follow)?;
        Ok(Self { ending, thread: Some(thread), http, view, _follower: follower, _lock: lock })
    }

    /// Where it speaks HTTP to holders of tokens: with the port that it got, where none was asked for.
    #[must_use]
    pub fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// What it sees.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.view
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Nobody listens any more where its thread has ended.
        let _ = self.ending.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn listen(mut settings: Settings) -> Result<(Local, Option<Tcp>, Settings), AgentError> {
    let path = &settings.places.endpoint;
    let local = Listener::bind(path).map_err(|source| AgentError::Endpoint { path: path.clone(), source })?;
    let mut tcp = None;
    if let Some(address) = settings.http {
        let trouble = |source| AgentError::Tcp { address, source };
        let listener = TcpListener::bind(address).await.map_err(trouble)?;
        settings.http = Some(listener.local_addr().map_err(trouble)?);
        tcp = Some(Tcp(listener));
    }
    Ok((Local(local), tcp, settings))
}

/// Serves at all listeners until the end, and then for a while what is under way.
async fn serve(local: Local, tcp: Option<Tcp>, router: Router, ends: watch::Receiver<bool>) {
    let ended = |mut ends: watch::Receiver<bool>| async move {
        // Nobody is left to tell: that is an end too.
        let _ = ends.wait_for(|ending| *ending).await;
    };
    let service = router.into_make_service_with_connect_info::<Peer>();
    let at_endpoint =
        axum::serve(local, service.clone()).with_graceful_shutdown(ended(ends.clone())).into_future();
    let over_tcp = async {
        match tcp {
            Some(tcp) => axum::serve(tcp, service).with_graceful_shutdown(ended(ends.clone())).await,
            None => Ok(()),
        }
    };
    let all = async { tokio::join!(at_endpoint, over_tcp) };
    let too_long = async {
        ended(ends.clone()).await;
        tokio::time::sleep(PATIENCE).await;
    };
    tokio::select! {
        _ = all => {}
        () = too_long => {}
    }
}

/// How long a listener rests that the operating system cannot serve: descriptors come back when others end.
const REST: Duration = Duration::from_millis(200);

/// The endpoint, for axum.
struct Local(Listener);

impl axum::serve::Listener for Local {
    type Io = abide_os::listener::Stream;
    type Addr = Caller;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.0.accept().await {
                Ok(accepted) => return accepted,
                Err(_) => tokio::time::sleep(REST).await,
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(Caller { account: String::new() })
    }
}

/// TCP, for axum.
struct Tcp(TcpListener);

impl axum::serve::Listener for Tcp {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    // Events are small, and wanted at once. A socket that refuses is slower, and no worse.
                    let _ = stream.set_nodelay(true);
                    return (stream, address);
                }
                Err(_) => tokio::time::sleep(REST).await,
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Local>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Local>) -> Self {
        Self::Local(stream.remote_addr().clone())
    }
}

impl Connected<IncomingStream<'_, Tcp>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Tcp>) -> Self {
        Self::Tcp(*stream.remote_addr())
    }
}
