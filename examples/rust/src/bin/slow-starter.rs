//! Takes its time before it is ready, and tells so in all three ways: a line, an open port, `READY=1`.
//!
//! `slow-starter [--after SECONDS] [--port PORT]`; without a port none is opened.

use std::net::TcpListener;
use std::process::ExitCode;
use std::thread;

use abide_examples::{Outcome, exit, flags::Flags, ready, stop::Stop};

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let stop = Stop::listen()?;
    let flags = Flags::from_env(&["--after", "--port"])?;
    let (after, port) = (flags.seconds("--after", 3.0)?, flags.get("--port", 0u16)?);

    println!("warming up for {after:?}");
    if stop.within(after) {
        println!("stopping: asked to, before being ready");
        return Ok(());
    }
    if port != 0 {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .map_err(|error| format!("cannot listen on port {port}: {error}"))?;
        thread::spawn(move || listener.incoming().for_each(drop));
    }
    println!("slow-starter ready");
    ready::notify()?;

    stop.wait();
    println!("stopping: asked to");
    Ok(())
}
