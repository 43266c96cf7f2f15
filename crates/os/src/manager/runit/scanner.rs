//! Which folder of services the scanner of runit or s6 really watches: told by the process that runs, not by a
//! convention.

use std::fs;
use std::path::{Path, PathBuf};

use crate::paths::Layout;

/// A scanner and where it usually looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner {
    /// Its command name.
    pub(crate) command: &'static str,
    /// Its options that are followed by a value.
    pub(crate) valued: &'static str,
    /// Whether its working directory is the folder it watches.
    pub(crate) inside: bool,
    /// The folders that distributions have it watch, the likeliest first.
    pub(crate) usual: &'static [&'static str],
}

impl Scanner {
    /// The folder that is watched now; `None` when no such process runs.
    pub(crate) fn watched(&self, layout: &Layout) -> Option<PathBuf> {
        let mut running: Vec<(u32, PathBuf)> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
            .collect();
        running.sort_unstable();
        let folders = running.into_iter().filter_map(|(_, process)| self.folder_of(&process));
        // The machine's own is the first that was started.
        folders.into_iter().find(|folder| layout.root.as_ref().is_none_or(|root| folder.starts_with(root)))
    }

    /// The folder that is watched, or would be.
    pub(crate) fn folder(&self, layout: &Layout) -> PathBuf {
        self.watched(layout).unwrap_or_else(|| {
            let usual = || self.usual.iter().map(|folder| layout.native(folder));
            let there = usual().find(|folder| folder.is_dir());
            there.or_else(|| usual().next()).unwrap_or_default()
        })
    }

    /// What a process watches, if it is one of these, root's, and sees the same files as this one.
    fn folder_of(&self, process: &Path) -> Option<PathBuf> {
        if fs::read_to_string(process.join("comm")).ok()?.trim_end() != self.command {
            return None;
        }
        let status = fs::read_to_string(process.join("status")).ok()?;
        let user = status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().next()?;
        let files = |of: &Path| fs::read_link(of.join("ns/mnt")).ok();
        let foreign = files(process).is_some_and(|its| files(Path::new("/proc/self")) != Some(its));
        if user != "0" || foreign {
            return None;
        }
        let line = fs::read(process.join("cmdline")).ok()?;
        let words: Vec<String> =
            line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        let named = first_operand(words.get(1..)?, self.valued);
        let cwd = fs::read_link(process.join("cwd")).ok();
        match (named.map(Path::new), cwd) {
            (Some(named), _) if named.is_absolute() => Some(named.to_path_buf()),
            (_, Some(cwd)) if self.inside => Some(cwd),
            (Some(named), Some(cwd)) => Some(cwd.join(named)),
            _ => None,
        }
    }
}

/// The first word that is neither an option nor the value of one.
fn first_operand<'a>(words: &'a [String], valued: &str) -> Option<&'a str> {
    let mut words = words.iter().map(String::as_str).filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        match word.strip_prefix('-') {
            Some("-") => return words.next(),
            Some(options) if !options.is_empty() => {
                if options.len() == 1 && valued.contains(options) {
                    words.next();
                }
            }
            _ => return Some(word),
        }
    }
    None
}

/// Whether what is put into a folder is there after a reboot.
pub(crate) fn outlives_boot(layout: &Layout, folder: &Path) -> bool {
    let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
    let root = layout.root.as_ref().and_then(|root| fs::canonicalize(root).ok());
    let real = match &root {
        Some(root) => real.strip_prefix(root).map(|rest| Path::new("/").join(rest)).unwrap_or(real.clone()),
        None => real,
    };
    !["/run", "/var/run", "/tmp", "/dev"].iter().any(|lost| real.starts_with(lost))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operand(line: &str, valued: &str) -> Option<String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        first_operand(&words, valued).map(str::to_owned)
    }

    #[test]
    fn the_folder_is_found_among_options_and_their_values() {
        assert_eq!(operand("-P /etc/service log: ......", "").as_deref(), Some("/etc/service"));
        assert_eq!(operand("/var/service", "").as_deref(), Some("/var/service"));
        assert_eq!(operand("-d 4 -X3 -t 5000 /run/service", "dXcCLt").as_deref(), Some("/run/service"));
        assert_eq!(operand("-t 0 -- -odd", "t").as_deref(), Some("-odd"));
        assert_eq!(operand("-t 5000", "t"), None);
        assert_eq!(operand("", ""), None);
    }

    #[test]
    fn folders_in_memory_are_lost_at_a_reboot() {
        let layout = Layout::unix();
        assert!(outlives_boot(&layout, Path::new("/etc/service-that-is-not-there")));
        assert!(!outlives_boot(&layout, Path::new("/run/service-that-is-not-there")));
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::below(root.path());
        std::fs::create_dir_all(root.path().join("run/service")).unwrap();
        std::fs::create_dir_all(root.path().join("etc/service")).unwrap();
        assert!(!outlives_boot(&layout, &root.path().join("run/service")));
        assert!(outlives_boot(&layout, &root.path().join("etc/service")));
    }
}
