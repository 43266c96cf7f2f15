//! The machines on which pages are run.

mod container;
mod foreground;
mod windows;

use std::path::{Path, PathBuf};
use std::time::Duration;

use abide_machine::Kind;
pub use container::Container;
pub use foreground::Foreground;
pub use windows::Windows;

use crate::options::Options;
use crate::session::Printed;
use crate::words::BACKENDS;

/// A command of a page ends by then, unless it is the build that the README begins with.
pub const LIMIT: Duration = Duration::from_secs(180);

/// A machine with Abide on it. Each page begins with a new session, and finds the machine as the last one left it.
pub trait Machine {
    /// Begins a page.
    fn begin(&mut self, page: &str) -> Result<(), String>;
    /// Runs a command and waits for its end.
    fn run(&mut self, command: &str) -> Result<Printed, String>;
    /// Starts a command in another terminal.
    fn begin_in(&mut self, terminal: &str, command: &str) -> Result<(), String>;
    /// What that terminal shows of it so far.
    fn so_far(&mut self, terminal: &str) -> Result<String, String>;
    /// Ctrl-C in that terminal.
    fn interrupt(&mut self, terminal: &str) -> Result<Printed, String>;
    /// Writes a file of the page.
    fn write(&mut self, path: &str, text: &str) -> Result<(), String>;
    /// Ends the page and everything it has started.
    fn end(&mut self);
    /// Whether two exit codes are the same here.
    fn same_code(&self, expected: i32, actual: i32) -> bool {
        expected == actual
    }
}

/// Sets up the machine named on the command line.
pub fn make(name: &str, options: &Options) -> Result<Box<dyn Machine>, String> {
    Ok(match name {
        "foreground" => Box::new(Foreground::new(options)?),
        "windows" => Box::new(Windows::new(options)?),
        other => match Kind::CONTAINERS.into_iter().find(|kind| kind.name() == other) {
            Some(kind) => Box::new(Container::new(options, kind)?),
            None => {
                return Err(format!("no backend is named {other}; there are none, {}", BACKENDS.join(", ")));
            }
        },
    })
}

/// The HTTP server of the walk-throughs: in Go where it was built (`examples/build-go`), else its twin in Rust.
fn hello(root: &Path, programs: &Path, extension: &str) -> PathBuf {
    let go = root.join("examples/http-go/hello").with_extension(extension);
    if go.is_file() { go } else { programs.join("hello-http").with_extension(extension) }
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let folder = to.parent().unwrap_or(to);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::copy(from, to).map(drop))
        .map_err(|error| format!("copying {} to {}: {error}", from.display(), to.display()))
}
