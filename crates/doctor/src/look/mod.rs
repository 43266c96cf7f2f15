//! Gathers a scene. Every look has its bound of time, and nothing is changed on the machine.

mod events;
mod kernel;
mod network;
mod output;
mod spec;
mod usage;

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use abide_host::{Home, HostError, Known, Whose};
use abide_os::diagnosis;
use abide_os::manager::Scope;
use abide_spec::{Name, Spec};
use abide_supervisor::control::{self, AskError, Verb};
use abide_supervisor::status;

use crate::machine::{Machine, One};
use crate::scene::{Clock, Disk, Folder, Scene, SpecSeen};

pub(crate) use spec::secrets;

/// How long an answer of a service manager or a disk is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long that of a supervisor, which does nothing else, is waited for.
const ANSWER: Duration = Duration::from_secs(4);

/// How to look.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long memory, processor and descriptors are watched; zero: not at all.
    pub window: Duration,
    /// How long a connection to another host may take.
    pub patience: Duration,
    /// The `abide-supervisor` that `abide apply` would install here, to tell whether it would change anything.
    pub supervisor: Option<PathBuf>,
    /// Whose services are meant, as the user said it.
    pub whose: Whose,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(1),
            patience: Duration::from_secs(2),
            supervisor: None,
            whose: Whose::default(),
        }
    }
}

/// Looks at one service.
#[must_use]
pub fn service(name: &Name, home: &Home, options: &Options) -> Scene {
    let place = home.place(name);
    let (known, status_trouble) = known(name, home, &place.state);
    let mut scene = Scene::of(name, SystemTime::now(), known);
    scene.status_trouble = status_trouble;
    scene.whose = whose(home, options);
    if let Err(why) = &std::fs::read_dir(&place.state)
        && why.kind() == std::io::ErrorKind::PermissionDenied
    {
        scene.blind.push(format!("{}: only root may look into it", place.state.display()));
    }
    supervisor(name, home, &mut scene);
    scene.spec = spec::read(name, home);
    scene.events = events::read(&place.state);
    let asked = scene.valid_spec().map(|spec| network::ask(spec, &scene, options));
    output::read(&place.logs, &mut scene);
    scene.usage = usage::watch(&scene, options.window);
    kernel::read(&mut scene);
    spec::compare(name, home, options, &mut scene);
    scene.disks = disks(&place, scene.valid_spec());
    scene.folders = folders(&place, &scene.spec);
    if let Some(asked) = asked {
        asked.answered(&mut scene);
    }
    let newest_event = scene.events.iter().filter_map(|event| event.time).max();
    let newest = [newest_event, scene.clock.newest].into_iter().flatten().max();
    scene.clock = Clock { newest, synchronised: diagnosis::clock_is_synchronised() };
    // What was written down while we looked is not ahead of now.
    scene.now = SystemTime::now();
    scene
}

/// Looks at the whole machine, and at each service without watching it for long.
#[must_use]
pub fn machine(options: &Options) -> Machine {
    let known = abide_host::home::known(&options.whose);
    let quick = Options { window: Duration::ZERO, ..options.clone() };
    let mut services = Vec::new();
    // So many at once: most of a look is waiting.
    for part in known.chunks(8) {
        let looks: Vec<_> = part
            .iter()
            .map(|(name, home)| {
                let (name, home, quick) = (name.clone(), home.clone(), quick.clone());
                (name.clone(), std::thread::spawn(move || service(&name, &home, &quick)))
            })
            .collect();
        for (name, look) in looks {
            services.extend(look.join().ok().map(|scene| One::of(name, &scene)));
        }
    }
    Machine::look(&options.whose, services)
}

/// What `f` answers, unless it takes longer than this; then it goes on by itself, and nobody waits.
pub(crate) fn within<T: Send + 'static>(
    patience: Duration,
    f: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (told, heard) = mpsc::channel();
    let look = std::thread::Builder::new().name("look".into()).spawn(move || {
        // Whoever waited may have gone.
        let _ = told.send(f());
    });
    look.ok()?;
    heard.recv_timeout(patience).ok()
}

