//! Writes numbered lines, every tenth to stderr, so that each one that is lost can be told.
//!
//! `chatty [--rate LINES_PER_SECOND] [--lines N] [--width BYTES]`; rate 0 writes as fast as it is read, lines 0 for ever.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::time::Duration;

use abide_examples::{Outcome, exit, flags::Flags, stop::Stop};

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let stop = Stop::listen()?;
    let flags = Flags::from_env(&["--rate", "--lines", "--width"])?;
    let (rate, lines, width) =
        (flags.get("--rate", 100u32)?, flags.get("--lines", 0u64)?, flags.get("--width", 100usize)?);

    // A second's worth of lines in bursts, ten a second: what a busy program's output looks like.
    let burst = if rate == 0 { 10_000 } else { u64::from(rate).div_ceil(10) };
    let pause = if rate == 0 { Duration::ZERO } else { Duration::from_millis(100) };
    let mut written = 0;
    loop {
        let end = if lines == 0 { written + burst } else { lines.min(written + burst) };
        write(written..end, width)?;
        written = end;
        if written == lines || stop.within(pause) {
            return Ok(());
        }
    }
}

fn write(numbers: std::ops::Range<u64>, width: usize) -> io::Result<()> {
    let (mut out, mut err) = (BufWriter::new(io::stdout().lock()), BufWriter::new(io::stderr().lock()));
    for number in numbers {
        let line = format!("{number:012} {}", "x".repeat(width.saturating_sub(14)));
        if number % 10 == 9 {
            writeln!(err, "{line}")?;
        } else {
            writeln!(out, "{line}")?;
        }
    }
    out.flush()?;
    err.flush()
}
