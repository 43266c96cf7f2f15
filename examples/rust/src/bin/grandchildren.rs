//! Leaves grandchildren behind: their parent is gone, they ignore requests to stop and hold this program's stdout and
//! stderr open.
//!
//! `grandchildren [--count N] [--exit-after SECONDS]`; without the latter it runs until it is asked to stop.

use std::process::{Command, ExitCode};
use std::time::Duration;

use abide_examples::{Outcome, exit, flags::Flags, stop::Stop};

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Outcome {
    let stop = Stop::listen()?;
    let flags = Flags::from_env(&["--count", "--exit-after", "--generation"])?;
    match flags.get("--generation", 0u8)? {
        0 => {
            let count = flags.get("--count", 2)?;
            for _ in 0..count {
                descend(1)?.wait()?;
            }
            println!("process {} has left {count} grandchildren", std::process::id());
            let after = flags.seconds("--exit-after", 0.0)?;
            if after > Duration::ZERO {
                stop.within(after);
            } else {
                stop.wait();
            }
            println!("gone; the grandchildren stay");
            Ok(())
        }
        1 => {
            descend(2)?;
            Ok(())
        }
        _ => {
            println!("grandchild {} stays", std::process::id());
            loop {
                stop.wait();
            }
        }
    }
}

/// Starts this program as its own child of the given generation, in a process group of its own.
fn descend(generation: u8) -> std::io::Result<std::process::Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--generation", &generation.to_string()]);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()
}
