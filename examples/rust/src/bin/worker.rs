//! A worker that takes one job after another and, when it is asked to stop, finishes the job in hand first.
//!
//! `worker [--every SECONDS] [--heartbeat FILE]`; the file is written anew after each job, for a heartbeat probe.

use std::process::ExitCode;
use std::time::Duration;
use std::{fs, thread};

use abide_examples::{Outcome, exit, flags::Flags, ready, stop::Stop};

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let stop = Stop::listen()?;
    let flags = Flags::from_env(&["--every", "--heartbeat"])?;
    let every = flags.seconds("--every", 1.0)?;
    let heartbeat: String = flags.get("--heartbeat", String::new())?;

    println!("worker ready, process {}", std::process::id());
    ready::notify()?;
    let mut done = 0u64;
    while !stop.within(every) {
        done += 1;
        work(done);
        if !heartbeat.is_empty() {
            fs::write(&heartbeat, format!("{done}\n"))
                .map_err(|error| format!("cannot write {heartbeat}: {error}"))?;
        }
    }
    println!("stopping: asked to; {done} jobs done");
    Ok(())
}

fn work(number: u64) {
    thread::sleep(Duration::from_millis(100));
    println!("job {number} done");
}
