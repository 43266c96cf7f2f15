//! Ignores every request to stop: only killing it helps.
//!
//! `hung`

use std::process::ExitCode;

use abide_examples::{Outcome, exit, flags::Flags, stop::Stop};

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let stop = Stop::listen()?;
    Flags::from_env(&[])?;
    println!("hung runs as process {}", std::process::id());
    loop {
        stop.wait();
        println!("asked to stop; no");
    }
}
