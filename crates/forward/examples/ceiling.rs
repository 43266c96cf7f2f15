//! How fast the engine is by itself: a log of so many lines of 100 bytes into a sink that takes everything at once.
//!
//! `cargo run --release -p abide-forward --example ceiling [LINES [single]]`

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use abide_forward::config::Config;
use abide_forward::engine::{Forwarder, Places};
use abide_forward::sink::{Batch, Host, Limits, SendError, Sent, Sink};
use abide_logs::{Capture, Settings, Stream};
use abide_os::paths::Layout;

struct Null {
    records: Arc<AtomicU64>,
}

impl Sink for Null {
    fn limits(&self) -> Limits {
        Limits { records: 10_000, bytes: 4 << 20, age: Duration::from_millis(100) }
    }

    fn send(&mut self, batch: &Batch) -> Result<Sent, SendError> {
        self.records.fetch_add(batch.len() as u64, Ordering::Release);
        Ok(Sent::default())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let lines: u64 = args.next().map_or(Ok(2_000_000), |text| text.parse())?;
    let multiline = args.next().is_none();
    let root = tempfile::tempdir()?;
    let places = Places::of(&Layout::below(root.path()));
    let logs = places.logs.join("web");
    std::fs::create_dir_all(&logs)?;
    let settings = Settings { keep: 1000, ..Settings::default() };
    let capture = Capture::open(&logs, &settings)?;
    let mut chunk = Vec::new();
    for n in 0..lines {
        chunk.extend(
            format!("2026-11-22T22:00:00Z INFO request {n:012} {:52}\n", "GET /orders 200").into_bytes(),
        );
        if chunk.len() > 60_000 || n + 1 == lines {
            capture.write(Stream::Stdout, &chunk, std::time::SystemTime::now());
            chunk.clear();
        }
    }
    drop(capture);
    let text = format!(
        "[[sink]]\nname = \"null\"\nkind = \"otlp\"\nurl = \"http://127.0.0.1:1\"\nfrom = \"oldest\"\nmultiline = {multiline}\n"
    );
    let config = Config::parse(&text)?;
    let records = Arc::new(AtomicU64::new(0));
    let counted = records.clone();
    let opener =
        Arc::new(
            move |_: &_, _: &Arc<Host>| Ok(Box::new(Null { records: counted.clone() }) as Box<dyn Sink>),
        );
    let begun = Instant::now();
    let forwarder = Forwarder::start(
        &config,
        &places,
        &Arc::default(),
        opener,
        Arc::new(|sink, text| eprintln!("{sink}: {text}")),
    )?;
    while records.load(Ordering::Acquire) < lines {
        std::thread::sleep(Duration::from_millis(2));
    }
    let took = begun.elapsed().as_secs_f64();
    println!("{lines} lines in {took:.3} s: {:.0} lines/s", lines as f64 / took);
    assert!(forwarder.stop(Duration::from_secs(10)));
    Ok(())
}
