//! The links in `/etc/rcN.d` by which SysV init runs scripts when it enters a runlevel.

use std::path::{Path, PathBuf};

use abide_spec::Name;

use super::remove;
use crate::manager::apply::StepError;
use crate::manager::shared;
use crate::paths::{Layout, within};

/// The runlevels in which services run.
const UP: [&str; 4] = ["2", "3", "4", "5"];

/// The runlevels in which they do not: off, single user, reboot.
const DOWN: [&str; 3] = ["0", "1", "6"];

/// The place in the order that a service gets where no tool works out a better one.
const PLACE: &str = "20";

/// The folders of a runlevel that are there. Red Hat has them below `/etc/rc.d`, with links where others have them.
fn folders(layout: &Layout, level: &str) -> Vec<PathBuf> {
    let both = [format!("/etc/rc{level}.d"), format!("/etc/rc.d/rc{level}.d")];
    both.iter().map(|path| layout.native(path)).filter(|path| path.is_dir()).collect()
}

/// Whether a file name is the link of a service: `S` or `K`, two digits, the name.
fn is_link_of(file: &str, letters: &str, name: &Name) -> bool {
    let mut rest = file.chars();
    rest.next().is_some_and(|letter| letters.contains(letter))
        && rest.next().is_some_and(|digit| digit.is_ascii_digit())
        && rest.next().is_some_and(|digit| digit.is_ascii_digit())
        && rest.as_str() == name.as_str()
}

fn links_in(folder: &Path, letters: &str, name: &Name) -> Vec<PathBuf> {
    let there = shared::list(folder).unwrap_or_default();
    let ours = |path: &PathBuf| {
        path.file_name().and_then(|file| file.to_str()).is_some_and(|file| is_link_of(file, letters, name))
    };
    there.into_iter().filter(ours).collect()
}

/// Whether the service is started in a runlevel in which services run.
pub(super) fn starts_at_boot(layout: &Layout, name: &Name) -> bool {
    UP.iter().flat_map(|level| folders(layout, level)).any(|folder| !links_in(&folder, "S", name).is_empty())
}

/// Whether there is any link of the service.
pub(super) fn are_there(layout: &Layout, name: &Name) -> bool {
    all(layout, name).next().is_some()
}

fn all<'a>(layout: &'a Layout, name: &'a Name) -> impl Iterator<Item = PathBuf> + 'a {
    let levels = UP.iter().chain(&DOWN);
    levels.flat_map(|level| folders(layout, level)).flat_map(|folder| links_in(&folder, "SK", name))
}

/// Removes all links of the service.
pub(super) fn remove_all(layout: &Layout, name: &Name) -> Result<(), StepError> {
    all(layout, name).try_for_each(|link| remove(&link))
}

/// Makes the links, where no tool does it: started in the runlevels of services, or in none, stopped in the others.
pub(super) fn make(layout: &Layout, name: &Name, at_boot: bool) -> Result<(), StepError> {
    remove_all(layout, name)?;
    let link = |level: &str, letter: &str| -> Result<(), StepError> {
        let folder = folders(layout, level).into_iter().next().ok_or_else(|| {
            StepError::new(format!("there is no folder /etc/rc{level}.d for scripts that init runs"))
        })?;
        let path = within(&folder, &format!("{letter}{PLACE}{name}"));
        let script = super::script_path(layout, name);
        symlink(&script, &path).map_err(|error| StepError::io(&path, &error))
    };
    for level in UP {
        link(level, if at_boot { "S" } else { "K" })?;
    }
    DOWN.iter().try_for_each(|level| link(level, "K"))
}

#[cfg(unix)]
fn symlink(to: &Path, at: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn a_link_is_of_one_service_alone() {
        assert!(is_link_of("S20web", "SK", &name("web")));
        assert!(is_link_of("K01web", "SK", &name("web")));
        for other in ["S20web2", "S2web", "X20web", "web", "", "S20", "S20 web", "é20web"] {
            assert!(!is_link_of(other, "SK", &name("web")), "{other}");
        }
        assert!(!is_link_of("K20web", "S", &name("web")));
        // A name that begins with digits.
        assert!(is_link_of("S201", "S", &name("1")) && !is_link_of("S201", "S", &name("01")));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_made_changed_and_removed() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::below(root.path());
        let web = name("web");
        assert!(make(&layout, &web, true).is_err());
        for level in UP.iter().chain(&DOWN) {
            std::fs::create_dir_all(root.path().join(format!("etc/rc{level}.d"))).unwrap();
        }
        let there = |path: &str| root.path().join(path).symlink_metadata().is_ok();
        make(&layout, &web, true).unwrap();
        assert!(starts_at_boot(&layout, &web) && there("etc/rc2.d/S20web") && there("etc/rc6.d/K20web"));
        make(&layout, &web, true).unwrap();
        make(&layout, &web, false).unwrap();
        assert!(!starts_at_boot(&layout, &web) && are_there(&layout, &web) && there("etc/rc3.d/K20web"));
        remove_all(&layout, &web).unwrap();
        assert!(!are_there(&layout, &web));
    }
}
