//! The whole machine: its service manager, its disks, its clock, and each of its services in one line.

use std::path::PathBuf;

use abide_host::Whose;
use abide_os::diagnosis;
use abide_os::manager::{self, Kind};
use abide_os::paths::Layout;
use abide_spec::Name;
use serde::Serialize;

use crate::finding::{Finding, Severity, Step};
use crate::scene::{Disk, Scene};
use crate::{steps, words};

/// What was seen of a machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Which service manager runs it.
    pub manager: Kind,
    /// Why that cannot be used, where it cannot.
    pub manager_trouble: Option<String>,
    /// The disks that services are kept on.
    pub disks: Vec<Disk>,
    /// Folders of Abide that everybody may write to, and how.
    pub open: Vec<(PathBuf, String)>,
    /// Memory that is available, and all of it, in bytes.
    pub memory: Option<(u64, u64)>,
    /// Whether the clock is synchronised, where that can be told.
    pub synchronised: Option<bool>,
    /// Its services.
    pub services: Vec<One>,
}

/// One service of a machine.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct One {
    /// Its name.
    pub service: Name,
    /// Whose it is: `system` or `user`; nothing in an `abide up`.
    pub scope: Option<&'static str>,
    /// The folder of the `abide up` that runs or ran it.
    pub project: Option<PathBuf>,
    /// Its state.
    pub state: String,
    /// What is wrong with it, the worst first.
    pub findings: Vec<Finding>,
}

impl One {
    /// What is told of a service of which this was seen.
    pub(crate) fn of(name: Name, scene: &Scene) -> Self {
        let mut findings = steps::diagnose(scene);
        // One stopped on request is as somebody wants it; among many that is of no interest.
        findings.retain(|finding| finding.id != "stopped" && finding.severity > Severity::Note);
        Self {
            service: name,
            scope: scene.known.scope,
            project: scene.known.project.clone(),
            state: scene.state().to_owned(),
            findings,
        }
    }

    /// The worst of it.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

impl Machine {
    pub(crate) fn look(whose: &Whose, services: Vec<One>) -> Self {
        let layout = match &whose.dir {
            Some(dir) => Some(Layout::project(dir)),
            None => Layout::of(whose.scope).ok(),
        };
        let folders = layout
            .iter()
            .flat_map(|layout| [("specs", &layout.specs), ("state", &layout.state), ("logs", &layout.logs)]);
        let (mut disks, mut open) = (Vec::new(), Vec::new());
        for (what, folder) in folders {
            open.extend(diagnosis::open_to_everybody(folder).map(|how| (folder.clone(), how)));
            let Ok(space) = diagnosis::space(folder) else { continue };
            disks.push(Disk {
                what,
                folder: folder.clone(),
                total: space.total,
                free: space.free,
                files: space.files,
                files_free: space.files_free,
            });
        }
        let trouble = || manager::connect(None, whose.scope).err().map(|error| error.to_string());
        let manager = manager::detect();
        let needs = whose.dir.is_none() && manager != Kind::Foreground;
        Self {
            manager,
            manager_trouble: if needs { trouble() } else { None },
            disks,
            open,
            memory: diagnosis::machine_memory(),
            synchronised: diagnosis::clock_is_synchronised(),
            services,
        }
    }

    /// What was looked at, step by step, in a few words.
    #[must_use]
    pub fn seen(&self) -> Vec<(Step, String)> {
        let manager = match self.manager {
            Kind::Foreground => "no service manager: `abide up` alone".to_owned(),
            kind => kind.to_string(),
        };
        let mut seen = vec![(Step::Manager, manager)];
        let disk = steps::disk_seen(&self.disks);
        seen.extend((!disk.is_empty()).then_some((Step::Disk, disk)));
        seen.extend(self.memory.map(|(available, total)| {
            (
                Step::Resources,
                format!("{} of {} memory available", words::bytes(available), words::bytes(total)),
            )
        }));
        seen.extend((self.synchronised == Some(true)).then(|| (Step::Clock, "synchronised".to_owned())));
        seen
    }
}

/// What is wrong with a machine, apart from its services; the worst first.
#[must_use]
pub fn diagnose(machine: &Machine) -> Vec<Finding> {
    let mut found = steps::disk_findings(&machine.disks);
    if let Some(why) = &machine.manager_trouble {
        found.push(
            Finding::error("manager-disagrees", Step::Manager, 80, "the service manager cannot be used")
                .seen(why)
                .next("abide backends"),
        );
    }
    for (folder, how) in &machine.open {
        found.push(
            Finding::warning("folder-open", Step::Access, 20, "everybody can write to a folder of Abide")
                .seen(format!("{}: {how}", folder.display()))
                .next(format!("chmod o-w {}", folder.display())),
        );
    }
    if machine.synchronised == Some(false) {
        found.push(
            Finding::warning("clock-free", Step::Clock, 15, "the clock is not synchronised")
                .seen("the kernel says so: nothing keeps it right")
                .next("timedatectl set-ntp true   (in a container that is its host's matter)"),
        );
    }
    if let Some((available, total)) = machine.memory.filter(|(available, total)| *available < total / 50) {
        found.push(
            Finding::warning("machine-memory", Step::Resources, 50, "the machine has hardly any memory left")
                .seen(format!("{} of {} available", words::bytes(available), words::bytes(total)))
                .next("ps -eo pid,rss,args --sort=-rss | head"),
        );
    }
    found.sort_by_key(Finding::rank);
    found
}
