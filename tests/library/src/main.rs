//! The examples of the library `abide`, tried as a user has them: in a terminal, under `abide up`, and installed by
//! themselves on real service managers. Nothing of Abide is linked.

mod foreground;
mod installed;
mod place;
mod program;

use std::path::PathBuf;
use std::process::ExitCode;

use abide_machine::{Kind, Report};

/// The examples, with what only some of them can do.
pub(crate) const EXAMPLES: [&str; 3] = ["ticker", "web", "pausable"];

const USAGE: &str = "\
usage: abide-library [OPTION]…

  --on NAME                 terminal, up, systemd, openrc, runit, s6, sysv or wine; may be repeated
                            (default: terminal, up, systemd, openrc and wine)
  --programs DIR            folder of `abide` and of `examples` (default: target/debug)
  --windows-programs DIR    the same for Windows (default: target/debian/x86_64-pc-windows-gnu/debug)";

pub(crate) struct Options {
    pub(crate) on: Vec<String>,
    /// The repository.
    pub(crate) root: PathBuf,
    pub(crate) programs: PathBuf,
    pub(crate) windows_programs: PathBuf,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root.canonicalize().map_err(|error| error.to_string())?;
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let windows_programs = root.join("target/debian/x86_64-pc-windows-gnu/debug");
        let mut options = Self { on: Vec::new(), root, programs: target.join("debug"), windows_programs };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value\n\n{USAGE}"));
            match argument.as_str() {
                "--on" => options.on.push(value()?),
                "--programs" => options.programs = value()?.into(),
                "--windows-programs" => options.windows_programs = value()?.into(),
                _ => return Err(USAGE.into()),
            }
        }
        if options.on.is_empty() {
            options.on = ["terminal", "up", "systemd", "openrc", "wine"].map(str::to_owned).into();
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::from(2);
        }
    };
    let mut report = Report::default();
    for on in &options.on {
        println!("── {on}");
        match on.as_str() {
            "terminal" => foreground::in_terminal(&options, &mut report),
            "up" => foreground::under_up(&options, &mut report),
            "wine" => installed::on(Kind::Wine, &options, &mut report),
            other => match Kind::CONTAINERS.into_iter().find(|kind| kind.name() == other) {
                Some(kind) => installed::on(kind, &options, &mut report),
                None => {
                    eprintln!("there is nothing named {other:?}\n\n{USAGE}");
                    return ExitCode::from(2);
                }
            },
        }
    }
    report.end("library")
}
