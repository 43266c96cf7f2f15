//! The spec that `abide install` writes.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use abide_os::resolve::{self, Relative};
use abide_spec::{CommandKind, Family, Probe, Profile, Ready, RunAs, Spec};

use crate::args::Install;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::findings;

/// A spec, and what was decided in it that the user did not say.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// The spec.
    pub spec: Spec,
    /// Decisions, in words.
    pub notes: Vec<String>,
}

impl Made {
    /// The text of the spec file.
    pub fn text(&self) -> String {
        format!(
            "# Made by `abide install`. Change it as you like, then run `abide apply` with this file;\n\
             # `abide schema` lists all that can be set.\n{}",
            self.spec.to_toml()
        )
    }
}

/// The spec for a command line typed in the folder `here`: the same program, found the same way, with
/// absolute paths, since a service starts in no folder of the user's.
pub fn make(args: &Install, here: &Path, path: Option<&OsStr>) -> Result<Made, Failure> {
    let mut spec = Spec::minimal(args.name.clone(), args.command.clone());
    let mut notes = Vec::new();
    let bare = args
        .command
        .first()
        .is_some_and(|first| CommandKind::of(first, Family::current()) == CommandKind::Bare);
    spec.description.clone_from(&args.description);
    spec.program.working_dir.clone_from(&args.working_dir);
    spec.start.after.clone_from(&args.after);
    if let Some(account) = &args.run_as {
        spec.account.run_as = RunAs::from(account.clone());
    }
    if let Some(when) = args.restart {
        spec.restart.when = when.into();
    }
    if let Some(url) = &args.ready {
        spec.start.ready = Some(Ready::new(Probe::Http(url.clone())));
    }
    for variable in &args.env {
        // What the user typed is meant as it stands.
        spec.program.env.insert(variable.name.clone(), variable.value.replace('$', "$$"));
    }
    let found = resolve::spec(&mut spec, Relative::Against(here), search_path(here, path).as_deref());
    findings::refuse(args.name.as_str(), &found)?;
    if spec.program.working_dir.is_none() {
        spec.program.working_dir = working_dir(&spec, bare, here, &mut notes);
    }
    if let Some(runtime) = resolve::jit_runtime(&spec.program.command, path) {
        spec.security.profile = Profile::Jit;
        notes.push(format!(
            "{runtime} writes code while it runs: `security.profile = \"jit\"` was chosen, which lets it"
        ));
    }
    // The same checks as for a spec that was written by hand.
    spec.validate().map_err(|errors| {
        let told: Vec<String> =
            errors.iter().map(|error| format!("{}: {}", error.path, error.message)).collect();
        let failure = Failure::new(Exit::BadSpec, format!("{}: {}", args.name, told.join("\n       ")));
        match errors.iter().find_map(|error| error.hint.clone()) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    Ok(Made { spec, notes })
}

/// Where a bare command is looked for: as the shells of this system do.
fn search_path(here: &Path, path: Option<&OsStr>) -> Option<OsString> {
    let folders = path.map(std::env::split_paths).into_iter().flatten();
    if Family::current() == Family::Windows {
        return std::env::join_paths(std::iter::once(here.to_owned()).chain(folders)).ok();
    }
    path.map(OsStr::to_owned)
}

/// The folder to run in: this one where an argument names a file in it, else the one the program lies in; a
/// program of the system needs none.
fn working_dir(spec: &Spec, bare: bool, here: &Path, notes: &mut Vec<String>) -> Option<PathBuf> {
    let (program, arguments) = spec.program.command.split_first()?;
    let relative = arguments.iter().find(|argument| {
        let path = Path::new(argument);
        !argument.is_empty() && path.is_relative() && here.join(path).exists()
    });
    if let Some(argument) = relative {
        notes.push(format!(
            "`{argument}` is in this folder: it runs in {} (--working-dir DIR for another)",
            here.display()
        ));
        return Some(here.to_owned());
    }
    let folder = Path::new(program).parent().filter(|folder| !folder.as_os_str().is_empty())?;
    (!bare || folder == here).then(|| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Verb};

    fn make_in(here: &Path, path: &Path, words: &[&str]) -> Result<Made, Failure> {
        let words = ["abide", "install"].iter().chain(words);
        let Verb::Install(args) = Cli::try_parse_from(words).unwrap().verb else { unreachable!() };
        make(&args, here, Some(path.as_os_str()))
    }

    /// A folder with executables of these names.
    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let file = folder.path().join(name).with_extension(std::env::consts::EXE_EXTENSION);
            // A copy is executable on every system.
            std::fs::copy(std::env::current_exe().unwrap(), file).unwrap();
        }
        folder
    }

    #[test]
    fn a_path_is_made_absolute_and_its_folder_is_run_in() {
        let here = folder(&["server"]);
        let made = make_in(here.path(), Path::new(""), &["web", "--", "./server", "--port", "80"]);
        let Made { spec, notes } = make_ok(made);
        assert!(Path::new(&spec.program.command[0]).is_absolute());
        assert_eq!(spec.program.command[1..], ["--port", "80"]);
        assert_eq!(spec.program.working_dir.as_deref(), Some(here.path()));
        assert!(notes.is_empty());
    }

    fn make_ok(made: Result<Made, Failure>) -> Made {
        made.unwrap_or_else(|failure| panic!("{failure:?}"))
    }

    #[test]
    fn a_program_of_the_system_runs_here_only_for_a_file_that_is_here() {
        let (system, here) = (folder(&["runner"]), folder(&[]));
        let made = make_ok(make_in(here.path(), system.path(), &["web", "--", "runner", "app.py"]));
        assert_eq!(made.spec.program.working_dir, None);
        std::fs::write(here.path().join("app.py"), "").unwrap();
        let made = make_ok(make_in(here.path(), system.path(), &["web", "--", "runner", "app.py"]));
        assert_eq!(made.spec.program.working_dir.as_deref(), Some(here.path()));
        assert!(made.notes[0].contains("app.py"), "{:?}", made.notes);
    }

    #[test]
    fn a_runtime_that_compiles_gets_its_profile_and_it_is_said() {
        let (system, here) = (folder(&["node"]), folder(&[]));
        let made = make_ok(make_in(here.path(), system.path(), &["web", "--", "node", "-e", "1"]));
        assert_eq!(made.spec.security.profile, Profile::Jit);
        assert!(made.notes[0].contains("jit"), "{:?}", made.notes);
    }

    #[test]
    fn what_is_not_found_names_the_folders_searched() {
        let here = folder(&[]);
        let failure = make_in(here.path(), here.path(), &["web", "--", "no-such-program"]).unwrap_err();
        assert_eq!(failure.exit, Exit::BadSpec);
        assert!(failure.error.contains(&here.path().display().to_string()), "{}", failure.error);
    }

    #[test]
    fn the_text_says_what_the_spec_says() {
        let here = folder(&["server"]);
        let words =
            ["web", "--env", "PRICE=5$", "--restart", "always", "--", "./server", "a b", "$HOME", "%x"];
        let made = make_ok(make_in(here.path(), Path::new(""), &words));
        assert_eq!(Spec::parse(&made.text()).unwrap(), made.spec);
        assert_eq!(made.spec.program.env["PRICE"], "5$$");
        assert_eq!(made.spec.program.command[1..], ["a b", "$HOME", "%x"]);
    }
}
