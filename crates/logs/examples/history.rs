//! Writes a long history, as a capture would over a day that ends now: `history FOLDER GIB [zstd]`. For measuring how
//! fast it is read; lines have 100 bytes, one in a thousand is an error on standard error.

#![allow(clippy::unwrap_used, reason = "an example fails by panicking")]

use std::{
    fmt::Write,
    path::Path,
    time::{Duration, SystemTime},
};

use abide_logs::{Capture, Compression, Settings, Stream};

const LINE: u64 = 100;
const DAY: Duration = Duration::from_secs(86_400);
/// So many lines arrive at once.
const BATCH: u64 = 640;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, gib, rest @ ..] = &arguments[..] else {
        eprintln!("history FOLDER GIB [zstd]");
        std::process::exit(2);
    };
    let lines = (gib.parse::<f64>().unwrap() * f64::from(1 << 30)) as u64 / LINE;
    let compress = if rest.is_empty() { Compression::None } else { Compression::Zstd };
    std::fs::create_dir_all(folder).unwrap();
    let settings = Settings { size: 64 << 20, keep: 100_000, compress, ..Settings::default() };
    let capture = Capture::open(Path::new(folder), &settings).unwrap();
    let begin = SystemTime::now() - DAY;
    let (mut batch, mut random) = (String::new(), 0x2545_F491_4F6C_DD1D_u64);
    for line in 0..lines {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let time = begin + DAY.mul_f64(line as f64 / lines as f64);
        if line % 1000 == 500 {
            capture.write(Stream::Stdout, batch.as_bytes(), time);
            batch.clear();
            let text = format!("{line:012} ERROR request failed: upstream refused, id={:016x}", random);
            capture.write(Stream::Stderr, format!("{text:.<99}\n").as_bytes(), time);
            continue;
        }
        let (status, ms) = ([200, 200, 200, 204, 304, 404, 500][(random % 7) as usize], random >> 8 & 255);
        let start = batch.len();
        let _ = write!(
            batch,
            "{line:012} INFO GET /api/v1/orders/{:08x} status={status} ms={ms} user={:05}",
            random as u32,
            random >> 40 & 65_535
        );
        let length = batch.len() - start;
        batch.extend(std::iter::repeat_n('.', 99 - length));
        batch.push('\n');
        if line % BATCH == 0 {
            capture.write(Stream::Stdout, batch.as_bytes(), time);
            batch.clear();
        }
    }
    let text = format!("{lines:012} NEEDLE at the very end");
    capture.write(Stream::Stdout, batch.as_bytes(), SystemTime::now());
    capture.write(Stream::Stdout, format!("{text:.<99}\n").as_bytes(), SystemTime::now());
}
