//! Finding programs, making the paths of a spec absolute, and telling whether an account will be able to use them.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use abide_spec::{Act, CommandKind, Family, Probe, Reload, Spec, StopAction};

use crate::account::User;
use crate::manager::Finding;

/// A command that was not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound {
    /// The command as written.
    pub command: String,
    /// The folders that were searched, in order.
    pub searched: Vec<PathBuf>,
    /// A file of that name that is there but cannot be executed.
    pub not_executable: Option<PathBuf>,
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.not_executable {
            return write!(f, "`{}` was found as {}, which is not executable", self.command, path.display());
        }
        if self.searched.is_empty() {
            return write!(f, "`{}` was not found, because PATH names no folder to search", self.command);
        }
        let searched: Vec<_> = self.searched.iter().map(|folder| folder.display().to_string()).collect();
        write!(f, "`{}` was not found; searched: {}", self.command, searched.join(", "))
    }
}

impl std::error::Error for NotFound {}

/// Finds a bare command (no folder in it) in the folders of `path`, the text of a `PATH` variable.
///
/// Relative and empty entries of `PATH` are passed over: what they mean depends on where one happens to stand.
pub fn program(command: &str, path: Option<&OsStr>) -> Result<PathBuf, NotFound> {
    let mut searched = Vec::new();
    let mut not_executable = None;
    for folder in path.map(std::env::split_paths).into_iter().flatten().filter(|folder| folder.is_absolute())
    {
        if searched.contains(&folder) {
            continue;
        }
        for name in names(command) {
            let candidate = folder.join(name);
            if !candidate.is_file() {
                continue;
            }
            if is_executable(&candidate) {
                return Ok(candidate);
            }
            not_executable.get_or_insert(candidate);
        }
        searched.push(folder);
    }
    Err(NotFound { command: command.to_owned(), searched, not_executable })
}

/// The file names a command can have: on Windows also with each extension of `PATHEXT`.
fn names(command: &str) -> Vec<String> {
    if !cfg!(windows) {
        return vec![command.to_owned()];
    }
    let extensions = std::env::var("PATHEXT").unwrap_or_else(|_| ".COM;.EXE;.BAT;.CMD".into());
    let with = extensions.split(';').filter(|extension| !extension.is_empty());
    let mut names: Vec<_> = with.map(|extension| format!("{command}{}", extension.to_lowercase())).collect();
    if Path::new(command).extension().is_some() {
        names.insert(0, command.to_owned());
    }
    names
}

/// Whether anyone at all may execute a file.
#[must_use]
pub fn is_executable(path: &Path) -> bool {
    #[cfg(unix)]
    return crate::unix::reach::is_executable(path);
    #[cfg(not(unix))]
    path.is_file()
}

/// What to do with relative paths in a spec.
#[derive(Clone, Copy, Debug)]
pub enum Relative<'a> {
    /// Hang them onto a folder: `abide up` and `abide install`.
    Against(&'a Path),
    /// Refuse them, naming the absolute path that would be right if they hang onto this folder: plan and apply.
    Refuse(&'a Path),
}

/// Makes all paths of a spec absolute and finds its bare commands on `path` (the text of a `PATH` variable).
/// What cannot be made so is told in findings of level error, and left as it is.
pub fn spec(spec: &mut Spec, relative: Relative<'_>, path: Option<&OsStr>) -> Vec<Finding> {
    let mut work = Work { relative, path, found: Vec::new() };
    work.command("program.command", &mut spec.program.command);
    for (field, path) in [
        ("program.working-dir", &mut spec.program.working_dir),
        ("program.env-file", &mut spec.program.env_file),
        ("account.password-file", &mut spec.account.password_file),
    ] {
        if let Some(path) = path {
            work.path(field, path);
        }
    }
    if let Some(ready) = &mut spec.start.ready {
        work.probe("start.ready", &mut ready.probe);
    }
    for (index, health) in spec.health.iter_mut().enumerate() {
        work.probe(&format!("health[{index}]"), &mut health.probe);
    }
    for (index, step) in spec.stop.steps.iter_mut().enumerate() {
        // A step for the other family of systems can't be found here.
        if let StopAction::Command(command) = &mut step.action
            && step.on.is_none_or(|on| on == Family::current())
        {
            work.command(&format!("stop.steps[{index}].command"), command);
        }
    }
    if let Some(Reload::Command(command)) = &mut spec.reload {
        work.command("reload.command", command);
    }
    if let Some(debug) = &mut spec.debug {
        for (field, act) in [("debug.on.command", &mut debug.on), ("debug.off.command", &mut debug.off)] {
            if let Act::Command(command) = act {
                work.command(field, command);
            }
        }
    }
    for (field, paths) in
        [("security.write", &mut spec.security.write), ("security.read", &mut spec.security.read)]
    {
        for path in paths {
            work.path(field, path);
        }
    }
    work.found
}

struct Work<'a> {
    relative: Relative<'a>,
    path: Option<&'a OsStr>,
    found: Vec<Finding>,
}

