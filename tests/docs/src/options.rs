//! The command line.

use std::path::PathBuf;

pub const USAGE: &str = "\
usage: abide-docs [--backend NAME]… [--programs DIR] [--windows-programs DIR] [PAGE…]

  --backend           where to run the commands of the pages: foreground, systemd, openrc, runit, s6, sysv, windows;
                      none: check what needs no machine (default: none)
  --programs          folder of the built executables (default: the one this executable is in)
  --windows-programs  the same, built for Windows
  PAGE                only pages whose path contains this";

pub struct Options {
    /// The folder of the repository.
    pub root: PathBuf,
    pub backends: Vec<String>,
    pub programs: PathBuf,
    pub windows_programs: PathBuf,
    /// Parts of paths; none: all pages.
    pub only: Vec<String>,
}

impl Options {
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let programs = own.parent().map(PathBuf::from).unwrap_or_default();
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut options = Self {
            root: root.canonicalize().map_err(|error| format!("{}: {error}", root.display()))?,
            backends: Vec::new(),
            windows_programs: programs.clone(),
            programs,
            only: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            if !argument.starts_with("--") {
                options.only.push(argument);
                continue;
            }
            let value = arguments.next().ok_or(USAGE)?;
            match argument.as_str() {
                "--backend" => options.backends.push(value),
                "--programs" => options.programs = value.into(),
                "--windows-programs" => options.windows_programs = value.into(),
                _ => return Err(USAGE.into()),
            }
        }
        if options.backends.is_empty() {
            options.backends.push("none".into());
        }
        Ok(options)
    }
}
