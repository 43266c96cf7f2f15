//! The spec that `abide install` writes.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use abide_os::manager::Level;
use abide_os::resolve::{self, Relative};
use abide_spec::{Probe, Ready, RunAs, Spec, When};

use crate::args::Install;
use crate::exit::Exit;
use crate::failure::Failure;

/// The spec for a command line typed in the folder `here`: the same program, found the same way, with
/// absolute paths, since a service starts in no folder of the user's.
pub fn make(args: &Install, here: &Path, path: Option<&OsStr>) -> Result<Spec, Failure> {
    let mut spec = Spec::minimal(args.name.clone(), args.command.clone());
    spec.description.clone_from(&args.description);
    spec.program.working_dir.clone_from(&args.working_dir);
    spec.start.after.clone_from(&args.after);
    if let Some(account) = &args.run_as {
        spec.account.run_as = RunAs::from(account.clone());
    }
    if let Some(when) = &args.restart {
        spec.restart.when = parse_when(when)?;
    }
    if let Some(url) = &args.ready {
        let url = url.parse().map_err(|error: String| Failure::new(Exit::Usage, error))?;
        spec.start.ready = Some(Ready::new(Probe::Http(url)));
    }
    for entry in &args.env {
        let (name, value) = entry.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("`{entry}` is no variable; write --env NAME=VALUE"))
        })?;
        // What the user typed is meant as it stands.
        spec.program.env.insert(name.to_owned(), value.replace('$', "$$"));
    }
    let findings = resolve::spec(&mut spec, Relative::Against(here), path);
    if let Some(error) = findings.iter().find(|finding| finding.level == Level::Error) {
        let failure = Failure::new(Exit::BadSpec, format!("{}: {}", args.name, error.text));
        return Err(match &error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        });
    }
    if spec.program.working_dir.is_none() {
        spec.program.working_dir = PathBuf::from(&spec.program.command[0]).parent().map(Path::to_owned);
    }
    // The same checks as for a spec that was written by hand.
    Spec::parse(&spec.to_toml()).map_err(|errors| {
        let first = errors.iter().next();
        let failure = Failure::new(
            Exit::BadSpec,
            first.map_or_else(String::new, |error| format!("{}: {}", error.path, error.message)),
        );
        match first.and_then(|error| error.hint.clone()) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

fn parse_when(text: &str) -> Result<When, Failure> {
    match text {
        "always" => Ok(When::Always),
        "on-failure" => Ok(When::OnFailure),
        "never" => Ok(When::Never),
        _ => Err(Failure::new(
            Exit::Usage,
            format!("`{text}` is not when to restart; write always, on-failure or never"),
        )),
    }
}
