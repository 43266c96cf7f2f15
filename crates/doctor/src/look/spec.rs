//! The spec: where it is, what it says, and whether what runs is that.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use abide_host::Home;
use abide_os::diagnosis;
use abide_os::manager::{self, Desired, foreground};
use abide_os::resolve::{self, Relative};
use abide_spec::{Name, Spec};

use super::{Options, PATIENCE, within};
use crate::scene::{Applied, Scene, SpecSeen};

/// When a process began is known to the second only.
const SLACK: Duration = Duration::from_secs(2);
/// So many changes are told.
const MOST_CHANGES: usize = 20;

/// Reads the spec of a service: of an installed one where specs are, of an `abide up` in its folder.
pub(super) fn read(name: &Name, home: &Home) -> SpecSeen {
    let Some(folder) = home.project() else { return read_file(home.spec(name.as_str())) };
    // The name of the file is the user's own choice; what is not valid may be named after the service.
    let mut named_so = None;
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        let file = entry.path();
        if file.extension().is_none_or(|extension| extension != "toml") || !file.is_file() {
            continue;
        }
        match read_file(file.clone()) {
            SpecSeen::Valid { mut spec, file } if spec.name == *name => {
                // What cannot be resolved is told by the checks.
                let _ = resolve::spec(&mut spec, Relative::Against(&folder), search_path().as_deref());
                return SpecSeen::Valid { spec, file };
            }
            SpecSeen::Valid { .. } | SpecSeen::Absent => {}
            other if file.file_stem().and_then(|stem| stem.to_str()) == Some(name.as_str()) => {
                named_so = Some(other);
            }
            _ => {}
        }
    }
    named_so.unwrap_or(SpecSeen::Absent)
}

fn read_file(file: PathBuf) -> SpecSeen {
    let text = match std::fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return SpecSeen::Absent,
        Err(error) => {
            let denied = error.kind() == ErrorKind::PermissionDenied;
            return SpecSeen::Unreadable { file, why: error.to_string(), denied };
        }
    };
    match Spec::from_bytes(&text) {
        Ok(spec) => SpecSeen::Valid { file, spec: Box::new(spec) },
        Err(errors) => {
            let told = errors.0.iter().map(|error| match error.line {
                0 => error.message.clone(),
                line => format!("line {line}: {}", error.message),
            });
            SpecSeen::Invalid { errors: told.collect(), file }
        }
    }
}

/// As `abide up` does it: from beside this executable, then from `PATH`.
fn search_path() -> Option<OsString> {
    let own = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned));
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path))).ok()
}

/// Compares what is with what the spec says, and takes over what the checks of a plan find.
pub(super) fn compare(name: &Name, home: &Home, options: &Options, scene: &mut Scene) {
    let SpecSeen::Valid { file, spec } = &scene.spec else { return };
    let (file, spec) = (file.clone(), spec.clone());
    let (applied, found) = match home {
        Home::Project(_) => {
            let spec = spec.clone();
            (
                written_since(&file, scene),
                within(PATIENCE, move || foreground::findings(&spec)).unwrap_or_default(),
            )
        }
        Home::Installed(_) => match plan(&file, &spec, home, options) {
            Ok(planned) => planned,
            Err(why) => {
                scene.blind.push(format!("whether {name} is as its spec says: {why}"));
                (Applied::Unknown, Vec::new())
            }
        },
    };
    scene.applied = applied;
    // Ports are looked at by a step of their own, which knows whose they are.
    scene.preflight = found.into_iter().filter(|one| !one.text.starts_with("port ")).collect();
}

/// Whether the file was written since the `abide up` began that runs it.
fn written_since(file: &Path, scene: &Scene) -> Applied {
    if scene.supervisor_lives != Some(true) {
        return Applied::Unknown;
    }
    let written = std::fs::metadata(file).and_then(|metadata| metadata.modified());
    let began = diagnosis::started(scene.known.status.supervisor.pid);
    let (Ok(written), Some(began)) = (written, began) else { return Applied::Unknown };
    match written.duration_since(began) {
        Ok(after) if after > SLACK => Applied::Differs(vec![format!(
            "{} was written {} after its `abide up` began",
            file.display(),
            crate::words::span(after)
        )]),
        _ => Applied::Same,
    }
}

type Planned = (Applied, Vec<manager::Finding>);

fn plan(file: &Path, spec: &Spec, home: &Home, options: &Options) -> Result<Planned, String> {
    if options.supervisor.is_none() && spec.program.supervised {
        return Err("`abide-supervisor` is not beside `abide`".into());
    }
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let desired = Desired::new(spec.clone(), Some(&text), options.supervisor.clone());
    let scope = home.scope().unwrap_or_default();
    let planned = within(PATIENCE, move || {
        let manager = abide_host::home::manager(scope).map_err(|error| error.to_string())?;
        manager.plan(&desired).map_err(|error| error.to_string())
    });
    let plan = planned.ok_or("the service manager does not answer")??;
    let changes = plan.changes.iter().take(MOST_CHANGES).map(|change| change.target.clone());
    let applied = if plan.is_empty() { Applied::Same } else { Applied::Differs(changes.collect()) };
    Ok((applied, plan.findings))
}

/// The environment that the spec gives, as far as it can be told here: names and values.
pub(super) fn environment(spec: &Spec) -> BTreeMap<String, String> {
    let file = env_file(spec);
    let inherited = |name: &str| std::env::var(name).ok();
    abide_spec::expand::environment(inherited, &file, &spec.program.env).unwrap_or_else(|_| {
        // Told by the checks; what names no other variable is still of use.
        let all =
            file.iter().map(|(name, value)| (name.clone(), value.clone())).chain(spec.program.env.clone());
        all.filter(|(_, value)| !value.contains("${")).collect()
    })
}

fn env_file(spec: &Spec) -> Vec<(String, String)> {
    let text = spec.program.env_file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
    text.and_then(|text| abide_spec::env_file::parse(&text).ok()).unwrap_or_default()
}

/// The environment of a service, expanded and as it stands in its env-file: none of its values is for others.
pub(crate) fn secrets(spec: &Spec) -> Vec<(String, String)> {
    let raw = env_file(spec).into_iter().map(|(name, value)| (name, value.replace("$$", "$")));
    environment(spec).into_iter().chain(raw).collect()
}
