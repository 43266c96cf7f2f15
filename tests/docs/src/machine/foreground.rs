//! This very machine, in a fresh folder with a copy of the examples; `README.md` is run where it is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{LIMIT, Machine, copy};
use crate::options::Options;
use crate::session::{Printed, Shell, quoted};

pub struct Foreground {
    root: PathBuf,
    programs: PathBuf,
    scratch: PathBuf,
    here: PathBuf,
    shells: HashMap<String, Shell>,
}

impl Foreground {
    pub fn new(options: &Options) -> Result<Self, String> {
        let scratch = std::env::temp_dir().join(format!("abide-docs-{}", std::process::id()));
        Ok(Self {
            root: options.root.clone(),
            programs: options.programs.clone(),
            here: scratch.clone(),
            scratch,
            shells: HashMap::new(),
        })
    }

    /// A shell in the page's folder; the first one's name is empty.
    fn shell(&mut self, name: &str) -> Result<&mut Shell, String> {
        if !self.shells.contains_key(name) {
            let mut bash = Command::new("bash");
            bash.args(["--noprofile", "--norc"]).current_dir(&self.here);
            // What the README begins with is a build, and needs the toolchain in the home folder.
            if self.here != self.root {
                bash.env("HOME", &self.scratch);
            }
            let prelude = format!(
                "PATH={}:$PATH; curl() {{ command curl -sS \"$@\"; }}",
                quoted(&self.programs.display().to_string())
            );
            self.shells.insert(name.to_owned(), Shell::start(bash, &prelude)?);
        }
        self.shells.get_mut(name).ok_or_else(|| "no shell".into())
    }
}

impl Machine for Foreground {
    fn begin(&mut self, page: &str) -> Result<(), String> {
        if page == "README.md" {
            self.here.clone_from(&self.root);
            return Ok(());
        }
        self.here = self.scratch.join(page.replace(['/', '.'], "-"));
        copy_folder(&self.root.join("examples"), &self.here.join("examples"))
    }

    fn run(&mut self, command: &str) -> Result<Printed, String> {
        self.shell("")?.run(command, LIMIT)
    }

    fn begin_in(&mut self, terminal: &str, command: &str) -> Result<(), String> {
        self.shell(terminal)?.begin(command)
    }

    fn so_far(&mut self, terminal: &str) -> Result<String, String> {
        Ok(self.shell(terminal)?.so_far())
    }

    fn interrupt(&mut self, terminal: &str) -> Result<Printed, String> {
        self.shell(terminal)?.interrupt(Duration::from_secs(60))
    }

    fn write(&mut self, path: &str, text: &str) -> Result<(), String> {
        self.shell("")?.write(path, text)
    }

    fn end(&mut self) {
        self.shells.clear();
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        self.shells.clear();
        let _ = std::fs::remove_dir_all(&self.scratch);
    }
}

/// What was built in it or left by a run stays behind.
fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    let entries = std::fs::read_dir(from).map_err(|error| format!("{}: {error}", from.display()))?;
    for entry in entries.flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == ".abide" || entry.file_name() == ".go" {
        } else if source.is_dir() {
            copy_folder(&source, &target)?;
        } else {
            copy(&source, &target)?;
        }
    }
    Ok(())
}
