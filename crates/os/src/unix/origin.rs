//! Unix side of [`crate::origin`].

/// The process id of the parent and the name of its executable. The name is empty where it cannot be told.
pub(crate) fn parent() -> (u32, String) {
    let pid = std::os::unix::process::parent_id();
    (pid, name(pid))
}

#[cfg(target_os = "linux")]
fn name(pid: u32) -> String {
    // Everybody may read this, where `exe` is for the same user only. It is cut at 15 characters.
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    match name.trim_end() {
        "supervise-daemo" => "supervise-daemon".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(not(target_os = "linux"))]
fn name(pid: u32) -> String {
    // `ps` is part of every BSD and of macOS.
    let asked = std::process::Command::new("/bin/ps").args(["-o", "comm=", "-p", &pid.to_string()]).output();
    let path = asked.map(|answer| String::from_utf8_lossy(&answer.stdout).trim().to_owned());
    path.map(|path| path.rsplit('/').next().unwrap_or_default().to_owned()).unwrap_or_default()
}
