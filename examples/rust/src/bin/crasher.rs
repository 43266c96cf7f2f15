//! Runs for a while and then fails.
//!
//! `crasher [--after SECONDS] [--how exit|abort] [--code CODE]`

use std::process::ExitCode;

use abide_examples::{Outcome, exit, flags::Flags, stop::Stop};

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let stop = Stop::listen()?;
    let flags = Flags::from_env(&["--after", "--how", "--code"])?;
    let (after, how, code) =
        (flags.seconds("--after", 1.0)?, flags.get("--how", "exit".to_owned())?, flags.get("--code", 1)?);

    println!("crasher runs as process {} and fails in {after:?}", std::process::id());
    if stop.within(after) {
        println!("stopping: asked to, before the crash");
        return Ok(());
    }
    eprintln!("crasher fails now");
    match how.as_str() {
        "exit" => std::process::exit(code),
        "abort" => std::process::abort(),
        other => Err(format!("--how '{other}': expected exit or abort").into()),
    }
}
