//! An HTTP server: `/` greets, `/healthz` is for probes, `/slow` takes two seconds, to see that a stop lets it finish.
//!
//! `hello-http [--port 9000]`

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use abide_examples::{Outcome, exit, flags::Flags, stop::Stop};

/// How long a client may be silent, and a stop may wait for requests that are under way.
const PATIENCE: Duration = Duration::from_secs(5);
/// A request line and its headers end within this many bytes.
const REQUEST_LIMIT: u64 = 16 * 1024;

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let stop = Stop::listen()?;
    let port = Flags::from_env(&["--port"])?.get("--port", 9000u16)?;
    let listener = TcpListener::bind(("127.0.0.1", port))
        .map_err(|error| format!("cannot listen on port {port}: {error}"))?;
    println!("listening on http://{}", listener.local_addr()?);

    let open = Arc::new(Open::default());
    let accepting = Arc::clone(&open);
    thread::spawn(move || accept(&listener, &accepting));

    stop.wait();
    println!("stopping: asked to");
    if open.drain(PATIENCE) {
        println!("stopped: every request was answered");
        Ok(())
    } else {
        Err(format!("requests were still under way after {PATIENCE:?}").into())
    }
}

fn accept(listener: &TcpListener, open: &Arc<Open>) {
    let started = Instant::now();
    for connection in listener.incoming() {
        let connection = match connection {
            Ok(connection) => connection,
            Err(error) => {
                eprintln!("cannot accept a connection: {error}");
                continue;
            }
        };
        let request = Open::enter(open);
        thread::spawn(move || {
            if let Err(error) = answer(connection, started) {
                eprintln!("cannot answer a request: {error}");
            }
            drop(request);
        });
    }
}

fn answer(mut connection: TcpStream, started: Instant) -> io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(connection.try_clone()?.take(REQUEST_LIMIT)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for header in lines {
        if header?.is_empty() {
            break;
        }
    }
    let mut words = request.split(' ');
    let (status, body) = match (words.next(), words.next()) {
        (Some("GET"), Some("/")) => {
            println!("GET /");
            ("200 OK", format!("Hello from process {}, up {:.1?}\n", std::process::id(), started.elapsed()))
        }
        (Some("GET"), Some("/healthz")) => ("200 OK", "ok\n".to_owned()),
        (Some("GET"), Some("/slow")) => {
            thread::sleep(Duration::from_secs(2));
            ("200 OK", "done\n".to_owned())
        }
        (Some("GET"), Some(path)) => ("404 Not Found", format!("nothing at {path}\n")),
        _ => ("400 Bad Request", "a GET request was expected\n".to_owned()),
    };
    write!(
        connection,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Counts the requests under way.
#[derive(Default)]
struct Open {
    count: Mutex<usize>,
    fewer: Condvar,
}

/// One request under way, until it is dropped.
struct Request(Arc<Open>);

impl Open {
    fn enter(open: &Arc<Self>) -> Request {
        *open.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Request(Arc::clone(open))
    }

    /// Waits until no request is under way; false when `limit` came first.
    fn drain(&self, limit: Duration) -> bool {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        match self.fewer.wait_timeout_while(count, limit, |count| *count > 0) {
            Ok((_, waited)) => !waited.timed_out(),
            Err(_) => false,
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.fewer.notify_one();
    }
}
