//! `abide up`: run services in the foreground.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use abide_os::link::{self, ManagerKind};
use abide_os::manager::Level;
use abide_os::paths::Layout;
use abide_os::resolve::{self, Relative};
use abide_supervisor::{Charge, Driver, Place};

use crate::args::{Common, Up};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::screen::Screen;
use crate::services::absolute;
use crate::specs::{self, Loaded};

/// Runs services until all have ended, or a signal ends them.
pub fn run(args: &Up, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let paths = if args.paths.is_empty() { vec![PathBuf::from(".")] } else { args.paths.clone() };
    let mut loaded = specs::load(&paths)?;
    let folder = match &common.dir {
        Some(dir) => absolute(dir)?,
        None => project_folder(&paths[0])?,
    };
    for one in &mut loaded {
        resolve(one, printer)?;
    }
    let layout = Layout::project(&folder);
    keep_out_of_git(&folder)?;
    printer.note(format!("state and logs are below {}", layout.state.with_file_name("").display()));

    let names: Vec<String> = loaded.iter().map(|one| one.spec.name.to_string()).collect();
    let screen = Arc::new(Screen::new(names, printer.is_watched() && !args.plain));
    let show = (!args.no_output).then(|| Arc::clone(&screen));
    let charges: Vec<Charge> = loaded.into_iter().map(|one| charge(one, &layout)).collect();

    let (told, outcome) = std::sync::mpsc::channel();
    link::host(ManagerKind::Foreground, "abide", move |link| {
        let link = Arc::new(link);
        let supervised = (|| {
            let mut driver = Driver::new(ManagerKind::Foreground, link, Some(screen))?;
            for charge in charges {
                driver.add(charge, show.clone().map(|screen| screen as Arc<dyn abide_supervisor::Show>))?;
            }
            driver.run()
        })();
        // The receiver outlives this call.
        let _ = told.send(supervised);
        0
    });
    let outcome = outcome
        .recv()
        .map_err(|_| Failure::new(Exit::Failed, "the supervision ended without a result"))??;
    if outcome.is_success() {
        return Ok(Exit::Ok);
    }
    let failed: Vec<String> = outcome
        .services
        .iter()
        .filter(|status| status.state == "failed")
        .map(|status| format!("{}: {}", status.name, status.why.as_deref().unwrap_or("failed")))
        .collect();
    Err(Failure::new(Exit::Failed, failed.join("\n       "))
        .hint("`abide events NAME` and `abide logs NAME` tell more"))
}

/// The folder whose `.abide` keeps state and logs: that of the first spec.
fn project_folder(first: &Path) -> Result<PathBuf, Failure> {
    let first = absolute(first)?;
    if first.is_dir() {
        return Ok(std::path::absolute(first.components().collect::<PathBuf>()).unwrap_or(first));
    }
    Ok(first.parent().map_or_else(|| first.clone(), Path::to_owned))
}

/// Paths from the spec's folder on; bare commands from beside this executable (so that examples that
/// were built with it are found), then from `PATH`.
fn resolve(one: &mut Loaded, printer: &Printer) -> Result<(), Failure> {
    let folder = one.folder().to_owned();
    let findings = resolve::spec(&mut one.spec, Relative::Against(&folder), search_path().as_deref());
    let errors: Vec<String> =
        findings.iter().filter(|finding| finding.level == Level::Error).map(ToString::to_string).collect();
    for finding in findings.iter().filter(|finding| finding.level == Level::Warning) {
        printer.warning(finding.to_string());
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::BadSpec, format!("{}: {}", one.file.display(), errors.join("; "))))
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