impl Work<'_> {
    fn path(&mut self, field: &str, path: &mut PathBuf) {
        if path.is_absolute() {
            return;
        }
        match self.relative {
            Relative::Against(folder) => *path = hang(folder, path),
            Relative::Refuse(folder) => self.refuse(field, path, &hang(folder, path)),
        }
    }

    fn refuse(&mut self, field: &str, path: &Path, right: &Path) {
        let text = format!("`{}` is relative, and a service starts in no folder of yours", path.display());
        self.found.push(
            Finding::new(crate::manager::Level::Error, Some(field.to_owned()), text)
                .with_hint(format!("write `{}`", right.display())),
        );
    }

    fn command(&mut self, field: &str, command: &mut [String]) {
        let Some(first) = command.first_mut() else { return };
        match CommandKind::of(first, Family::current()) {
            CommandKind::Absolute => {}
            CommandKind::Relative => {
                let mut path = PathBuf::from(&*first);
                self.path(&format!("{field}[0]"), &mut path);
                if let Ok(text) = path.into_os_string().into_string() {
                    *first = text;
                }
            }
            CommandKind::Bare => match program(first, self.path) {
                Ok(path) => {
                    if let Ok(text) = path.into_os_string().into_string() {
                        *first = text;
                    }
                }
                Err(missing) => self.found.push(
                    Finding::new(
                        crate::manager::Level::Error,
                        Some(format!("{field}[0]")),
                        missing.to_string(),
                    )
                    .with_hint("install it, or write its absolute path"),
                ),
            },
        }
    }

    fn probe(&mut self, field: &str, probe: &mut Probe) {
        match probe {
            Probe::Exec(command) => self.command(&format!("{field}.exec"), command),
            Probe::File(path) => self.path(&format!("{field}.file"), path),
            _ => {}
        }
    }
}

/// Joins without the `.` and `..` that would make a registered path hard to read. A `..` behind a symbolic link would
/// change its meaning, so those stay.
fn hang(folder: &Path, path: &Path) -> PathBuf {
    let mut whole = folder.to_path_buf();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if whole.is_symlink() || !whole.pop() => whole.push(".."),
            std::path::Component::ParentDir => {}
            other => whole.push(other),
        }
    }
    whole
}

/// Whose rights are asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// root: everything but executing what nobody may.
    Root,
    /// A user of the machine.
    User(User),
    /// An account made up for a service: owner of nothing that was there before it.
    Stranger {
        /// The groups it is put into.
        groups: Vec<u32>,
    },
}

/// What for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Execute a file.
    Execute,
    /// Read a file or list a folder.
    Read,
    /// Use a folder as working folder.
    Enter,
    /// Write to a file or make files in a folder.
    Write,
}

/// The first thing that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barrier {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it: "lets only its owner in (drwx------ root)".
    pub why: String,
}

impl fmt::Display for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path.display(), self.why)
    }
}

/// Tells by owners and modes whether an account can use a path: search every folder on the way to it, through symbolic
/// links, then do what it wants with it. What this process itself can't look at, and what access control lists
/// decide, counts as reachable. On Windows everything does.
pub fn reachable(path: &Path, who: &Who, want: Want) -> Result<(), Barrier> {
    #[cfg(unix)]
    return crate::unix::reach::reachable(path, who, want);
    #[cfg(not(unix))]
    {
        let _ = (path, who, want);
        Ok(())
    }
}

/// What on the way to a path lets others than root replace what is there, if anything does. What runs as root, or is
/// told to root, must not lie below such a thing. On Windows nothing is found.
pub fn open_to_others(path: &Path) -> Option<Barrier> {
    #[cfg(unix)]
    return crate::unix::reach::open_to_others(path);
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// The interpreter that the first line of a script names, if the file is a script; through `env`, the command that it
/// searches on `path`.
#[must_use]
pub fn interpreter(script: &Path, path: Option<&OsStr>) -> Option<PathBuf> {
    let mut head = Vec::new();
    File::open(script).ok()?.take(256).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split_whitespace();
    let first = PathBuf::from(words.next()?);
    if first.file_name()? != "env" {
        return Some(first);
    }
    let command = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
    Some(program(command, path).unwrap_or(first))
}

/// The names of runtimes that write code while they run, without version and extension.
const JIT: &[&str] = &[
    "beam.smp", "bun", "deno", "dotnet", "elixir", "electron", "erl", "iex", "java", "javaw", "julia",
    "luajit", "mono", "node", "nodejs", "pwsh", "pypy", "racket",
];

/// Options that switch on such a compiler in runtimes that normally do without.
const JIT_OPTIONS: &[(&str, &str)] = &[("php", "opcache.jit"), ("ruby", "jit"), ("python", "jit")];

/// The runtime that writes code while it runs which a command starts, if it does: told by the name of the program, by
/// what it links to, by its script's interpreter, or by the files of a .NET program beside it.
#[must_use]
pub fn jit_runtime(command: &[String], path: Option<&OsStr>) -> Option<String> {
    let (first, arguments) = command.split_first()?;
    let first = Path::new(first);
    let linked = first.canonicalize().unwrap_or_else(|_| first.to_path_buf());
    let interpreter = interpreter(&linked, path);
    for candidate in [Some(first), Some(linked.as_path()), interpreter.as_deref()].into_iter().flatten() {
        let Some(name) = candidate.file_name().and_then(OsStr::to_str) else { continue };
        let name = name.strip_suffix(".exe").unwrap_or(name);
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
        if JIT.contains(&name) || JIT.contains(&stem) {
            return Some(name.to_owned());
        }
        let switched = |(runtime, option): &&(&str, &str)| {
            *runtime == stem && arguments.iter().any(|argument| argument.contains(option))
        };
        if JIT_OPTIONS.iter().any(|pair| switched(&pair)) {
            return Some(name.to_owned());
        }
    }
    let mut settings = linked.clone().into_os_string();
    settings.push(".runtimeconfig.json");
    let beside = |name: &str| linked.parent().is_some_and(|folder| folder.join(name).is_file());
    (Path::new(&settings).is_file() || beside("libcoreclr.so")).then(|| "dotnet".to_owned())
}

#[cfg(test)]
mod tests;
