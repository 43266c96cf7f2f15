//! Unix side of [`crate::listener`].

use std::io;
use std::path::Path;

use tokio::net::UnixListener;

use super::endpoint::Endpoint;
use crate::listener::Caller;

/// One conversation.
pub type Stream = tokio::net::UnixStream;

#[derive(Debug)]
pub(crate) struct Listener {
    listener: UnixListener,
    /// Removes the socket in the end.
    _endpoint: Endpoint,
}

impl Listener {
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        let endpoint = Endpoint::bind(path)?;
        Ok(Self { listener: UnixListener::from_std(endpoint.listener()?)?, _endpoint: endpoint })
    }

    pub(crate) async fn accept(&mut self) -> io::Result<(Stream, Caller)> {
        let (stream, _) = self.listener.accept().await?;
        let account = format!("uid {}", stream.peer_cred()?.uid());
        Ok((stream, Caller { account }))
    }
}