/// The words before a verb that mean this service.
fn whose(home: &Home, options: &Options) -> String {
    match (&options.whose.dir, home.scope()) {
        (Some(dir), _) => format!("--dir {}", dir.display()),
        (None, Some(Scope::User)) => "--user".into(),
        _ => String::new(),
    }
}

fn known(name: &Name, home: &Home, state: &std::path::Path) -> (Known, Option<String>) {
    let trouble = match status::read(state) {
        Err(status::StatusError::Read { source, .. })
            if source.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            None
        }
        Err(error) => Some(error.to_string()),
        Ok(_) => None,
    };
    let (own, at) = (name.clone(), home.clone());
    let known = within(PATIENCE, move || Known::of(&own, &at));
    let nothing = |why: String| Known::nothing(name, home, why);
    match known {
        Some(Ok(known)) => (known, trouble),
        Some(Err(HostError { error, .. })) => (nothing(error), trouble),
        None => (nothing("the service manager does not answer".into()), trouble),
    }
}

fn supervisor(name: &Name, home: &Home, scene: &mut Scene) {
    let status = &scene.known.status;
    if status.supervisor.pid == 0 || home.is_direct(name) {
        return;
    }
    let main = scene.known.manager.as_ref().and_then(|manager| manager.main_pid);
    // The service manager knows better than a look from another container.
    let lives = status::supervisor_lives(status) || main == Some(status.supervisor.pid);
    scene.supervisor_lives = Some(lives);
    if !lives {
        return;
    }
    let endpoint = home.place(name).endpoint();
    let asked = within(ANSWER * 2, move || control::ask(&endpoint, Verb::Status, ANSWER, |_| ()));
    scene.supervisor_answers = match asked {
        Some(Ok(_) | Err(AskError::Refused(_))) => Some(true),
        Some(Err(AskError::Unreachable { source, .. }))
            if source.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            None
        }
        // A supervisor on its way out takes its endpoint with it.
        Some(Err(_)) if matches!(status.state.as_str(), "stopped" | "failed" | "stopping") => None,
        Some(Err(_)) | None => Some(false),
    };
}

fn disks(place: &abide_supervisor::Place, spec: Option<&Spec>) -> Vec<Disk> {
    let working = spec.and_then(|spec| spec.program.working_dir.clone());
    let folders = [
        ("state", Some(place.state.clone())),
        ("logs", Some(place.logs.clone())),
        ("working directory", working),
    ];
    let mut disks: Vec<Disk> = Vec::new();
    for (what, folder) in folders {
        let Some(folder) = folder else { continue };
        let at = folder.clone();
        let Some(Ok(space)) = within(PATIENCE, move || diagnosis::space(&at)) else { continue };
        let disk = Disk {
            what,
            folder,
            total: space.total,
            free: space.free,
            files: space.files,
            files_free: space.files_free,
        };
        // The same disk, as far as its numbers tell.
        if disks.iter().all(|other| (other.total, other.files) != (disk.total, disk.files)) {
            disks.push(disk);
        }
    }
    disks
}

fn folders(place: &abide_supervisor::Place, spec: &SpecSeen) -> Vec<Folder> {
    let mut paths = vec![("its state", place.state.clone()), ("its logs", place.logs.clone())];
    match spec {
        SpecSeen::Valid { file, spec } => {
            paths.push(("its spec", file.clone()));
            paths.extend(spec.program.env_file.clone().map(|file| ("its env-file", file)));
            let program = spec.program.command.first().map(PathBuf::from).filter(|path| path.is_absolute());
            paths.extend(program.map(|path| ("its program", path)));
        }
        SpecSeen::Invalid { file, .. } | SpecSeen::Unreadable { file, .. } => {
            paths.push(("its spec", file.clone()));
        }
        SpecSeen::Absent => {}
    }
    paths
        .into_iter()
        .filter(|(_, path)| path.exists())
        .map(|(what, path)| Folder { what, open: diagnosis::open_to_everybody(&path), path })
        .collect()
}
