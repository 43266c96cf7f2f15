//! What the example programs share: flags, being asked to stop, telling that they are ready.

use std::error::Error;
use std::process::ExitCode;

pub mod flags;
pub mod ready;
pub mod stop;

/// What `run` in every example returns.
pub type Outcome = Result<(), Box<dyn Error>>;

/// Turns the outcome of a program into its exit code; an error goes to stderr as one sentence.
pub fn exit(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
