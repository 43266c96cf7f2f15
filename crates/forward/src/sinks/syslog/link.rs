//! The connection to a syslog server.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use abide_os::journal::Datagrams;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::super::OpenError;
use super::super::tls::{self, Identity};
use super::address::{Address, Way};
use crate::config::SinkConfig;
use crate::sink::SendError;

/// How long the other side may take to close a connection on which no more comes.
const CLOSING: Duration = Duration::from_secs(10);

/// What leads to the server.
#[derive(Debug)]
pub(super) struct Link {
    address: Address,
    timeout: Duration,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    udp: Option<UdpSocket>,
    unix: Option<Datagrams>,
    /// A connection that is kept, to a server that does not close those on which no more comes: then nothing tells that it
    /// has read everything.
    kept: Option<Connection>,
    keep: bool,
}

#[derive(Debug)]
enum Connection {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// How a connection ended.
enum End {
    Closed,
    StaysOpen,
}

impl Link {
    pub(super) fn new(address: Address, config: &SinkConfig) -> Result<Self, OpenError> {
        let tls = if address.way == Way::Tls {
            let name = ServerName::try_from(address.host.clone())
                .map_err(|_| OpenError(format!("url: {}: its host is no name", address.shown)))?;
            Some((Arc::new(Identity::read(&config.tls)?.client()?), name))
        } else {
            None
        };
        Ok(Self {
            address,
            timeout: config.timeout.get(),
            tls,
            udp: None,
            unix: None,
            kept: None,
            keep: false,
        })
    }

    pub(super) const fn is_stream(&self) -> bool {
        matches!(self.address.way, Way::Tcp | Way::Tls)
    }

    /// Sends bytes over a connection, and waits until the other side has read them.
    pub(super) fn deliver(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.try_deliver(bytes).map_err(|error| self.failed(&error))
    }

    fn try_deliver(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut connection = match self.kept.take() {
            Some(kept) => kept,
            None => self.connect()?,
        };
        connection.write_all(bytes)?;
        if !self.keep {
            match connection.close(CLOSING.min(self.timeout))? {
                End::Closed => return Ok(()),
                End::StaysOpen => {
                    self.keep = true;
                    return Ok(());
                }
            }
        }
        self.kept = Some(connection);
        Ok(())
    }

    /// Sends one message by itself.
    pub(super) fn datagram(&mut self, message: &[u8]) -> Result<(), SendError> {
        self.try_datagram(message).map_err(|error| {
            self.udp = None;
            self.unix = None;
            self.failed(&error)
        })
    }

    fn try_datagram(&mut self, message: &[u8]) -> io::Result<()> {
        if self.address.way == Way::Unix {
            let socket = match self.unix.take() {
                Some(socket) => socket,
                None => Datagrams::connect(Path::new(&self.address.host), self.timeout)?,
            };
            socket.send(message)?;
            self.unix = Some(socket);
            return Ok(());
        }
        let socket = match self.udp.take() {
            Some(socket) => socket,
            None => self.each(|to| {
                let here = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(here)?;
                socket.connect(to)?;
                socket.set_write_timeout(Some(self.timeout))?;
                Ok(socket)
            })?,
        };
        socket.send(message)?;
        self.udp = Some(socket);
        Ok(())
    }

    /// Tries the addresses of the host one by one.
    fn each<T>(&self, mut connect: impl FnMut(SocketAddr) -> io::Result<T>) -> io::Result<T> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "its name leads nowhere");
        for address in (self.address.host.as_str(), self.address.port).to_socket_addrs()? {
            match connect(address) {
                Ok(connected) => return Ok(connected),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn connect(&self) -> io::Result<Connection> {
        let stream = self.each(|to| TcpStream::connect_timeout(&to, self.timeout))?;
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        let Some((config, name)) = &self.tls else { return Ok(Connection::Plain(stream)) };
        let client = ClientConnection::new(config.clone(), name.clone()).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(client, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Connection::Tls(Box::new(stream)))
    }

    fn failed(&self, error: &io::Error) -> SendError {
        let why = match tls::inside(error) {
            Some(inside) => format!("TLS: {inside}{}", tls::hint(inside)),
            None if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                "it does not read in time".into()
            }
            None => error.to_string(),
        };
        SendError::retry(format!("{}: {why}", self.address.shown))
    }
}

impl Connection {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes),
            Self::Tls(stream) => {
                stream.write_all(bytes)?;
                stream.flush()
            }
        }
    }

    /// Says that no more comes, and waits until the other side closes too. One that ends without having read everything
    /// resets the connection.
    fn close(&mut self, patience: Duration) -> io::Result<End> {
        let socket = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => {
                stream.conn.send_close_notify();
                stream.flush()?;
                &mut stream.sock
            }
        };
        socket.shutdown(Shutdown::Write)?;
        socket.set_read_timeout(Some(patience))?;
        let mut told = [0; 512];
        loop {
            // What TLS says at the end needs no reading: that the connection has ended is what counts.
            match socket.read(&mut told) {
                Ok(0) => return Ok(End::Closed),
                Ok(_) => {}
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => return Ok(End::StaysOpen),
                    _ => return Err(error),
                },
            }
        }
    }
}
