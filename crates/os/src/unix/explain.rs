//! Why a program could not be started, in words that say what to do.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::process::{Identity, Launch, SpawnError, Stage};

/// Puts together what is known about a failed start.
pub(super) fn spawn_error(launch: &Launch, stage: Stage, source: io::Error) -> SpawnError {
    let explanation = explain(launch, stage, &source);
    SpawnError { stage, program: launch.program.clone(), source, explanation }
}

fn explain(launch: &Launch, stage: Stage, error: &io::Error) -> String {
    let code = error.raw_os_error();
    match stage {
        Stage::Arguments => error.to_string(),
        Stage::Exec => exec(launch, error),
        Stage::WorkingDir => working_dir(launch, error),
        Stage::Identity => identity(launch, error),
        Stage::Limits => format!(
            "{stage} failed: {error}; a limit above what this process itself may have needs root (open-files = {}, processes = {})",
            shown(launch.limits.open_files),
            shown(launch.limits.processes),
        ),
        Stage::Pipes | Stage::Streams if code == Some(libc::EMFILE) => {
            format!("{stage} failed: {error}; raise the limit of open files of the supervisor")
        }
        Stage::Fork if code == Some(libc::EAGAIN) => {
            format!(
                "{stage} failed: {error}; the limit of processes of this user, of its group or of the machine is reached"
            )
        }
        _ => format!("{stage} failed: {error}"),
    }
}

fn shown(limit: Option<u64>) -> String {
    limit.map_or_else(|| "not set".to_owned(), |limit| limit.to_string())
}

fn whom(launch: &Launch) -> String {
    match &launch.identity {
        Identity::Inherit => "this user".to_owned(),
        Identity::User { name, .. } => format!("user {name}"),
    }
}

fn identity(launch: &Launch, error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM) => {
            format!("running it as {} needs root; run Abide as root, or leave the account out", whom(launch))
        }
        _ => format!("{} failed: {error}", Stage::Identity),
    }
}

fn working_dir(launch: &Launch, error: &io::Error) -> String {
    let Some(folder) = &launch.working_dir else { return error.to_string() };
    let folder = folder.display();
    match error.raw_os_error() {
        Some(libc::ENOENT) => {
            format!("its working directory {folder} does not exist; create it or correct working-dir")
        }
        Some(libc::ENOTDIR) => {
            format!("its working directory {folder} is not a directory; correct working-dir")
        }
        Some(libc::EACCES) => format!("{} may not enter its working directory {folder}", whom(launch)),
        _ => format!("entering its working directory {folder} failed: {error}"),
    }
}

fn exec(launch: &Launch, error: &io::Error) -> String {
    let program = &launch.program;
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR) if !program.exists() => "there is no such file".to_owned(),
        Some(libc::ENOENT) => match interpreter(program) {
            Some(interpreter) if interpreter.carriage_return || !interpreter.path.exists() => {
                interpreter.missing()
            }
            _ => "the file is there, but the interpreter or loader it needs is not".to_owned(),
        },
        Some(libc::EACCES) => denied(launch),
        Some(libc::ENOEXEC) => match head(program).first() {
            None => "the file is empty".to_owned(),
            Some(_) => {
                "the file is neither an executable of this machine nor a script that names its interpreter; \
                        begin a script with a line such as #!/bin/sh"
                    .to_owned()
            }
        },
        Some(libc::E2BIG) => "its arguments and environment are larger than the system allows".to_owned(),
        Some(libc::ETXTBSY) => "the file is being written to; try again when it is closed".to_owned(),
        Some(libc::ELOOP) => "the path leads through too many symbolic links".to_owned(),
        _ => format!("executing it failed: {error}"),
    }
}

fn denied(launch: &Launch) -> String {
    let program = &launch.program;
    let Ok(metadata) = fs::metadata(program) else {
        return format!("{} may not enter a folder on the way to it", whom(launch));
    };
    if metadata.is_dir() {
        return "it is a directory".to_owned();
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return format!("the file is not executable; run: chmod +x {}", program.display());
    }
    match interpreter(program) {
        Some(interpreter) if interpreter.path.is_dir() => {
            format!("its interpreter {} is a directory", interpreter.path.display())
        }
        Some(interpreter)
            if fs::metadata(&interpreter.path)
                .is_ok_and(|metadata| metadata.permissions().mode() & 0o111 == 0) =>
        {
            format!("its interpreter {} is not executable", interpreter.path.display())
        }
        _ => format!(
            "{} may not execute it: the rights of the file or of a folder on the way to it, or a file system mounted noexec",
            whom(launch)
        ),
    }
}

struct Interpreter {
    path: PathBuf,
    /// Named in the first line of a script, else the loader of a dynamically linked executable.
    of_script: bool,
    carriage_return: bool,
}

impl Interpreter {
    fn missing(&self) -> String {
        let path = self.path.display();
        if self.carriage_return {
            return format!(
                "its first line names the interpreter {path} with a carriage return at the end; save the file with Unix line ends"
            );
        }
        if self.of_script {
            format!("the interpreter {path} in its first line does not exist; install it or correct the line")
        } else {
            format!(
                "the loader {path} it was linked for does not exist; it was built for another system or C library"
            )
        }
    }
}

fn head(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        let _ = file.take(4096).read_to_end(&mut bytes);
    }
    bytes
}

/// What the kernel starts in order to run this file.
fn interpreter(program: &Path) -> Option<Interpreter> {
    let bytes = head(program);
    if let Some(line) = bytes.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next()?;
        let carriage_return = line.ends_with(b"\r");
        let line = line.trim_ascii();
        let path = line.split(|byte| *byte == b' ' || *byte == b'\t').next()?;
        return Some(Interpreter { path: to_path(path), of_script: true, carriage_return });
    }
    Some(Interpreter { path: elf_loader(&bytes)?, of_script: false, carriage_return: false })
}

fn to_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// The path in the first program header of kind PT_INTERP, of little-endian 64-bit executables.
fn elf_loader(bytes: &[u8]) -> Option<PathBuf> {
    if !bytes.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let number = |at: usize, length: usize| -> Option<usize> {
        let field = bytes.get(at..at.checked_add(length)?)?;
        field.iter().rev().try_fold(0_usize, |sum, byte| Some(sum.checked_mul(256)? + usize::from(*byte)))
    };
    let (headers, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for index in 0..count {
        let header = headers.checked_add(index.checked_mul(size)?)?;
        const PT_INTERP: usize = 3;
        if number(header, 4)? == PT_INTERP {
            let (start, length) = (number(header + 8, 8)?, number(header + 32, 8)?);
            let text = bytes.get(start..start.checked_add(length)?)?;
            return Some(to_path(text.strip_suffix(b"\0").unwrap_or(text)));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_loader_of_an_executable() {
        let loader = interpreter(&std::env::current_exe().unwrap()).unwrap();
        assert!(loader.path.exists(), "{:?}", loader.path);
        assert!(!loader.of_script);
    }

    #[test]
    fn torn_executables_have_no_loader() {
        let bytes = fs::read(std::env::current_exe().unwrap()).unwrap();
        for length in 0..600 {
            let _ = elf_loader(&bytes[..length]);
        }
        let mut bytes = bytes[..4096].to_vec();
        for at in 0..64 {
            bytes[at] = 0xff;
            let _ = elf_loader(&bytes);
        }
    }
}
