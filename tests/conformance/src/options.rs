//! The command line of the conformance tests.

use std::path::PathBuf;

pub struct Options {
    pub list: bool,
    /// Where what came out is kept.
    pub results: Option<PathBuf>,
    /// Where to read it from instead of running anything.
    pub table: Option<PathBuf>,
    pub backends: Vec<String>,
    pub only: Vec<String>,
    pub jobs: usize,
    pub keep_going: bool,
    /// Whether what failed is tried once more.
    pub again: bool,
    /// The repository.
    pub root: PathBuf,
    /// Folder of the executables for this machine.
    pub programs: PathBuf,
    /// Folder of the executables for Windows.
    pub windows_programs: PathBuf,
}

/// The names of all.
pub const BACKENDS: &str = "foreground, systemd, openrc, runit, s6, sysv, scm";

const USAGE: &str = "\
usage: abide-conformance [OPTION]…

  --backend NAME            foreground, systemd, openrc, runit, s6, sysv or scm; may be repeated
                            (default: all that this system can have)
  --only TEXT               only behaviours with this text in their name; may be repeated
  --jobs N                  behaviours tried at the same time (default: 4)
  --fail-fast               stop at the first failure
  --again                   try what failed once more, alone, and tell what passes then as unsteady
  --programs DIR            folder of abide, abide-supervisor and abide-fixture (default: target/debug)
  --windows-programs DIR    the same for Windows (default: target/debian/x86_64-pc-windows-gnu/debug)
  --results DIR             keep what came out there, a file for each backend
  --table DIR               run nothing; print the table of what was kept there
  --list                    print the behaviours";

impl Options {
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let windows = std::env::consts::OS == "windows";
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = if windows { root } else { root.canonicalize().map_err(|error| error.to_string())? };
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let programs = target.join("debug");
        let windows_programs =
            if windows { programs.clone() } else { root.join("target/debian/x86_64-pc-windows-gnu/debug") };
        let mut options = Self {
            list: false,
            results: None,
            table: None,
            backends: Vec::new(),
            only: Vec::new(),
            jobs: 4,
            keep_going: true,
            again: false,
            root,
            programs,
            windows_programs,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value\n\n{USAGE}"));
            match argument.as_str() {
                "--list" => options.list = true,
                "--backend" => options.backends.push(value()?),
                "--only" => options.only.push(value()?),
                "--jobs" => {
                    let text = value()?;
                    options.jobs = text.parse().map_err(|_| format!("not a number: {text:?}"))?;
                }
                "--results" => options.results = Some(value()?.into()),
                "--table" => options.table = Some(value()?.into()),
                "--fail-fast" => options.keep_going = false,
                "--again" => options.again = true,
                "--programs" => options.programs = value()?.into(),
                "--windows-programs" => options.windows_programs = value()?.into(),
                "--help" | "-h" => return Err(USAGE.into()),
                other => return Err(format!("unknown option {other:?}\n\n{USAGE}")),
            }
        }
        if options.backends.is_empty() {
            options.backends.push("foreground".into());
            match std::env::consts::OS {
                "linux" => options.backends.extend(BACKENDS.split(", ").skip(1).map(str::to_owned)),
                "windows" => options.backends.push("scm".into()),
                _ => {}
            }
        }
        Ok(options)
    }

    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|text| name.contains(text.as_str()))
    }
}
