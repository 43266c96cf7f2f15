//! The tools whose configuration is read, and how theirs is told apart.

use crate::words::windows;

/// A tool whose configuration can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// NSSM: a registry export of a service, or what `nssm dump` prints.
    Nssm,
    /// WinSW: its XML, versions 2 and 3.
    Winsw,
    /// shawl: its command line, or what `sc qc` prints of a service that runs it.
    Shawl,
    /// supervisord: `supervisord.conf` and what it includes.
    Supervisord,
    /// PM2: an ecosystem file, as JSON, YAML or JavaScript that holds one plain object.
    Pm2,
    /// A Procfile.
    Procfile,
    /// systemd: a `.service` unit, or what `systemctl cat` prints.
    Systemd,
    /// Docker Compose.
    Compose,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Nssm,
        Self::Winsw,
        Self::Shawl,
        Self::Supervisord,
        Self::Pm2,
        Self::Procfile,
        Self::Systemd,
        Self::Compose,
    ];

    /// Its word on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nssm => "nssm",
            Self::Winsw => "winsw",
            Self::Shawl => "shawl",
            Self::Supervisord => "supervisord",
            Self::Pm2 => "pm2",
            Self::Procfile => "procfile",
            Self::Systemd => "systemd",
            Self::Compose => "compose",
        }
    }

    /// Tells the kind of a file by its name, or else by its content. `None` where neither tells.
    #[must_use]
    pub fn detect(file_name: Option<&str>, text: &str) -> Option<Self> {
        file_name.and_then(by_name).or_else(|| by_content(text))
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

fn by_name(name: &str) -> Option<Kind> {
    let lower = name.to_ascii_lowercase();
    let (stem, extension) = lower.rsplit_once('.').unwrap_or((&lower, ""));
    match (stem, extension) {
        (_, "reg") => Some(Kind::Nssm),
        (_, "service") => Some(Kind::Systemd),
        ("procfile", _) | (_, "procfile") => Some(Kind::Procfile),
        (stem, "yml" | "yaml") if stem.contains("compose") => Some(Kind::Compose),
        (stem, "js" | "cjs" | "mjs" | "json" | "yml" | "yaml")
            if stem.contains("ecosystem") || stem.contains("pm2") =>
        {
            Some(Kind::Pm2)
        }
        (stem, "conf" | "ini") if stem.starts_with("supervisor") => Some(Kind::Supervisord),
        _ if lower == "procfile" => Some(Kind::Procfile),
        _ => None,
    }
}

fn by_content(text: &str) -> Option<Kind> {
    let head = text.trim_start();
    if head.starts_with("Windows Registry Editor") || head.starts_with("REGEDIT4") {
        return Some(Kind::Nssm);
    }
    if head.starts_with('<') {
        return (head.contains("<service") || head.contains(":service")).then_some(Kind::Winsw);
    }
    let any = |test: &dyn Fn(&str) -> bool| text.lines().map(str::trim).any(test);
    if any(&|line| is_nssm_line(line)) {
        return Some(Kind::Nssm);
    }
    if any(&|line| line.starts_with("BINARY_PATH_NAME")) || text.lines().any(is_shawl_line) {
        return Some(Kind::Shawl);
    }
    if any(&|line| line == "[Service]" || line == "[Unit]") {
        return Some(Kind::Systemd);
    }
    if any(&|line| line.starts_with("[program:") || line.starts_with("[supervisord")) {
        return Some(Kind::Supervisord);
    }
    if head.starts_with("module.exports")
        || text.contains("module.exports")
        || text.contains("export default")
    {
        return Some(Kind::Pm2);
    }
    if head.starts_with(['{', '[']) {
        return text.contains("script").then_some(Kind::Pm2);
    }
    if text.lines().any(|line| line.trim_end() == "services:") {
        return Some(Kind::Compose);
    }
    if text.lines().any(|line| line.trim_end() == "apps:") {
        return Some(Kind::Pm2);
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines.next()?;
    (is_process(first) && lines.all(is_process)).then_some(Kind::Procfile)
}

/// `web: bundle exec …`
fn is_process(line: &str) -> bool {
    line.split_once(':').is_some_and(|(name, command)| {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        !name.is_empty() && name.chars().all(good) && !command.trim().is_empty()
    })
}

/// Whether a line of a script runs NSSM.
pub(crate) fn is_nssm_line(line: &str) -> bool {
    let mut words = windows::split_program(line.trim_start_matches('@')).into_iter();
    let program = words.next().unwrap_or_default();
    names_program(&program, "nssm") && words.next().is_some_and(|verb| verb == "install" || verb == "set")
}

fn is_shawl_line(line: &str) -> bool {
    let words = windows::split_program(line.trim());
    let program = words.iter().position(|word| names_program(word, "shawl"));
    program.is_some_and(|at| matches!(words.get(at + 1).map(String::as_str), Some("run" | "add")))
}

/// Whether a path is that of a program, with or without folder and `.exe`.
pub(crate) fn names_program(path: &str, program: &str) -> bool {
    let file = path.rsplit(['\\', '/']).next().unwrap_or(path).to_ascii_lowercase();
    file.strip_suffix(".exe").unwrap_or(&file) == program
}
