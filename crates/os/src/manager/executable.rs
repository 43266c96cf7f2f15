//! For tests: files to be executed.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Puts an executable file there. A child writes it: what this process has open for writing is for a moment also open in
/// every child that another test is just starting, and the kernel executes no file that is.
pub(crate) fn put(path: &Path, text: &str) {
    put_with(path, text, "755");
}

/// The same with a mode as `chmod` takes it.
pub(crate) fn put_with(path: &Path, text: &str, mode: &str) {
    let mut writer = Command::new("sh")
        .args(["-c", "cat >\"$1\" && chmod \"$2\" \"$1\"", "sh"])
        .arg(path)
        .arg(mode)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writer.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success(), "{}", path.display());
}
