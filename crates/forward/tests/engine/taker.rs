//! A sink for tests, both sides of it: what the forwarder sends over TCP, a server writes down.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use abide_forward::sink::{Batch, Limits, Origin, SendError, Sent, Sink};

/// Most records of a batch.
pub const RECORDS: usize = 500;

/// What arrived.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrived {
    pub service: String,
    /// `stdout`, `stderr`, or the kind of an event.
    pub origin: String,
    pub uid: String,
    pub body: String,
}

const TAKE: u8 = b'k';
const LATER: u8 = b'l';
const NEVER: u8 = b'r';

/// The server.
pub struct Taker {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    arrived: Mutex<Vec<Arrived>>,
    batches: AtomicU64,
    answer: AtomicU8,
    over: AtomicBool,
}

impl Taker {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            arrived: Mutex::default(),
            batches: AtomicU64::new(0),
            answer: AtomicU8::new(TAKE),
            over: AtomicBool::new(false),
        });
        let served = shared.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if served.over.load(Ordering::Acquire) {
                    break;
                }
                let (Ok(connection), served) = (connection, served.clone()) else { continue };
                std::thread::spawn(move || drop(serve(connection, &served)));
            }
        });
        Self { address, shared }
    }

    /// Refuses everything for now, or takes it again.
    pub fn is_out(&self, out: bool) {
        self.shared.answer.store(if out { LATER } else { TAKE }, Ordering::Release);
    }

    pub fn arrived(&self) -> Vec<Arrived> {
        self.shared.arrived.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.shared.arrived.lock().unwrap().len()
    }

    /// How many batches were offered, taken or not.
    pub fn offered(&self) -> u64 {
        self.shared.batches.load(Ordering::Acquire)
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut connection: TcpStream, shared: &Shared) -> io::Result<()> {
    loop {
        let count = number(&mut connection)?;
        let mut batch = Vec::new();
        for _ in 0..count {
            let mut texts = Vec::new();
            for _ in 0..4 {
                let mut text = vec![0; number(&mut connection)? as usize];
                connection.read_exact(&mut text)?;
                texts.push(String::from_utf8_lossy(&text).into_owned());
            }
            let [service, origin, uid, body] = <[String; 4]>::try_from(texts).unwrap();
            batch.push(Arrived { service, origin, uid, body });
        }
        shared.batches.fetch_add(1, Ordering::AcqRel);
        let mut answer = shared.answer.load(Ordering::Acquire);
        if batch.iter().any(|it| it.body.contains("poison")) {
            answer = NEVER;
        }
        if answer == TAKE {
            shared.arrived.lock().unwrap().extend(batch);
        }
        connection.write_all(&[answer])?;
    }
}

fn number(connection: &mut TcpStream) -> io::Result<u32> {
    let mut bytes = [0; 4];
    connection.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

/// The forwarder's side.
pub struct TestSink {
    pub address: SocketAddr,
    pub connection: Option<TcpStream>,
}

impl TestSink {
    fn offer(&mut self, batch: &Batch) -> io::Result<u8> {
        if self.connection.is_none() {
            self.connection = Some(TcpStream::connect(self.address)?);
        }
        let mut bytes = u32::try_from(batch.len()).unwrap().to_le_bytes().to_vec();
        for record in batch.iter() {
            let origin = match record.origin {
                Origin::Output(stream) => stream.name().to_owned(),
                Origin::Event(event) => event.kind.clone(),
            };
            for text in [
                record.service.name.as_bytes(),
                origin.as_bytes(),
                record.uid.to_string().as_bytes(),
                record.body,
            ] {
                bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
                bytes.extend(text);
            }
        }
        let connection = self.connection.as_mut().unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(60)))?;
        connection.write_all(&bytes)?;
        let mut answer = [0];
        connection.read_exact(&mut answer)?;
        Ok(answer[0])
    }
}

impl Sink for TestSink {
    fn limits(&self) -> Limits {
        Limits { records: RECORDS, bytes: 1 << 20, age: Duration::from_millis(20) }
    }

    fn send(&mut self, batch: &Batch) -> Result<Sent, SendError> {
        match self.offer(batch) {
            Ok(TAKE) => Ok(Sent::default()),
            Ok(LATER) => Err(SendError::retry("the test takes nothing for now")),
            Ok(_) => Err(SendError::reject("the test refuses poison")),
            Err(error) => {
                self.connection = None;
                Err(SendError::retry(format!("{}: {error}", self.address)))
            }
        }
    }
}
