//! Windows side of [`crate::listener`].

use std::io;
use std::os::windows::io::IntoRawHandle;
use std::path::Path;

use tokio::net::windows::named_pipe::NamedPipeServer;

use super::endpoint::Endpoint;
use crate::listener::Caller;

/// One conversation.
pub type Stream = NamedPipeServer;

#[derive(Debug)]
pub(crate) struct Listener {
    endpoint: Endpoint,
    /// The end of the pipe at which the next caller will be.
    next: NamedPipeServer,
}

impl Listener {
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        let endpoint = Endpoint::bind(path)?;
        let next = server(&endpoint)?;
        Ok(Self { endpoint, next })
    }

    pub(crate) async fn accept(&mut self) -> io::Result<(Stream, Caller)> {
        self.next.connect().await?;
        let came = std::mem::replace(&mut self.next, server(&self.endpoint)?);
        Ok((came, Caller { account: "an administrator or the owner".into() }))
    }
}

/// A further end of the pipe.
fn server(endpoint: &Endpoint) -> io::Result<NamedPipeServer> {
    let pipe = endpoint.further()?;
    // SAFETY: the handle is that of a pipe's server side, opened for overlapped use, and nobody else's.
    unsafe { NamedPipeServer::from_raw_handle(pipe.into_raw_handle()) }
}
