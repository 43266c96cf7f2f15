//! A server of our own: keeps what it is sent, and answers what it is told to. It stands where the answer matters, and behind a
//! real collector to see what that has understood.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request that came.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// `POST /path HTTP/1.1` and the headers, names in lower case.
    pub head: String,
    /// What was sent, still compressed.
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

#[derive(Default)]
struct Shared {
    asked: Vec<Asked>,
    answers: VecDeque<String>,
}

/// Listens until the process ends.
pub struct Receiver {
    pub port: u16,
    shared: Arc<Mutex<Shared>>,
}

impl Receiver {
    pub fn start(tls: Option<Arc<ServerConfig>>) -> Result<Self, String> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        let shared = Arc::<Mutex<Shared>>::default();
        let kept = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, tls) = (kept.clone(), tls.clone());
                std::thread::spawn(move || {
                    let _ = match tls {
                        None => serve(stream, &kept),
                        Some(config) => secured(stream, config, &kept),
                    };
                });
            }
        });
        Ok(Self { port, shared })
    }

    /// The head and body of the next answer; without one it is `200 OK` and nothing.
    pub fn answer(&self, text: &str) {
        lock(&self.shared).answers.push_back(text.to_owned());
    }

    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.shared).asked.clone()
    }

    pub fn last(&self) -> Asked {
        self.asked().pop().unwrap_or_default()
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn secured(stream: TcpStream, config: Arc<ServerConfig>, kept: &Mutex<Shared>) -> io::Result<()> {
    let server = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(server, stream);
    let served = serve(&mut stream, kept);
    // Why it refuses is told to the other side before the connection goes.
    while stream.conn.wants_write() {
        stream.conn.write_tls(&mut stream.sock)?;
    }
    stream.sock.shutdown(Shutdown::Write)?;
    io::copy(&mut stream.sock, &mut io::sink())?;
    served
}

fn serve(stream: impl Read + Write, kept: &Mutex<Shared>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut asked = Asked::default();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            match line.split_once(": ") {
                Some((name, value)) => asked.head += &format!("{}: {value}\n", name.to_ascii_lowercase()),
                None => asked.head += &format!("{line}\n"),
            }
        }
        let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        asked.body = vec![0; length];
        stream.read_exact(&mut asked.body)?;
        let answer = {
            let mut kept = lock(kept);
            kept.asked.push(asked);
            kept.answers.pop_front()
        };
        let answer = answer.unwrap_or_else(|| "200 OK\n".into());
        let (head, body) = answer.split_once("\n\n").unwrap_or((answer.trim_end(), ""));
        let head = head.replace('\n', "\r\n");
        let text = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.get_mut().write_all(text.as_bytes())?;
        stream.get_mut().flush()?;
    }
}
