//! What was tried and what came of it, told as it happens.

use std::process::ExitCode;

/// Counts what was tried.
#[derive(Debug, Default)]
pub struct Report {
    passed: u32,
    failed: u32,
}

impl Report {
    /// Tries one thing. False: what builds on it need not be tried.
    pub fn check(&mut self, name: &str, tried: impl FnOnce() -> Result<(), String>) -> bool {
        match tried() {
            Ok(()) => {
                self.passed += 1;
                println!("   pass  {name}");
                true
            }
            Err(why) => {
                self.failed += 1;
                println!("   FAIL  {name}: {why}");
                false
            }
        }
    }

    /// What cannot be tried here, and why.
    pub fn not_here(&self, name: &str, why: &str) {
        println!("   n/a   {name}: {why}");
    }

    /// Tells the sums of all that was tried, in the line that the one test command adds up.
    #[must_use]
    pub fn end(self, what: &str) -> ExitCode {
        println!("{what}: {} passed, {} failed", self.passed, self.failed);
        if self.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
