//! `abide up`: run services in the foreground.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use abide_os::link::{self, ManagerKind};
use abide_os::manager::foreground;
use abide_os::paths::Layout;
use abide_os::resolve::{self, Relative};
use abide_os::terminal::Silence;
use abide_supervisor::{Charge, Driver, Outcome, Place, SetupError, Show, status};

use crate::args::{Common, Up};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::findings;
use crate::printer::{self, Printer};
use crate::screen::{Look, Screen};
use crate::services::absolute;
use crate::shown::shell_word;
use crate::specs::{self, Loaded};

/// Runs services until all have ended, or a signal ends them.
pub fn run(args: &Up, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let paths = if args.paths.is_empty() { vec![PathBuf::from(".")] } else { args.paths.clone() };
    let mut loaded = specs::load(&paths)?;
    let folder = match &common.dir {
        Some(dir) => absolute(dir)?,
        None => project_folder(&paths)?,
    };
    let layout = Layout::project(&folder);
    for one in &mut loaded {
        refuse_twice(one, &layout)?;
        resolve(one, printer)?;
    }
    keep_out_of_git(&folder)?;

    let names: Vec<String> = loaded.iter().map(|one| one.spec.name.to_string()).collect();
    let look = Look {
        terminal: printer::output_is_terminal(),
        table: !args.plain && printer.is_live(),
        events: !printer.is_quiet(),
        colour: printer::output_is_coloured(),
    };
    introduce(&folder, &names, look, printer);
    let screen = Arc::new(Screen::new(names, look));
    let silence = if look.table { Silence::begin() } else { None };
    let drawing = screen.start().map_err(|error| Failure::io("no thread for the view", &error))?;
    let outcome = supervise(loaded, &layout, &screen, args.no_output);
    screen.close();
    drop(silence);
    // It may be stuck on a terminal that takes nothing; then it ends with this process.
    if drawing.is_finished() {
        let _ = drawing.join();
    }
    conclude(&outcome?)
}

fn supervise(
    loaded: Vec<Loaded>,
    layout: &Layout,
    screen: &Arc<Screen>,
    no_output: bool,
) -> Result<Outcome, Failure> {
    let watch = Arc::clone(screen);
    let show = (!no_output).then(|| Arc::clone(screen) as Arc<dyn Show>);
    let charges: Vec<Charge> = loaded.into_iter().map(|one| charge(one, layout)).collect();
    let (told, outcome) = std::sync::mpsc::channel();
    link::host(ManagerKind::Foreground, "abide", move |link| {
        let supervised = (|| {
            let mut driver = Driver::new(ManagerKind::Foreground, Arc::new(link), Some(watch))?;
            for charge in charges {
                driver.add(charge, show.clone())?;
            }
            driver.run()
        })();
        // The receiver outlives this call.
        let _ = told.send(supervised);
        0
    });
    let outcome =
        outcome.recv().map_err(|_| Failure::new(Exit::Failed, "the supervision ended without a result"))?;
    Ok(outcome?)
}

/// What to know before the output begins to scroll.
fn introduce(folder: &Path, names: &[String], look: Look, printer: &Printer) {
    let below = std::env::current_dir().is_ok_and(|here| here.starts_with(folder));
    let dir =
        if below { String::new() } else { format!(" --dir {}", shell_word(&folder.display().to_string())) };
    let stop = if look.table { "" } else { "; Ctrl-C stops them, a second one kills them at once" };
    let many = if names.len() == 1 { "1 service".into() } else { format!("{} services", names.len()) };
    printer.note(format!(
        "running {many} of {}; `abide status{dir}` in another terminal tells how they fare{stop}",
        folder.display()
    ));
}

/// Success where no service ended in failure.
fn conclude(outcome: &Outcome) -> Result<Exit, Failure> {
    if outcome.is_success() {
        return Ok(Exit::Ok);
    }
    let failed = outcome.services.iter().filter(|status| status.state == "failed");
    let told: Vec<String> = failed
        .map(|status| {
            let why = status.why.as_deref().unwrap_or("failed");
            format!("{}: {}", status.name, crate::text::plain(why))
        })
        .collect();
    Err(Failure::new(Exit::Failed, told.join("\n       "))
        .hint("`abide events NAME` and `abide logs NAME` tell more"))
}

/// The folder whose `.abide` keeps state and logs: the one all specs lie in, else this one.
fn project_folder(paths: &[PathBuf]) -> Result<PathBuf, Failure> {
    let mut folders = Vec::new();
    for path in paths {
        // Without a `.` at its end.
        let path: PathBuf = absolute(path)?.components().collect();
        folders.push(if path.is_dir() {
            path
        } else {
            path.parent().map_or_else(|| path.clone(), Path::to_owned)
        });
    }
    folders.dedup();
    match folders.as_slice() {
        [one] => Ok(one.clone()),
        _ => absolute(Path::new(".")).map(|here| here.components().collect()),
    }
}

/// One service has one supervisor. The lock sees to that; said here before anything else is looked at,
/// such as the port that the other one uses.
fn refuse_twice(one: &Loaded, layout: &Layout) -> Result<(), Failure> {
    let place = Place::of(layout, &one.spec.name);
    match status::read(&place.state) {
        Ok(Some(left)) if status::supervisor_lives(&left) => {
            Err(SetupError::Busy { name: one.spec.name.clone(), pid: Some(left.supervisor.pid) }.into())
        }
        _ => Ok(()),
    }
}

/// Paths from the spec's folder on; bare commands from beside this executable (so that examples that
/// were built with it are found), then from `PATH`. Then what speaks against running it here.
fn resolve(one: &mut Loaded, printer: &Printer) -> Result<(), Failure> {
    let subject = specs::shown(&one.file).display().to_string();
    let folder = one.folder().to_owned();
    let mut found = resolve::spec(&mut one.spec, Relative::Against(&folder), search_path().as_deref());
    findings::refuse(&subject, &found)?;
    found.extend(foreground::findings(&one.spec));
    found.extend(findings::of_restarts(&one.spec));
    findings::refuse(&subject, &found)?;
    findings::tell(&subject, &found, printer);
    Ok(())
}

fn search_path() -> Option<OsString> {
    let own = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned));
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path))).ok()
}

fn charge(one: Loaded, layout: &Layout) -> Charge {
    let place = Place::of(layout, &one.spec.name);
    Charge { base: Some(one.folder().to_owned()), spec: one.spec, place, env_file: None }
}

/// State and logs are nobody's source code.
fn keep_out_of_git(folder: &Path) -> Result<(), Failure> {
    let own = folder.join(".abide");
    let refuse = |error| Failure::io(format!("state and logs cannot be kept in {}", own.display()), &error);
    abide_os::fs::private_dir(&own).map_err(refuse)?;
    let ignore = own.join(".gitignore");
    if !ignore.exists() {
        std::fs::write(ignore, "*\n").map_err(refuse)?;
    }
    Ok(())
}
